#include "worker/types.hpp"

namespace mabeam::worker {

Result<> Types::add(std::span<const TypeDescriptor> types) {
  for (const TypeDescriptor& type : types) {
    if (type.type.name.empty() || type.type.name.size() > 63) return fail(Errc::invalid_argument);
    const Result<Symbol> symbol = symbols_.intern(type.type.name);
    if (!symbol) return fail(symbol.error());
    if (!by_symbol_.emplace(static_cast<std::uint32_t>(*symbol), &type).second) {
      return fail(Errc::invalid_argument);
    }
    for (const std::string_view action : type.type.actions) {
      if (const Result<Symbol> name = symbols_.intern(action); !name) return fail(name.error());
    }
  }
  return {};
}

}  // namespace mabeam::worker
