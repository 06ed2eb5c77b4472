// Reload: another configuration for a runtime that runs.
//
// What can be changed in place is; what workers take at their start comes by restarting them one by
// one (rollout.hpp); the rest keeps its old value and is named, so that nobody believes in a
// setting that is not in force. A configuration with a fault changes nothing at all.
#pragma once

#include "supervisor/config.hpp"

#include <string>
#include <vector>

namespace mabeam::supervisor {

struct ReloadPlan {
  Config config;                         ///< the old one with what can be changed
  std::vector<std::string> changed;      ///< keys that have a new value now
  std::vector<std::string> rolling;      ///< keys that workers take when they are restarted
  std::vector<std::string> not_changed;  ///< keys whose new value needs a restart of the runtime
};

ReloadPlan plan_reload(const Config& current, const Config& wanted);

/// Puts back what workers are started with: the rolling keys of `old`.
void restore_rolling(const WorkerConfig& old, Config& config);

}  // namespace mabeam::supervisor
