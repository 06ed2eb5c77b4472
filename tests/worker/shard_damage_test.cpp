// What a shard does not trust: senders' names, bytes of rings and logs, states of another version.
#include "shm/clock.hpp"
#include "shm/doorbell.hpp"
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

class ShardDamage : public ShardTest {
 protected:
  /// Where the next record will be written.
  [[nodiscard]] static shm::RecordHeader* end_of(std::span<std::byte> ring) {
    const auto* header = reinterpret_cast<const shm::RingHeader*>(ring.data());
    const std::uint64_t offset = header->tail.load() % kRingBytes;
    return reinterpret_cast<shm::RecordHeader*>(ring.data() + sizeof(shm::RingHeader) + offset);
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardDamage, NobodySpeaksInAnothersName) {
  const AgentId other = client_id(kSecondClient);
  post(agent_, "add", Task{.value = 1}, {.source = other});
  post(agent_, "get", Task{.value = 2}, {.kind = shm::Kind::request, .source = other});
  post(agent_, "add", Task{.value = 4});
  run();
  EXPECT_EQ(state(agent_).all(), (Values{4}));
  ASSERT_EQ(burials().size(), 2U);
  for (const Burial& burial : burials()) {
    EXPECT_EQ(burial.reason, shm::DeadReason::unroutable);
    EXPECT_EQ(burial.header.source, other.value());
  }
  EXPECT_TRUE(take(Priority::high, kSecondClient).empty()) << "who did not ask gets no answer";
}

TEST_F(ShardDamage, MessageForAnotherShardsAgentIsNotFound) {
  const AgentId there{static_cast<EndpointId>(2), agent_.slot(), agent_.generation()};
  auto ring = shm::RingProducer::open(segment_.ring(kFirstClient, 1, Priority::normal)).value();
  shm::MessageHeader header{};
  header.source = client_id(kFirstClient).value();
  header.target = there.value();
  shm::compose(ring.claim(sizeof header, static_cast<std::uint16_t>(shm::Kind::signal)).value(),
               header, {});
  ring.publish();
  run();
  EXPECT_EQ(state(agent_).count, 0U);
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::no_agent);
}

TEST_F(ShardDamage, KindThatNobodySendsIsUnroutable) {
  post(agent_, "add", Task{.value = 1}, {.kind = static_cast<shm::Kind>(99)});
  post(agent_, "add", Task{.value = 2}, {.kind = shm::Kind::timer});
  run();
  EXPECT_EQ(state(agent_).count, 0U);
  ASSERT_EQ(burials().size(), 2U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::unroutable);
}

TEST_F(ShardDamage, CorruptRingIsGivenUpWithOneDeadLetter) {
  shm::RingHeader& words =
      *reinterpret_cast<shm::RingHeader*>(segment_.ring(kFirstClient, 1, Priority::normal).data());
  post(agent_, "add", Task{.value = 1});
  const std::uint64_t good = words.tail.load();
  shm::RecordHeader* bad = end_of(segment_.ring(kFirstClient, 1, Priority::normal));
  post(agent_, "add", Task{.value = 2});
  post(agent_, "add", Task{.value = 3});
  const std::uint64_t lost = words.tail.load() - good;
  bad->length = 0xFFFFFF;
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1})) << "what came before it is good";
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::corrupt);
  EXPECT_EQ(burials().front().header.id, lost) << "how many bytes were given up";
  EXPECT_EQ(burials().front().header.source, client_id(kFirstClient).value());
  EXPECT_EQ(words.head.load(), words.tail.load());
  post(agent_, "add", Task{.value = 4});
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1, 4})) << "the ring is in use again";
}

TEST_F(ShardDamage, CorruptRingLeavesTheOthersAlone) {
  shm::RecordHeader* bad = end_of(segment_.ring(kFirstClient, 1, Priority::normal));
  post(agent_, "add", Task{.value = 1});
  bad->length = 0xFFFFFF;
  post(agent_, "add", Task{.value = 2}, {.priority = Priority::low});
  post(agent_, "add", Task{.value = 4}, {.client = kSecondClient});
  run();
  EXPECT_EQ(state(agent_).sum, 6);
  EXPECT_EQ(burials().size(), 1U);
}

TEST_F(ShardDamage, RecordTooShortForAMessageIsCorrupt) {
  auto ring = shm::RingProducer::open(segment_.ring(kFirstClient, 1, Priority::high)).value();
  ASSERT_TRUE(ring.claim(8, static_cast<std::uint16_t>(shm::Kind::signal)));
  ring.publish();
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::corrupt);
}

TEST_F(ShardDamage, CorruptLogIsSkippedToItsEnd) {
  const AgentId listener = create({.subscribe = {"job.*"}}).value();
  emit("job.a", 1);
  std::span<std::byte> log = segment_.log(kFirstClient);
  const std::uint64_t end = reinterpret_cast<shm::LogHeader*>(log.data())->tail.load();
  emit("job.a", 2);
  std::byte* records = log.data() + (log.size() - kLogBytes);
  reinterpret_cast<shm::RecordHeader*>(records + end)->length = 0xFFFFFF;
  run();
  EXPECT_EQ(state(listener).all(), (Values{1}));
  EXPECT_EQ(record().events_missed, 1U);
  EXPECT_TRUE(shard().is_drained()) << "nothing is left to stumble over";
}

TEST_F(ShardDamage, StateOfAnotherVersionIsLeftAlone) {
  post(agent_, "add", Task{.value = 5});
  run();
  ASSERT_TRUE(adopt(0, 2, kTypes<NextPuppet>));
  EXPECT_TRUE(ask(agent_, "no upgrade", Task{}).empty());
  EXPECT_EQ(segment_.agents(0).lifecycle_of(agent_), Lifecycle::suspended);
  EXPECT_EQ(state(agent_).all(), (Values{5}));
  ASSERT_TRUE(adopt(0, 3));
  run();
  EXPECT_EQ(take(Priority::high).size(), 1U) << "what has waited is served";
  EXPECT_EQ(state(agent_).all(), (Values{5, 0})) << "the old module finds its state as it was";
  EXPECT_EQ(ask(agent_, "get").at(0).value(), 5);
}

TEST_F(ShardDamage, CreateRequestOfAnotherSizeIsRefused) {
  post(agent_, "puppet", Task{}, {.kind = shm::Kind::create});
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::invalid_argument);
  EXPECT_EQ(record().agents_live, 1U);
}

TEST_F(ShardDamage, FlippedLowBitOfATailIsNotSeen) {
  auto* header =
      reinterpret_cast<shm::RingHeader*>(segment_.ring(kFirstClient, 1, Priority::normal).data());
  header->tail.fetch_or(1);
  run();
  EXPECT_EQ(turn(), 0U);
  EXPECT_TRUE(burials().empty());
}

// The damage is another's, so the shard is not parked for it.
TEST_F(ShardDamage, RingsBeyondReadingAreLeftOutAndTheRestIsServed) {
  auto* header =
      reinterpret_cast<shm::RingHeader*>(segment_.ring(kSecondClient, 1, Priority::high).data());
  header->magic ^= 1U;
  ASSERT_TRUE(adopt(0, 7));
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::corrupt);
  post(agent_, "add", Task{.value = 5});
  run();
  EXPECT_EQ(state(agent_).all(), (Values{5}));
}

// The undo of a message copies no more than was saved, whatever the record says meanwhile.
TEST_F(ShardDamage, LengthOfAStateInItsRecordIsNotTrusted) {
  const AgentId neighbour = create().value();
  ASSERT_EQ(neighbour.slot(), agent_.slot() + 1);
  post(neighbour, "add", Task{.value = 1});
  run();
  segment_.agents(0).record(agent_.slot()).state_bytes = Agents::kLargestPreImage;
  post(agent_, "add", Task{.value = 2});
  post(agent_, "fail", Task{.value = 3});
  post(neighbour, "add", Task{.value = 4});
  run();
  EXPECT_EQ(state(neighbour).all(), (Values{1, 4}));
  EXPECT_EQ(state(agent_).all(), (Values{2}));
}

/// A record that is no event of its log's owner's.
class ShardForgedEvent : public ShardTest {
 protected:
  void forge(shm::Kind kind, AgentId source, std::uint64_t id) {
    auto log = shm::EventLogWriter::open(segment_.log(kFirstClient), segment_.endpoints()).value();
    shm::MessageHeader header{};
    header.symbol = segment_.symbols().intern("job.get").value();
    header.source = source.value();
    header.target = agent_.value();
    header.id = id;
    header.correlation = 99;
    header.sent_ns = shm::monotonic_ns();
    shm::compose(log.claim(sizeof header, static_cast<std::uint16_t>(kind)).value(), header, {});
    log.publish();
    shm::full_fence();
    segment_.announce(kFirstClient, 1);
    run();
  }

  const AgentId agent_ = create({.subscribe = {"job.*"}}).value();
};

TEST_F(ShardForgedEvent, RequestInALogIsNotAnswered) {
  forge(shm::Kind::request, client_id(kFirstClient), 0);
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_TRUE(take(Priority::high, kFirstClient).empty());
  EXPECT_EQ(record().events_missed, 1U);
}

TEST_F(ShardForgedEvent, NobodyEmitsInAnothersName) {
  forge(shm::Kind::event, client_id(kSecondClient), 0);
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_EQ(record().events_missed, 1U);
}

TEST_F(ShardForgedEvent, NumberThatCannotBeIsNotCounted) {
  forge(shm::Kind::event, client_id(kFirstClient), std::uint64_t{1} << 62U);
  EXPECT_EQ(record().events_missed, 1U);
}

}  // namespace
}  // namespace mabeam::worker
