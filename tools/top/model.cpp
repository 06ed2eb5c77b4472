#include "tools/top/model.hpp"

#include "tools/cli/encoding.hpp"

#include <algorithm>
#include <utility>

namespace mabeam::tools {

namespace {

void note_trends(TopModel& model) {
  model.trends.handled.add(model.rates.delivered);
  model.trends.p99.add(static_cast<double>(model.rates.p99_ns));
  for (const WorkerView& worker : model.look.view.runtime.workers)
    model.trends.workers[worker.index].add(flow_of(model, worker).taken);
}

double fullest_ring_of(const ChannelsView& view, const WorkerView& worker) {
  double fullest = 0;
  for (const ChannelView& channel : view.channels) {
    const bool is_its = std::any_of(worker.shards.begin(), worker.shards.end(),
                                    [&](std::uint32_t shard) { return shard + 1 == channel.to; });
    if (!is_its || channel.capacity_bytes == 0) continue;
    fullest = std::max(fullest, static_cast<double>(channel.used_bytes) /
                                    static_cast<double>(channel.capacity_bytes));
  }
  return fullest;
}

}  // namespace

// How long a handler has run already is the age of the heartbeat, which comes from the work loop.
WorkerFlow flow_of(const TopModel& model, const WorkerView& worker) {
  WorkerFlow flow;
  bool is_running = false;
  for (const std::uint32_t shard : worker.shards) {
    if (shard >= model.look.shards.size()) continue;
    const ShardLook& look = model.look.shards[shard];
    flow.longest_ns = std::max(flow.longest_ns, look.longest_turn_ns);
    is_running = is_running || look.is_running;
    if (shard >= model.rates.taken.size()) continue;
    flow.taken += model.rates.taken[shard];
    flow.given += model.rates.given[shard];
  }
  flow.fullest = fullest_ring_of(model.look.view.channels, worker);
  const double beat_ns = std::clamp(worker.heartbeat_age_seconds * 1e9, 0.0, 1e18);
  const auto running_ns = worker.pid && is_running ? static_cast<std::uint64_t>(beat_ns) : 0;
  flow.is_longest_running = running_ns > flow.longest_ns;
  if (flow.is_longest_running) flow.longest_ns = running_ns;
  return flow;
}

void take_look(TopModel& model, Outcome<TopLook> look) {
  if (!look) {
    if (model.gone.empty()) model.gone_since = std::chrono::steady_clock::now();
    model.gone = look.error().message;
    return;
  }
  const bool is_same =
      look->view.runtime.created_unix_ns == model.look.view.runtime.created_unix_ns;
  if (!is_same) model.trends = {};
  // What happened while it could not be seen is of no interval.
  model.rates = is_same && model.gone.empty() ? rates_between(model.look, *look)
                                              : rates_between(*look, *look);
  model.gone.clear();
  model.look = std::move(*look);
  if (model.rates.seconds > 0) note_trends(model);
}

}  // namespace mabeam::tools
