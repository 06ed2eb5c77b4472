#include "worker/hosting.hpp"

#include "shm/doorbell.hpp"

#include <algorithm>
#include <cstdio>

namespace mabeam::worker {

void Hosting::begin(shm::Incarnation self) {
  self_ = self;
  is_here_.assign(segment_.dimensions().shards, false);
  is_refused_.assign(segment_.dimensions().shards, false);
  look();
}

bool Hosting::is_placed_here(const shm::EndpointSlot& endpoint) const noexcept {
  return endpoint.placement.load(std::memory_order_acquire) == self_.worker() + 1;
}

// An owner that no slot can have had is damage, and no reason to leave the shard to nobody.
bool Hosting::is_free(shm::Incarnation owner) const noexcept {
  if (!owner || owner == self_ || owner.worker() >= shm::kMaxWorkers) return true;
  const auto claim =
      shm::Claim::unpack(segment_.worker(owner.worker()).claim.load(std::memory_order_acquire));
  return claim.incarnation != owner.number();
}

void Hosting::look() {
  seen_ = segment_.header().placements.load(std::memory_order_acquire);
  is_waiting_ = false;
  const auto is_elsewhere = [this](const std::unique_ptr<Shard>& shard) {
    return !is_placed_here(segment_.endpoint(shard->endpoint()));
  };
  const auto first = std::stable_partition(shards_.begin(), shards_.end(),
                                           [&](const auto& shard) { return !is_elsewhere(shard); });
  for (auto each = first; each != shards_.end(); ++each)
    let_go(**each);
  shards_.erase(first, shards_.end());
  for (std::uint32_t shard = 0; shard < is_here_.size(); ++shard)
    look_at(shard);
}

void Hosting::look_at(std::uint32_t shard) {
  const shm::EndpointSlot& endpoint = segment_.endpoint(shm::Segment::endpoint_of_shard(shard));
  if (is_here_[shard] || is_refused_[shard] || !is_placed_here(endpoint)) return;
  const std::uint64_t owner = endpoint.owner.load(std::memory_order_acquire);
  if (is_free({owner})) {
    take(shard, owner);
  } else {
    is_waiting_ = true;
  }
}

void Hosting::take(std::uint32_t shard, std::uint64_t owner) {
  shm::EndpointSlot& endpoint = segment_.endpoint(shm::Segment::endpoint_of_shard(shard));
  // TAKE
  if (!endpoint.owner.compare_exchange_strong(owner, self_.value, std::memory_order_seq_cst)) {
    is_waiting_ = true;
    return;
  }
  auto taken = std::make_unique<Shard>(segment_, types_, clock_, shard, &notes_);
  if (const Result<> adopted = taken->adopt(self_); !adopted) {
    std::fprintf(stderr, "mabeam-worker: shard %u is damaged and stays parked: %s\n", shard,
                 describe(adopted.error()).c_str());
    is_refused_[shard] = true;
    taken->let_go();
    return;
  }
  is_here_[shard] = true;
  shards_.push_back(std::move(taken));
}

void Hosting::let_go(Shard& shard) noexcept {
  const std::uint32_t endpoint = shard.endpoint();
  is_here_[endpoint - shm::Segment::endpoint_of_shard(0)] = false;
  shard.let_go();  // LET GO
  shm::full_fence();
  const std::uint64_t placed =
      segment_.endpoint(endpoint).placement.load(std::memory_order_acquire);
  if (placed == 0 || placed > shm::kMaxWorkers) return;
  shm::ring_if_sleeping(segment_.worker(static_cast<std::uint32_t>(placed - 1)).doorbell);
}

void Hosting::let_all_go() noexcept {
  for (const auto& shard : shards_)
    let_go(*shard);
  shards_.clear();
}

}  // namespace mabeam::worker
