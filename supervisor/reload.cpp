#include "supervisor/reload.hpp"

#include "supervisor/config_keys.hpp"

#include <variant>

namespace mabeam::supervisor {
namespace {

bool is_changed_in_place(const KeyInfo& key) {
  return key.reload == Reload::now && key.in_force;
}

void copy_value(const KeyInfo& key, const Config& from, Config& to) {
  std::visit([&](const auto& field) { field.edit(to) = field.get(from); }, key.target);
}

}  // namespace

ReloadPlan plan_reload(const Config& current, const Config& wanted) {
  ReloadPlan plan{.config = current, .changed = {}, .not_changed = {}};
  for (const KeyInfo& key : describe_config()) {
    if (key.reload == Reload::none || is_same_value(key, current, wanted)) continue;
    if (is_changed_in_place(key)) {
      copy_value(key, wanted, plan.config);
      plan.changed.push_back(key.full_name());
    } else {
      plan.not_changed.push_back(key.full_name());
    }
  }
  return plan;
}

}  // namespace mabeam::supervisor
