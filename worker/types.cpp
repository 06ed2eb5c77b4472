#include "worker/types.hpp"

namespace mabeam::worker {

Result<> Types::add(std::span<const TypeDescriptor> types) {
  for (const TypeDescriptor& type : types) {
    if (type.type.name.empty() || type.type.name.size() > 63) return fail(Errc::invalid_argument);
    const Result<Symbol> symbol = symbols_.intern(type.type.name);
    if (!symbol) return fail(symbol.error());
    const auto index = static_cast<std::uint32_t>(*symbol);
    if (index >= by_symbol_.size()) by_symbol_.resize(index + 1, nullptr);
    if (by_symbol_[index] != nullptr) return fail(Errc::invalid_argument);
    by_symbol_[index] = &type;
    has_transient_ = has_transient_ || !type.type.durable;
    for (const ActionInfo& action : type.type.actions) {
      if (const Result<Symbol> name = symbols_.intern(action.name); !name)
        return fail(name.error());
    }
  }
  return {};
}

shm::TypeFacts facts_of(const TypeDescriptor& type, std::string_view module) {
  shm::TypeFacts facts{.state_bytes = type.state_bytes,
                       .state_version = type.type.state_version,
                       .can_describe = type.describe != nullptr,
                       .is_serialized = type.is_serialized,
                       .is_durable = type.type.durable,
                       .module = std::string{module},
                       .actions = {}};
  for (const ActionInfo& action : type.type.actions)
    facts.actions.emplace_back(action.name, action.description);
  return facts;
}

}  // namespace mabeam::worker
