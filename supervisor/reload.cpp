#include "supervisor/reload.hpp"

#include "supervisor/config_keys.hpp"

#include <variant>

namespace mabeam::supervisor {
namespace {

bool can_change(const KeyInfo& key) {
  return key.reload == Reload::now || key.reload == Reload::rolling;
}

void copy_value(const KeyInfo& key, const Config& from, Config& to) {
  std::visit([&](const auto& field) { field.edit(to) = field.get(from); }, key.target);
}

}  // namespace

ReloadPlan plan_reload(const Config& current, const Config& wanted) {
  ReloadPlan plan{.config = current, .changed = {}, .rolling = {}, .not_changed = {}};
  for (const KeyInfo& key : describe_config()) {
    if (key.reload == Reload::none || is_same_value(key, current, wanted)) continue;
    if (can_change(key)) {
      copy_value(key, wanted, plan.config);
      auto& keys = key.reload == Reload::now ? plan.changed : plan.rolling;
      keys.push_back(key.full_name());
    } else {
      plan.not_changed.push_back(key.full_name());
    }
  }
  return plan;
}

void restore_rolling(const WorkerConfig& old, Config& config) {
  Config before;
  before.worker = old;
  for (const KeyInfo& key : describe_config()) {
    if (key.reload == Reload::rolling) copy_value(key, before, config);
  }
}

}  // namespace mabeam::supervisor
