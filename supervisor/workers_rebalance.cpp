// Workers of which one is far busier than another (worker.rebalance).
#include "supervisor/workers.hpp"

#include <cmath>
#include <utility>

namespace mabeam::supervisor {

// Who has yet to get ready, or is over a soft limit, neither gives nor takes.
std::vector<Share> Workers::shares_of_ready() const {
  std::vector<Share> shares;
  for (const Worker& worker : workers_)
    shares.push_back(worker.state() == WorkerState::ready ? share_of(worker) : Share::none);
  return shares;
}

// While somebody is just being ended, or has all shards for a while, what is measured means little.
void Workers::rebalance(Time now) {
  const Time interval = runtime_.config.worker.rebalance;
  if (interval == Time{0} || is_ending_ || !is_settled()) {
    rebalance_.forget();
    return;
  }
  if (!rebalance_.is_due(now, interval)) return;
  std::vector<std::uint64_t> busy_ns;
  for (std::uint32_t shard = 0; shard < runtime_.segment.dimensions().shards; ++shard) {
    busy_ns.push_back(runtime_.segment.metrics(shard).busy_ns.load(std::memory_order_relaxed));
  }
  Placement placement = read_placement(runtime_.segment);
  const auto move = rebalance_.look(now, placement, shares_of_ready(), std::move(busy_ns));
  if (!move) return;
  placement[move->shard] = move->to;
  (void)store_placement(runtime_.segment, placement);
  log_.info("a shard moves to a worker that is less busy",
            {{"shard", move->shard},
             {"from", move->from},
             {"to", move->to},
             {"from_busy_percent", std::round(move->from_busy * 100)},
             {"to_busy_percent", std::round(move->to_busy * 100)}});
}

}  // namespace mabeam::supervisor
