// Verify: the table of agent types.
#include "shm/verify_pass.hpp"

#include <string>

namespace mabeam::shm {

void verify_types(VerifyPass& pass) {
  const TypeTable types = pass.segment().types();
  const Symbols symbols = pass.segment().symbols();
  for (std::uint32_t index = 0; index < TypeTable::kSlots; ++index) {
    const Symbol name = types.name(index);
    const auto where = [&] { return "type slot " + std::to_string(index); };
    const bool has_facts = types.has_facts(index);
    if (name == Symbol::none && !has_facts) continue;
    pass.expect(is_known(symbols, name), where, "its name is no symbol",
                static_cast<std::uint64_t>(name));
    pass.expect(!has_facts || types.facts(index).has_value(), where,
                "what it says of its type is damaged", index);
  }
  pass.count_bytes(TypeTable::kBytes);
}

}  // namespace mabeam::shm
