#include "supervisor/rebalance.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mabeam::supervisor {
namespace {

constexpr double kBusy = 0.5;
constexpr double kFarBusier = 0.25;
constexpr double kWorthIt = 0.125;
constexpr double kAlike = 1e-6;
constexpr std::uint64_t kLooksToStay = 10;

/// How busy each worker is, and how many shards it has.
struct Load {
  double busy = 0;
  std::uint32_t shards = 0;
};

std::vector<Load> loads_of(const Placement& placement, std::size_t workers,
                           std::span<const double> busy) {
  std::vector<Load> loads(workers);
  for (std::size_t shard = 0; shard < placement.size(); ++shard) {
    if (placement[shard] >= workers) continue;
    loads[placement[shard]].busy += busy[shard];
    ++loads[placement[shard]].shards;
  }
  return loads;
}

/// The busiest and the least busy of the full workers. The same one, if there is but one.
std::optional<std::pair<std::uint32_t, std::uint32_t>> find_pair(const std::vector<Load>& loads,
                                                                 std::span<const Share> shares) {
  std::optional<std::pair<std::uint32_t, std::uint32_t>> pair;
  for (std::uint32_t worker = 0; worker < loads.size(); ++worker) {
    if (shares[worker] != Share::full) continue;
    if (!pair) pair = {worker, worker};
    if (loads[worker].busy > loads[pair->first].busy) pair->first = worker;
    if (loads[worker].busy < loads[pair->second].busy) pair->second = worker;
  }
  return pair;
}

}  // namespace

// Of two that are as good the less busy one moves: fewer wait for it.
std::optional<ShardMove> find_move(const Placement& placement, std::span<const Share> shares,
                                   std::span<const double> busy,
                                   const std::vector<bool>& may_move) {
  const std::vector<Load> loads = loads_of(placement, shares.size(), busy);
  const auto pair = find_pair(loads, shares);
  if (!pair) return std::nullopt;
  const auto [from, to] = *pair;
  const double most = loads[from].busy;
  const double least = loads[to].busy;
  if (loads[from].shards < 2 || most < kBusy || most - least < kFarBusier) return std::nullopt;
  std::optional<ShardMove> best;
  double best_most = most - kWorthIt;
  for (std::uint32_t shard = 0; shard < placement.size(); ++shard) {
    if (placement[shard] != from || !may_move[shard]) continue;
    const double new_most = std::max(most - busy[shard], least + busy[shard]);
    const bool is_as_good = best && std::abs(new_most - best_most) < kAlike;
    const bool is_better = new_most <= best_most && !is_as_good;
    if (!is_better && !(is_as_good && busy[shard] < busy[best->shard])) continue;
    best = ShardMove{shard, from, to, most, least};
    best_most = new_most;
  }
  return best;
}

std::vector<double> Rebalance::measure(Time now, std::vector<std::uint64_t> busy_ns) {
  const auto passed = static_cast<double>((now - looked_).count());
  std::vector<double> busy(busy_ns.size());
  for (std::size_t shard = 0; shard < busy_ns_.size(); ++shard) {
    if (busy_ns[shard] < busy_ns_[shard]) continue;
    busy[shard] =
        std::clamp(static_cast<double>(busy_ns[shard] - busy_ns_[shard]) / passed, 0.0, 1.0);
  }
  busy_ns_ = std::move(busy_ns);
  looked_ = now;
  return busy;
}

std::optional<ShardMove> Rebalance::look(Time now, const Placement& placement,
                                         std::span<const Share> shares,
                                         std::vector<std::uint64_t> busy_ns) {
  const bool is_first = busy_ns_.empty();
  stays_.resize(busy_ns.size());
  const std::vector<double> busy = measure(now, std::move(busy_ns));
  ++looks_;
  if (is_first) return std::nullopt;
  std::vector<bool> may_move;
  for (const std::uint64_t until : stays_)
    may_move.push_back(until < looks_);
  const auto move = find_move(placement, shares, busy, may_move);
  const std::uint32_t before = std::exchange(suspect_, move ? move->from : kNobody);
  if (!move || before != move->from) return std::nullopt;
  stays_[move->shard] = looks_ + kLooksToStay;
  suspect_ = kNobody;
  busy_ns_.clear();
  return move;
}

}  // namespace mabeam::supervisor
