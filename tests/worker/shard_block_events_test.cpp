// Events too large for a log: to clients and agents, into the history, and who holds them up.
#include "tests/worker/blocks_support.hpp"

namespace mabeam::worker {
namespace {

constexpr std::array<std::string_view, 1> kBig{"big.*"};

class ShardBlockEvents : public BlocksTest {
 protected:
  void say(unsigned seed) {
    EXPECT_TRUE(client_->send(agent_, "say", pattern(kLarge, seed)));
    run();
  }

  /// Which events have come, by what say() was told; 0: one that is not whole.
  static std::vector<unsigned> poll(Client& client) {
    std::vector<unsigned> events;
    const auto count = client.poll_events(
        [&](const EventView& event) { events.push_back(seed_of(event.payload.text())); }, 100,
        std::chrono::nanoseconds{0});
    EXPECT_TRUE(count);
    return events;
  }

  static unsigned seed_of(std::string_view text) {
    for (unsigned seed = 1; seed <= 3; ++seed)
      if (text == pattern(kLarge, seed)) return seed;
    return 0;
  }

  Client subscriber(Delivery delivery = Delivery::reliable) {
    Client client = Client::attach(holder_.name()).value();
    EXPECT_TRUE(client.subscribe("big.>", {.delivery = delivery}));
    return client;
  }

  [[nodiscard]] HistoryView history() const {
    return Observer::attach(holder_.name()).value().history({}).value();
  }
};

TEST_F(ShardBlockEvents, EverySubscriberAndTheHistoryGetThem) {
  Client first = subscriber();
  Client second = subscriber(Delivery::latest);
  say(1);
  EXPECT_EQ(poll(first), std::vector{1U});
  EXPECT_EQ(poll(second), std::vector{1U});
  const HistoryView past = history();
  ASSERT_EQ(past.events.size(), 1U);
  EXPECT_EQ(past.events[0].payload.size(), kLarge);
  EXPECT_EQ(past.gone, 0U);
  expect_whole();
}

TEST_F(ShardBlockEvents, AClientsReachAgents) {
  ASSERT_TRUE(pumped([&] { return client_->create("porter", 2, {.subscribe = kBig}); }));
  const AgentList agents = client_->find_agents({.type = "porter"});
  EXPECT_TRUE(client_->emit("big.news", pattern(kLarge)));
  run(0);
  run(1);
  std::uint32_t told = 0;
  for (const AgentView& agent : agents.agents)
    told += state(agent.id).hash == hash_of(pattern(kLarge)) ? 1U : 0U;
  EXPECT_EQ(told, 2U);
  EXPECT_TRUE(pumped([&] { return client_->wait_delivered(std::chrono::seconds{10}); }).pending ==
              0);
}

TEST_F(ShardBlockEvents, TheHistoryGivesWayWithTheBlocksAndCountsWhatIsGone) {
  for (unsigned seed = 1; seed <= 3; ++seed)
    say(seed);
  const HistoryView past = history();
  ASSERT_EQ(past.events.size(), 1U);
  const Payload kept{past.events[0].payload, Content::text};
  EXPECT_EQ(seed_of(kept.text()), 3U);
  EXPECT_EQ(past.gone, 2U);
  expect_whole();
}

TEST_F(ShardBlockEvents, ASubscriberHoldsThemUpUntilItHasReadThem) {
  Client slow = subscriber();
  say(1);
  say(2);
  EXPECT_TRUE(owners_[0]->shard().is_waiting());
  EXPECT_EQ(poll(slow), std::vector{1U});
  run();
  EXPECT_FALSE(owners_[0]->shard().is_waiting());
  EXPECT_EQ(poll(slow), std::vector{2U});
  EXPECT_EQ(slow.events_missed(), 0U);
}

TEST_F(ShardBlockEvents, ASubscriberThatNeverReadsIsEvictedAndToldWhatItMissed) {
  Client stuck = subscriber();
  say(1);
  say(2);
  limits_.stall_timeout_ns = 0;
  run();
  run();
  limits_.stall_timeout_ns = kEndless;
  run();
  EXPECT_FALSE(owners_[0]->shard().is_waiting());
  EXPECT_EQ(history().events.size(), 1U) << "the second took the place of the first";
  EXPECT_TRUE(poll(stuck).empty());
  say(3);
  EXPECT_EQ(poll(stuck), std::vector{3U});
  EXPECT_EQ(stuck.events_missed(), 2U);
  EXPECT_TRUE(letters().empty());
}

TEST_F(ShardBlockEvents, ABlockThatAMessageHoldsIsNoFaultOfTheReaders) {
  segment_.header().tunables.stall_timeout_ns.store(1);
  Client reader = subscriber();
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(kLarge)));
  EXPECT_EQ(
      client_->emit("big.news", pattern(kLarge, 1), std::chrono::milliseconds{5}).error().code,
      Errc::backpressure);
  run();
  EXPECT_TRUE(client_->emit("big.news", pattern(kLarge, 2)));
  EXPECT_EQ(poll(reader), std::vector{2U});
  EXPECT_EQ(reader.events_missed(), 0U);
}

TEST_F(ShardBlockEvents, OneWithoutItsBlockIsMissedByEverybody) {
  Client first = subscriber();
  Client second = subscriber(Delivery::latest);
  ASSERT_TRUE(pumped([&] { return client_->create("porter", 1, {.subscribe = kBig}); }));
  say(1);
  segment_.blocks(1)[sizeof(shm::ArenaHeader) + 4] ^= std::byte{1};
  EXPECT_FALSE(shm::verify_segment(segment_, false).damage.empty());
  EXPECT_TRUE(poll(first).empty());
  EXPECT_EQ(first.events_missed(), 1U);
  EXPECT_TRUE(poll(second).empty());
  EXPECT_EQ(second.events_missed(), 1U);
  EXPECT_TRUE(history().events.empty());
}

}  // namespace
}  // namespace mabeam::worker
