// Types: the agent types that this worker knows, by name and by symbol.
#pragma once

#include "shm/symbols.hpp"
#include "shm/type_table.hpp"

#include "mabeam/agent.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace mabeam::worker {

class Types {
 public:
  explicit Types(const shm::Symbols& symbols) : symbols_(symbols) {}

  /// Adds types and interns their names and actions. The descriptors must outlive this.
  /// Errors: invalid_argument (a name is empty, too long or taken), symbols_full.
  Result<> add(std::span<const TypeDescriptor> types);

  /// True if any of them is not durable.
  [[nodiscard]] bool has_transient() const noexcept { return has_transient_; }

  /// The type of that symbol, or null.
  [[nodiscard]] const TypeDescriptor* find(Symbol symbol) const noexcept {
    const auto index = static_cast<std::uint32_t>(symbol);
    return index < by_symbol_.size() ? by_symbol_[index] : nullptr;
  }

 private:
  shm::Symbols symbols_;
  std::vector<const TypeDescriptor*> by_symbol_;
  bool has_transient_ = false;
};

/// What tools are told of a type; `module` is the path of its shared object, empty where built in.
shm::TypeFacts facts_of(const TypeDescriptor& type, std::string_view module);

/// demo, echo, counter; and fault where the configuration allows it.
std::span<const TypeDescriptor> builtin_types();
std::span<const TypeDescriptor> fault_types();

}  // namespace mabeam::worker
