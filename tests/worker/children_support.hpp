// Stopping an agent with all that descend from it: the request, and what there is to see of it.
#pragma once

#include "shm/spsc_ring.hpp"
#include "shm/verify.hpp"
#include "tests/worker/life_support.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mabeam::worker {

using Ids = std::vector<AgentId>;

inline shm::StopRequest with_children(std::string_view reason = {}) {
  shm::StopRequest request{.with_children = 1,
                           .reason_length = static_cast<std::uint32_t>(reason.size())};
  std::copy(reason.begin(), reason.end(), request.reason.begin());
  return request;
}

class ShardChildren : public LifeTest {
 protected:
  explicit ShardChildren(std::uint32_t agents_per_shard = kAgentsPerShard)
      : LifeTest(agents_per_shard) {}

  void post_stop(AgentId id, std::uint32_t client = kFirstClient, std::int64_t deadline_ns = 0) {
    post(id, "stop", with_children(),
         {.kind = shm::Kind::stop, .client = client, .deadline_ns = deadline_ns});
  }

  [[nodiscard]] bool is_terminating(AgentId id) const {
    return segment_.agents(0).is_terminating(id);
  }

  std::vector<Errc> answers(std::uint32_t client = kFirstClient) {
    std::vector<Errc> codes;
    for (const Letter& letter : take(Priority::high, client))
      codes.push_back(letter.code);
    return codes;
  }

  [[nodiscard]] std::uint64_t live() const { return record().agents_live; }

  /// Leaves room for one goodbye in the ring to the first client.
  void fill_up_to_one() {
    const std::span<std::byte> bytes = segment_.ring(1, kFirstClient, Priority::normal);
    constexpr auto kSignal = static_cast<std::uint16_t>(shm::Kind::signal);
    constexpr std::uint32_t kGoodbye = sizeof(shm::MessageHeader) + 8;
    auto ring = shm::RingProducer::open(bytes).value();
    int room = 0;
    while (ring.claim(kGoodbye, kSignal))
      ++room;
    ring = shm::RingProducer::open(bytes).value();
    for (int i = 1; i < room; ++i)
      ASSERT_TRUE(ring.claim(kGoodbye, kSignal));
    ring.publish();
    adopt_anew();
  }

  void expect_whole() const {
    const VerifyView view = shm::verify_segment(segment_, true);
    EXPECT_EQ(view.damage_total, 0U) << (view.damage.empty() ? "" : view.damage.front().what);
  }

  AgentId root_ = create({.type = "breeder"}).value();
};

}  // namespace mabeam::worker
