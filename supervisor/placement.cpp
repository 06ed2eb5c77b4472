#include "supervisor/placement.hpp"

#include "shm/doorbell.hpp"

#include <algorithm>

namespace mabeam::supervisor {
namespace {

/// The workers that may run shards, and how many each has.
class Loads {
 public:
  Loads(const Placement& placement, std::span<const Share> shares)
      : shares_(shares),
        counts_(shares.size()) {
    const bool has_full = std::find(shares.begin(), shares.end(), Share::full) != shares.end();
    full_ = has_full ? Share::full : Share::one;
    for (const std::uint32_t worker : placement)
      if (worker < counts_.size()) ++counts_[worker];
  }

  [[nodiscard]] bool has_any() const {
    return std::any_of(shares_.begin(), shares_.end(),
                       [](Share share) { return share != Share::none; });
  }

  /// How many it may have: those on trial, one; where there are none but those, all of them.
  [[nodiscard]] std::uint32_t most(std::uint32_t worker) const {
    if (worker >= shares_.size() || shares_[worker] == Share::none) return 0;
    return shares_[worker] == full_ ? UINT32_MAX : 1;
  }

  [[nodiscard]] std::uint32_t count(std::uint32_t worker) const { return counts_[worker]; }

  /// The full worker with the fewest, or with the most.
  [[nodiscard]] std::uint32_t lightest() const { return extreme(false); }

  [[nodiscard]] std::uint32_t heaviest() const { return extreme(true); }

  void move(std::uint32_t& shard, std::uint32_t to) {
    if (shard < counts_.size()) --counts_[shard];
    ++counts_[to];
    shard = to;
  }

 private:
  [[nodiscard]] std::uint32_t extreme(bool most) const {
    std::uint32_t found = kNobody;
    for (std::uint32_t worker = 0; worker < counts_.size(); ++worker) {
      if (shares_[worker] != full_) continue;
      const bool is_better = found == kNobody || (most ? counts_[worker] > counts_[found]
                                                       : counts_[worker] < counts_[found]);
      if (is_better) found = worker;
    }
    return found;
  }

  std::span<const Share> shares_;
  std::vector<std::uint32_t> counts_;
  Share full_ = Share::full;
};

/// Who is on trial and has nothing gets a shard of the heaviest, unless that has no more itself.
void give_trials_one(Placement& placement, Loads& loads, std::uint32_t workers) {
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    if (loads.most(worker) != 1 || loads.count(worker) != 0) continue;
    const std::uint32_t giver = loads.heaviest();
    if (loads.count(giver) < 2) continue;
    loads.move(*std::find(placement.begin(), placement.end(), giver), worker);
  }
}

/// Shards that a full worker has to have, if there are so many.
std::uint32_t least_part(const Placement& placement, std::span<const Share> shares) {
  const auto full = std::count(shares.begin(), shares.end(), Share::full);
  return std::max(1U, static_cast<std::uint32_t>(placement.size()) /
                          static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(full, 1)) / 2);
}

void level(Placement& placement, Loads& loads, std::uint32_t enough) {
  for (;;) {
    const std::uint32_t giver = loads.heaviest();
    const std::uint32_t taker = loads.lightest();
    if (loads.count(giver) < loads.count(taker) + 2 || loads.count(taker) >= enough) return;
    // The last of the giver's, so that its first ones stay where they have always been.
    const auto last = std::find(placement.rbegin(), placement.rend(), giver);
    loads.move(*last, taker);
  }
}

}  // namespace

Placement plan_placement(Placement current, std::span<const Share> shares, Evenness evenness) {
  Loads loads{current, shares};
  if (!loads.has_any()) return current;
  for (std::uint32_t& worker : current) {
    const bool may_stay = worker < shares.size() && loads.count(worker) <= loads.most(worker);
    if (!may_stay) loads.move(worker, loads.lightest());
  }
  give_trials_one(current, loads, static_cast<std::uint32_t>(shares.size()));
  level(current, loads, evenness == Evenness::loose ? least_part(current, shares) : UINT32_MAX);
  return current;
}

Placement read_placement(const shm::Segment& segment) {
  Placement placement(segment.dimensions().shards, kNobody);
  for (std::uint32_t shard = 0; shard < placement.size(); ++shard) {
    const auto& endpoint = segment.endpoint(shm::Segment::endpoint_of_shard(shard));
    const std::uint64_t word = endpoint.placement.load(std::memory_order_acquire);
    if (word >= 1 && word <= shm::kMaxWorkers) {
      placement[shard] = static_cast<std::uint32_t>(word - 1);
    }
  }
  return placement;
}

std::uint32_t store_placement(const shm::Segment& segment, const Placement& wanted) noexcept {
  std::uint32_t moves = 0;
  for (std::uint32_t shard = 0; shard < wanted.size(); ++shard) {
    auto& word = segment.endpoint(shm::Segment::endpoint_of_shard(shard)).placement;
    const std::uint64_t value = wanted[shard] == kNobody ? 0 : wanted[shard] + 1ULL;
    if (word.load(std::memory_order_relaxed) == value) continue;
    word.store(value, std::memory_order_release);
    ++moves;
  }
  if (moves != 0) announce_placement(segment);
  return moves;
}

void announce_placement(const shm::Segment& segment) noexcept {
  segment.header().placements.fetch_add(1, std::memory_order_release);
  shm::full_fence();
  for (std::uint32_t index = 0; index < shm::kMaxWorkers; ++index)
    shm::ring_if_sleeping(segment.worker(index).doorbell);
}

}  // namespace mabeam::supervisor
