// Agents come and go: names, slots, generations, subscriptions, and what is undone of them.
#include "shm/registry.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

class ShardStructure : public ShardTest {
 protected:
  /// The shard that decides about a name.
  [[nodiscard]] std::uint32_t home(std::string_view name) const {
    return shm::shard_of_name(name, segment_.dimensions().shards);
  }

  [[nodiscard]] Wish named(std::string_view name) const {
    return {.type = "named", .name = name, .shard = home(name)};
  }

  Errc refusal(const Wish& wish) {
    const Result<AgentId> made = create(wish);
    return made ? Errc{} : made.error().code;
  }

  [[nodiscard]] std::uint64_t live() const { return record(0).agents_live; }
};

TEST_F(ShardStructure, NameIsFoundOnceTheTurnHasCommitted) {
  ASSERT_FALSE(segment_.find_agent("bob"));
  const AgentId bob = create(named("bob")).value();
  EXPECT_EQ(segment_.find_agent("bob"), bob);
  EXPECT_TRUE(segment_.is_alive(bob));
  EXPECT_EQ(state<Named::State>(bob).was_found, 0) << "on_start ran before the commit";
}

TEST_F(ShardStructure, NameOfALivingAgentIsTaken) {
  const AgentId bob = create(named("bob")).value();
  const std::uint64_t agents = segment_.live_agents();
  EXPECT_EQ(refusal(named("bob")), Errc::name_taken);
  EXPECT_EQ(segment_.live_agents(), agents);
  EXPECT_EQ(segment_.find_agent("bob"), bob);
}

// Both requests wait when the turn begins; the first must have committed before the second is seen.
TEST_F(ShardStructure, TwoRequestsForOneNameMakeOneAgent) {
  post_create(named("bob"), kFirstClient);
  post_create(named("bob"), kSecondClient);
  run(home("bob"));
  const std::vector<Letter> first = take(Priority::high, kFirstClient);
  const std::vector<Letter> second = take(Priority::high, kSecondClient);
  ASSERT_EQ(first.size() + second.size(), 2U);
  EXPECT_NE(first[0].code == Errc{}, second[0].code == Errc{});
  EXPECT_EQ(first[0].code == Errc{} ? second[0].code : first[0].code, Errc::name_taken);
  EXPECT_EQ(segment_.live_agents(), 1U);
}

TEST_F(ShardStructure, NameThatLooksLikeAnIdIsRefused) {
  const AgentId agent = create().value();
  EXPECT_EQ(refusal(named(to_string(agent))), Errc::invalid_argument);
  EXPECT_EQ(refusal(named("line\nbreak")), Errc::invalid_argument);
  EXPECT_FALSE(segment_.find_agent(to_string(agent)));
}

TEST_F(ShardStructure, NameBelongsToOneShard) {
  Wish wish = named("bob");
  wish.shard = 1 - wish.shard;
  EXPECT_EQ(refusal(wish), Errc::invalid_argument);
}

TEST_F(ShardStructure, FullTableRefusesUntilAnAgentEnds) {
  std::vector<AgentId> agents;
  for (std::uint32_t i = 0; i < kAgentsPerShard; ++i)
    agents.push_back(create().value());
  EXPECT_EQ(refusal({}), Errc::too_many_agents);
  EXPECT_EQ(live(), kAgentsPerShard);
  EXPECT_EQ(stop(agents[3]), Errc{});
  EXPECT_EQ(live(), kAgentsPerShard - 1);
  const AgentId heir = create().value();
  EXPECT_EQ(heir.slot(), agents[3].slot());
  EXPECT_EQ(heir.generation(), agents[3].generation() + 1);
  EXPECT_FALSE(segment_.is_alive(agents[3]));
  EXPECT_TRUE(segment_.is_alive(heir));
}

TEST_F(ShardStructure, HeirOfASlotBeginsAnew) {
  const AgentId agent = create().value();
  post(agent, "add", Task{.value = 5});
  run();
  ASSERT_EQ(stop(agent), Errc{});
  const AgentId heir = create().value();
  ASSERT_EQ(heir.slot(), agent.slot());
  EXPECT_EQ(state(heir).sum, 0);
}

TEST_F(ShardStructure, EndFreesTheNameAfterItsLastWord) {
  const AgentId bob = create(named("bob")).value();
  EXPECT_EQ(stop(bob), Errc{});
  EXPECT_FALSE(segment_.find_agent("bob"));
  const std::vector<Letter> letters = take(Priority::normal);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters.front().name, "bye");
  EXPECT_EQ(letters.front().header.source, bob.value());
  const AgentId heir = create(named("bob")).value();
  EXPECT_EQ(segment_.find_agent("bob"), heir);
  EXPECT_NE(heir, bob);
}

// Many more names than the index has entries, one after the other.
TEST_F(ShardStructure, NamesOfTheDeadMakeRoom) {
  for (int i = 0; i < 200; ++i) {
    const std::string name = "agent" + std::to_string(i);
    const Result<AgentId> agent = create({.name = name, .shard = home(name)});
    ASSERT_TRUE(agent) << name << ": " << code_name(agent.error().code);
    ASSERT_EQ(stop(*agent), Errc{});
  }
  EXPECT_EQ(segment_.live_agents(), 0U);
}

TEST_F(ShardStructure, EndFreesSubscriptions) {
  const AgentId agent = create({.subscribe = {"a", "b", "c"}}).value();
  EXPECT_EQ(subscriptions_used(), 3U);
  EXPECT_EQ(stop(agent), Errc{});
  EXPECT_EQ(subscriptions_used(), 0U);
}

TEST_F(ShardStructure, StopOfADeadAgentIsNotFound) {
  const AgentId agent = create().value();
  EXPECT_EQ(stop(agent), Errc{});
  EXPECT_EQ(stop(agent), Errc::not_found);
  EXPECT_EQ(record().agents_stopped, 1U);
}

TEST_F(ShardStructure, AgentMayStopItselfAndAnswer) {
  const AgentId agent = create().value();
  const std::vector<Letter> replies = ask(agent, "quit", Task{.value = 1});
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc{});
  EXPECT_FALSE(segment_.is_alive(agent));
  EXPECT_EQ(live(), 0U);
}

TEST_F(ShardStructure, AgentWhoseHandlerFailsDoesNotStop) {
  const AgentId agent = create().value();
  post(agent, "quit-fail", Task{.value = 1});
  run();
  EXPECT_TRUE(segment_.is_alive(agent));
}

TEST_F(ShardStructure, SubscriptionsWithoutRoomMakeNoAgent) {
  EXPECT_EQ(refusal({.subscribe = {"a", "b", "c", "d", "e"}}), Errc::subscriptions_full);
  EXPECT_EQ(live(), 0U);
  EXPECT_EQ(subscriptions_used(), 0U);
  const AgentId agent = create({.subscribe = {"a", "b", "c", "d"}}).value();
  EXPECT_EQ(agent.generation(), 1U) << "the slot was never given out";
  EXPECT_EQ(refusal({.subscribe = {"a"}}), Errc::subscriptions_full);
}

TEST_F(ShardStructure, HandlerMakesAnAgent) {
  const AgentId parent = create().value();
  const std::vector<Letter> replies = ask(parent, "make", Task{.value = 1});
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc{});
  EXPECT_EQ(live(), 2U);
  EXPECT_EQ(record().agents_created, 2U);
}

TEST_F(ShardStructure, ErrorAfterCreationUndoesIt) {
  const AgentId parent = create().value();
  const std::vector<Letter> replies = ask(parent, "make-fail", Task{.value = 1});
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::schema_mismatch);
  EXPECT_EQ(live(), 1U);
  EXPECT_EQ(record().agents_created, 1U);
  const AgentId next = create().value();
  EXPECT_EQ(next.slot(), parent.slot() + 1);
  EXPECT_EQ(next.generation(), 1U) << "the slot was never given out";
}

TEST_F(ShardStructure, AgentThatRefusesToStartNeverWas) {
  EXPECT_EQ(refusal({.type = "stillborn"}), Errc::schema_mismatch);
  EXPECT_EQ(live(), 0U);
  EXPECT_TRUE(take(Priority::normal).empty()) << "what it sent is undone, too";
  EXPECT_EQ(create().value().generation(), 1U);
}

}  // namespace
}  // namespace mabeam::worker
