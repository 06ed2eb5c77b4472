// Outbox against a reader that makes room at any moment: a message that fits is never called too
// large.
#include "shm/turn_words.hpp"
#include "tests/support/test_segment.hpp"
#include "worker/outbox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <thread>

namespace mabeam::worker {
namespace {

constexpr std::uint32_t kShard = 1;
constexpr std::uint32_t kClient = 3;
constexpr int kRacingMessages = 100'000;

TEST(OutboxRace, RoomMadeMeanwhileIsNoMessageTooLarge) {
  const tests::TestSegment holder;
  const shm::Segment& segment = holder.get();
  std::atomic<bool> is_over{false};
  std::thread reader([&] {
    auto ring = shm::RingConsumer::open(segment.ring(kShard, kClient, Priority::normal)).value();
    while (!is_over.load())
      (void)ring.poll([](const shm::Record&) {}, 1000);
  });
  const shm::SegmentWords words{segment, kShard - 1};
  shm::Turn turn{segment.turn(kShard - 1)};
  Outbox outbox{segment, kShard};
  outbox.open().value();
  shm::MessageHeader header{};
  header.target = AgentId{static_cast<EndpointId>(kClient), AgentId::kClientSlot, 0}.value();
  const std::array<std::byte, 700> payload{};
  int refused = 0;
  int blocked = 0;
  for (int sent = 0; sent < kRacingMessages && refused == 0;) {
    turn.begin();
    outbox.begin_turn();
    outbox.begin_message();
    const Result<> claimed = outbox.send(shm::Kind::signal, 0, Priority::normal, header, payload);
    if (claimed) {
      outbox.stage(turn);
      turn.commit(words);
      outbox.settle();
      ++sent;
    } else if (outbox.is_blocked()) {
      outbox.undo_message();
      ++blocked;
    } else {
      ++refused;
    }
  }
  is_over.store(true);
  reader.join();
  EXPECT_EQ(refused, 0);
  EXPECT_GT(blocked, 0) << "the ring was never full: nothing was tried";
}

}  // namespace
}  // namespace mabeam::worker
