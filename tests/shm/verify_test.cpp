#include "shm/verify.hpp"

#include "shm/clock.hpp"
#include "shm/event_log.hpp"
#include "shm/turn_words.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <span>
#include <string>
#include <thread>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using tests::SegmentFile;
using tests::SegmentFiller;
using tests::TestSegment;

class Verify : public ::testing::Test {
 protected:
  void SetUp() override { filler_.fill(); }

  [[nodiscard]] const Segment& segment() const { return segment_.get(); }

  [[nodiscard]] VerifyView verify() const { return verify_segment(segment(), false); }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
};

std::string listing(const VerifyView& view) {
  std::string text;
  for (const Damage& damage : view.damage)
    text += damage.where + ": " + damage.what + "\n";
  return text;
}

TEST_F(Verify, SegmentAtWorkIsWhole) {
  const VerifyView view = verify();
  EXPECT_EQ(listing(view), "");
  EXPECT_EQ(view.damage_total, 0U);
  EXPECT_EQ(view.agents, 3U);
  EXPECT_EQ(view.records, 73U);  // 40 events, 30 unread messages, 2 dead letters, the end of one
  EXPECT_GT(view.checked_bytes, segment().layout().total_bytes / 5 * 2);
}

TEST_F(Verify, EmptySegmentIsWhole) {
  const TestSegment empty;
  EXPECT_EQ(listing(verify_segment(empty.get(), false)), "");
}

TEST_F(Verify, ObserverVerifiesLiveSegmentsAndCopies) {
  const SegmentFile file{segment()};
  EXPECT_EQ(Observer::attach(segment_.name()).value().verify().records, 73U);
  EXPECT_EQ(Observer::open_file(file.path()).value().verify().records, 73U);
  segment().header().state.store(77);
  EXPECT_EQ(Observer::attach(segment_.name()).value().verify().damage_total, 1U);
}

TEST_F(Verify, RingsAndLogsThatHaveWrappedAreWhole) {
  const std::uint32_t client = segment().first_client();
  const AgentId agent{static_cast<EndpointId>(2), 0, 1};
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string text(i * 37 % 300, 'x');
    filler_.emit(1, "job.done", text);
    filler_.send(client, agent, Priority::low, "add", text);
    if (i % 3 == 0) filler_.bury(0, DeadReason::overflow, text);
    if (i >= 3) filler_.receive(client, 2, Priority::low, 1);
    if (i % 50 == 0) filler_.listen(1);
    if (i % 50 == 0) filler_.listen(client);
  }
  EXPECT_EQ(listing(verify()), "");
}

TEST_F(Verify, NamesThatCameAndWentAreWhole) {
  for (int i = 0; i < 200; ++i) {
    const std::string name = "agent-" + std::to_string(i);
    const AgentId agent = filler_.create("counter", {.name = name});
    if (i % 20 != 0) filler_.end(agent);
  }
  const VerifyView view = verify();
  EXPECT_EQ(listing(view), "");
  EXPECT_EQ(view.agents, 13U);
}

/// Leaves shard 0 as a worker does that dies between its turn's commit and its last word: only the
/// first `applied` words are stored.
void apply_part(const Segment& segment, std::span<const RedoEntry> entries, std::size_t applied) {
  TurnRegion& turn = segment.turn(0);
  RedoList& list = turn.lists[(turn.committed.load() + 1) & 1U];
  list.turn = turn.committed.load() + 1;
  list.count = static_cast<std::uint32_t>(entries.size());
  list.bumps_epoch = 0;
  std::copy(entries.begin(), entries.end(), list.entries.begin());
  list.checksum = checksum_of(list, list.count);
  turn.committed.store(list.turn);
  const SegmentWords words{segment, 0};
  for (const RedoEntry& entry : entries.first(applied)) {
    words.resolve(entry).value()->store(entry.value);
  }
}

/// A turn that creates an agent with a name: the agent is there, its name is not.
std::array<RedoEntry, 3> creation(const Segment& segment) {
  const AgentTable table = segment.agents(0);
  AgentRecord& record = table.record(5);
  record.name_length = 1;
  record.name_head = {'a'};
  while (shard_of_name({record.name_head.data(), 1}, 2) != 0)
    ++record.name_head[0];
  record.type = segment.symbols().find("counter");
  const std::string_view name{record.name_head.data(), 1};
  const auto tag = static_cast<std::uint32_t>(hash_name(name) >> 32U);
  const SlotWord born{1, static_cast<std::uint8_t>(Lifecycle::ready)};
  return {{{RedoEntry::make_key(WordKind::agent_version, 5), 1},
           {RedoEntry::make_key(WordKind::agent_slot, 5), born.pack()},
           {RedoEntry::make_key(WordKind::name, table.place_name(name).free.value()),
            NameWord{tag, 5}.pack()}}};
}

TEST_F(Verify, HalfAppliedCreationIsWhole) {
  apply_part(segment(), creation(segment()), 2);
  EXPECT_EQ(listing(verify()), "");
}

TEST_F(Verify, HalfAppliedEndIsWhole) {
  const std::array<RedoEntry, 3> end{{{RedoEntry::make_key(WordKind::agent_slot, 0), 1ULL << 32U},
                                      {RedoEntry::make_key(WordKind::subscription, 0), 0},
                                      {RedoEntry::make_key(WordKind::subscription, 1), 0}}};
  apply_part(segment(), end, 2);
  EXPECT_EQ(listing(verify()), "");
}

TEST_F(Verify, HalfAppliedTurnMustBeStorable) {
  std::array<RedoEntry, 3> turn = creation(segment());
  turn[0].value = 7;
  apply_part(segment(), turn, 0);
  EXPECT_EQ(listing(verify()), "shard 0, turn: an entry of its list may not be stored (0)\n");
}

TEST_F(Verify, ManyFindingsAreCountedAndSomeKept) {
  for (std::uint32_t i = 0; i < kMaxWorkers; ++i)
    segment().worker(i).state.store(99);
  const VerifyView view = verify();
  EXPECT_EQ(view.damage.size(), 100U);
  EXPECT_EQ(view.damage_total, kMaxWorkers);
}

TEST_F(Verify, MoreFindingsThanAreKeptAreCounted) {
  Dimensions dimensions = tests::small_dimensions();
  dimensions.agents_per_shard = 10'000;
  const TestSegment big{dimensions};
  for (const std::uint32_t shard : {0U, 1U}) {
    for (std::uint32_t slot = 0; slot < dimensions.agents_per_shard; ++slot) {
      big.get().agents(shard).record(slot).slot_word.store(0x100);
    }
  }
  EXPECT_EQ(verify_segment(big.get(), true).damage_total, 20'000U);
}

// On a busy machine the healer may come too late, so it may try again.
TEST_F(Verify, DamageThatHealsDoesNotCount) {
  std::uint64_t found = 1;
  for (int tries = 0; tries < 20 && found != 0; ++tries) {
    segment().worker(0).state.store(99);
    std::thread healer{[&] {
      std::this_thread::sleep_for(milliseconds{5});
      segment().worker(0).state.store(2);
    }};
    found = verify_segment(segment(), true).damage_total;
    healer.join();
  }
  EXPECT_EQ(found, 0U);
}

TEST_F(Verify, DamageThatStaysCountsThoughItsValueChanges) {
  std::atomic<bool> stop{false};
  segment().worker(0).state.store(99);
  std::thread writer{[&] {
    for (std::uint32_t i = 99; !stop; ++i)
      segment().worker(0).state.store(i | 64U);
  }};
  EXPECT_EQ(verify_segment(segment(), true).damage_total, 1U);
  stop = true;
  writer.join();
}

// A runtime at full speed beside all views: nothing of it may look like damage.
TEST_F(Verify, RuntimeAtFullSpeedIsWhole) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> rounds{0};
  std::thread worker{[&] {
    constexpr std::array<std::string_view, 2> kPatterns{"job.*", "pkg.>"};
    const std::uint32_t client = segment().first_client();
    for (std::uint64_t i = 0; !stop; ++i) {
      const std::string text(i * 37 % 300, 'x');
      const AgentId agent = filler_.create(
          "counter", {.name = "busy-" + std::to_string(i % 7), .subscribe = kPatterns});
      const auto endpoint = static_cast<std::uint32_t>(agent.endpoint());
      filler_.touch(agent);
      filler_.emit(endpoint, "job.done", text);
      filler_.emit(client, "pkg.libs", text);
      filler_.send(client, agent, Priority::low, "add", text);
      filler_.receive(client, endpoint, Priority::low, 4);
      filler_.bury(endpoint - 1, DeadReason::expired, text);
      filler_.listen(1);
      filler_.listen(client);
      filler_.end(agent);
      rounds = i;
    }
  }};
  Observer observer = Observer::attach(segment_.name()).value();
  const std::int64_t end = monotonic_ns() + 1'000'000'000;
  std::string found;
  while (monotonic_ns() < end) {
    found += listing(observer.verify());
    for (const AgentView& agent : observer.agents().agents)
      EXPECT_NE(agent.type, "");
    (void)observer.runtime();
    (void)observer.stats();
    (void)observer.health();
    EXPECT_TRUE(observer.tail(">", [](const HistoryEvent&) {}).has_value());
  }
  stop = true;
  worker.join();
  EXPECT_EQ(found, "");
  EXPECT_GT(rounds, 100U);
  EXPECT_EQ(listing(verify()), "");
}

}  // namespace
}  // namespace mabeam::shm
