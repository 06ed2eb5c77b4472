#include "tools/serve/metric_samples.hpp"

#include "shm/breaker.hpp"

#include "mabeam/version.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace mabeam::tools {

namespace {

using View = MetricsView;
using Samples = MetricSamples;

constexpr std::array kRuntimeStates{RuntimeState::building, RuntimeState::running,
                                    RuntimeState::draining, RuntimeState::stopped};
constexpr std::array kWorkerStates{
    WorkerState::stopped, WorkerState::starting, WorkerState::ready,    WorkerState::degraded,
    WorkerState::suspect, WorkerState::killing,  WorkerState::draining, WorkerState::stopping,
    WorkerState::backoff, WorkerState::failed,   WorkerState::open,     WorkerState::half_open};
constexpr std::array kBreakerStates{shm::BreakerState::closed, shm::BreakerState::open,
                                    shm::BreakerState::half_open};
/// Of the parts of health, those that are several are one here: the worst of them.
constexpr std::array<std::string_view, 11> kParts{"state",    "supervisor",   "worker", "shard",
                                                  "rings",    "parking",      "limits", "names",
                                                  "breakers", "dead letters", "reload"};

double ratio(std::uint64_t used, std::uint64_t capacity) {
  return capacity == 0 ? 0 : static_cast<double>(used) / static_cast<double>(capacity);
}

}  // namespace

Samples runtime_state(const View& view) {
  Samples samples;
  for (const RuntimeState state : kRuntimeStates) {
    samples.push_back(
        {{{"state", std::string{to_string(state)}}}, state == view.runtime.state ? 1.0 : 0.0});
  }
  return samples;
}

Samples workers_by_state(const View& view) {
  Samples samples;
  for (const WorkerState state : kWorkerStates) {
    const auto count = std::count_if(view.runtime.workers.begin(), view.runtime.workers.end(),
                                     [&](const WorkerView& each) { return each.state == state; });
    samples.push_back({{{"state", std::string{to_string(state)}}}, static_cast<double>(count)});
  }
  return samples;
}

Samples worker_breakers(const View& view) {
  Samples samples;
  for (const WorkerView& worker : view.runtime.workers) {
    for (const auto state : kBreakerStates) {
      const std::string_view name = shm::to_string(state);
      samples.push_back({{{"worker", std::to_string(worker.index)}, {"state", std::string{name}}},
                         worker.breaker == name ? 1.0 : 0.0});
    }
  }
  return samples;
}

Samples worker_openings(const View& view) {
  Samples samples;
  for (std::size_t i = 0; i < view.runtime.workers.size(); ++i) {
    samples.push_back({{{"worker", std::to_string(view.runtime.workers[i].index)}},
                       static_cast<double>(view.worker_openings[i])});
  }
  return samples;
}

Samples agent_breakers(const View& view) {
  Samples samples;
  for (const auto state : kBreakerStates) {
    samples.push_back({{{"state", std::string{shm::to_string(state)}}},
                       static_cast<double>(view.agent_breakers[static_cast<std::size_t>(state)])});
  }
  return samples;
}

Samples health_parts(const View& view) {
  Samples samples;
  for (const std::string_view part : kParts) {
    auto worst = HealthView::Status::healthy;
    for (const HealthView::Component& each : view.health.components) {
      // "worker 3" is of "worker".
      const bool is_of_it = each.name == part || each.name.starts_with(std::string{part} + " ");
      if (is_of_it) worst = std::max(worst, each.status);
    }
    std::string label{part};
    std::replace(label.begin(), label.end(), ' ', '_');
    samples.push_back({{{"part", label}}, static_cast<double>(worst)});
  }
  return samples;
}

Samples letters_by_reason(const View& view) {
  Samples samples;
  for (const DeadLetterList::Reason& reason : view.letters.by_reason)
    samples.push_back({{{"reason", reason.name}}, static_cast<double>(reason.count)});
  return samples;
}

Samples fullest_rings(const View& view) {
  static constexpr std::array<std::string_view, 3> kNames{"high", "normal", "low"};
  std::array<double, 3> fullest{};
  for (const ChannelView& channel : view.channels.channels) {
    double& most = fullest[static_cast<std::size_t>(channel.priority)];
    most = std::max(most, ratio(channel.used_bytes, channel.capacity_bytes));
  }
  Samples samples;
  for (std::size_t i = 0; i < kNames.size(); ++i)
    samples.push_back({{{"priority", std::string{kNames[i]}}}, fullest[i]});
  return samples;
}

Samples fullest_log(const View& view) {
  double fullest = 0;
  for (const LogView& log : view.channels.logs)
    fullest = std::max(fullest, ratio(log.used_bytes, log.capacity_bytes));
  return {{{}, fullest}};
}

Samples evictions(const View& view) {
  std::uint64_t count = 0;
  for (const LogView& log : view.channels.logs)
    count += log.evictions;
  return {{{}, static_cast<double>(count)}};
}

Samples reloads(const View& view) {
  return {{{{"result", "taken"}}, static_cast<double>(view.runtime.reloads.taken)},
          {{{"result", "failed"}}, static_cast<double>(view.runtime.reloads.refused)}};
}

Samples info(const View& view) {
  return {{{{"runtime", view.runtime.name}, {"version", std::string{version()}}}, 1}};
}

}  // namespace mabeam::tools
