// Two threads over one mapping: a client that sends on all three priorities, and the shard that
// takes from them, under a thread sanitizer.
#include "shm/doorbell.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/worker/shard_support.hpp"

#include <array>
#include <numeric>
#include <thread>

namespace mabeam::worker {
namespace {

constexpr std::uint64_t kMessages = 9000;

/// Where in its ring a message is, said in every word.
struct Place {
  std::uint64_t priority = 0;
  std::array<std::uint64_t, 8> number{};
};

/// Counts what comes by each priority, and what is not next in its order, or not whole.
struct Teller {
  static constexpr AgentType type{.name = "teller"};

  struct State {
    std::array<std::uint64_t, shm::kPriorities> next{};
    std::uint64_t bad = 0;
  };

  Result<> on_signal(Context&, State& state, const Signal& signal) const {
    const Result<Place> place = signal.payload().as<Place>();
    if (!place) return fail(place.error());
    std::uint64_t& next = state.next.at(place->priority);
    for (const std::uint64_t number : place->number)
      state.bad += number == next ? 0U : 1U;
    ++next;
    return {};
  }
};

class ShardChannelThreads : public ShardTest {
 protected:
  /// As a client does, five at a time.
  void send_all(AgentId to) {
    std::array<shm::RingProducer, shm::kPriorities> rings;
    for (std::uint32_t p = 0; p < shm::kPriorities; ++p)
      rings[p] =
          shm::RingProducer::open(segment_.ring(kFirstClient, 1, static_cast<Priority>(p))).value();
    shm::MessageHeader header{};
    header.symbol = segment_.symbols().intern("place").value();
    header.source = client_id(kFirstClient).value();
    header.target = to.value();
    header.content = static_cast<std::uint32_t>(PayloadRef{Place{}}.content());
    std::array<std::uint64_t, shm::kPriorities> next{};
    for (std::uint64_t sent = 0; sent < kMessages;) {
      const std::uint64_t p = sent * 7 % shm::kPriorities;
      Place place{p, {}};
      place.number.fill(next[p]);
      header.sent_ns = shm::monotonic_ns();
      const auto room = rings[p].claim(sizeof header + sizeof place,
                                       static_cast<std::uint16_t>(shm::Kind::signal));
      if (room) {
        shm::compose(*room, header, std::as_bytes(std::span{&place, 1}));
        ++next[p];
        ++sent;
      }
      if (room && sent % 5 != 0 && sent != kMessages) continue;
      for (shm::RingProducer& ring : rings)
        ring.publish();
      shm::full_fence();
      segment_.announce(kFirstClient, 1);
      if (!room) std::this_thread::yield();
    }
  }
};

TEST_F(ShardChannelThreads, EveryPriorityCrossesWholeAndInOrder) {
  adopt(0, 2, kTypes<Teller>).value();
  const AgentId teller = create({.type = "teller"}).value();
  std::thread client([&] { send_all(teller); });
  Teller::State now;
  const auto has_all = [&] {
    if (turn() == 0) std::this_thread::yield();
    now = state<Teller::State>(teller);
    return std::accumulate(now.next.begin(), now.next.end(), std::uint64_t{0}) == kMessages;
  };
  const std::int64_t end_ns = shm::monotonic_ns() + 20'000'000'000;
  while (!has_all() && shm::monotonic_ns() < end_ns) {
  }
  client.join();
  EXPECT_EQ(now.bad, 0U);
  EXPECT_EQ(now.next, (std::array<std::uint64_t, 3>{3000, 3000, 3000}));
}

}  // namespace
}  // namespace mabeam::worker
