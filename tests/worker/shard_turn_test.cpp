// What a turn takes, and from whom.
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

constexpr std::int64_t kHigh = 1;  // values of messages, so that a sum tells how many of each
constexpr std::int64_t kNormal = 1'000;
constexpr std::int64_t kLow = 1'000'000;

class ShardTurn : public ShardTest {
 protected:
  void post_many(int count, Priority priority, std::int64_t value,
                 std::uint32_t client = kFirstClient) {
    for (int i = 0; i < count; ++i)
      post(agent_, "add", Task{.value = value}, {.priority = priority, .client = client});
  }

  void post_all_priorities(int count) {
    post_many(count, Priority::high, kHigh);
    post_many(count, Priority::normal, kNormal);
    post_many(count, Priority::low, kLow);
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardTurn, TakesNoMoreThanItMay) {
  post_many(100, Priority::normal, 1);
  EXPECT_EQ(turn(), 64U);
  EXPECT_EQ(turn(), 36U);
  EXPECT_EQ(turn(), 0U);
  limits_.turn_messages = 10;
  post_many(25, Priority::normal, 1);
  EXPECT_EQ(turn(), 10U);
  EXPECT_EQ(state(agent_).sum, 110);
}

TEST_F(ShardTurn, TimeEndsATurnToo) {
  post_many(100, Priority::normal, 1);
  limits_.turn_time_ns = 0;
  const std::uint32_t taken = turn();
  EXPECT_GE(taken, 1U);
  EXPECT_LT(taken, 64U);
  EXPECT_EQ(state(agent_).sum, taken) << "what was taken is committed";
  run();
  EXPECT_EQ(state(agent_).sum, 100);
}

TEST_F(ShardTurn, FullTurnIsDividedAmongPriorities) {
  post_all_priorities(100);
  EXPECT_EQ(turn(), 64U);
  EXPECT_EQ(state(agent_).sum, 48 * kHigh + 12 * kNormal + 4 * kLow);
}

TEST_F(ShardTurn, ShareThatNobodyWantsGoesToTheOthers) {
  post_many(5, Priority::high, kHigh);
  post_many(100, Priority::low, kLow);
  EXPECT_EQ(turn(), 64U);
  EXPECT_EQ(state(agent_).sum, 5 * kHigh + 59 * kLow);
}

TEST_F(ShardTurn, SmallTurnsLetThePrioritiesLeadInTurn) {
  post_all_priorities(20);
  limits_.turn_messages = 1;
  for (int i = 0; i < 16; ++i)
    EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state(agent_).sum, 12 * kHigh + 3 * kNormal + 1 * kLow);
}

// Each endpoint is asked first once in as many turns as there are endpoints.
TEST_F(ShardTurn, SendersTakeTurns) {
  post_many(150, Priority::normal, kHigh);
  post_many(150, Priority::normal, kNormal, kSecondClient);
  limits_.turn_messages = 20;
  for (std::uint32_t i = 0; i < segment_.endpoints(); ++i)
    EXPECT_EQ(turn(), 20U);
  const std::int64_t sum = state(agent_).sum;
  EXPECT_GE(sum % kNormal, 20) << "the first client had a turn";
  EXPECT_GE(sum / kNormal, 20) << "and so had the second";
}

TEST_F(ShardTurn, MessagesOfOneRingKeepTheirOrder) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = 1; value <= 30; ++value) {
    values.push_back(value);
    post(agent_, "add", Task{.value = value});
  }
  limits_.turn_messages = 7;
  run();
  EXPECT_EQ(state(agent_).all(), values);
}

TEST_F(ShardTurn, ChangeOfStructureEndsTheTurn) {
  post(agent_, "add", Task{.value = 1});
  post(agent_, "make", Task{.value = 2});
  post(agent_, "add", Task{.value = 3});
  EXPECT_EQ(turn(), 2U);
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state(agent_).sum, 6);
}

TEST_F(ShardTurn, KnowsWhetherThereIsAnythingToDo) {
  EXPECT_FALSE(shard().has_work());
  EXPECT_TRUE(shard().is_drained());
  post_many(1, Priority::low, 1);
  EXPECT_TRUE(shard().has_work());
  EXPECT_FALSE(shard().is_drained());
  run();
  EXPECT_FALSE(shard().has_work());
  EXPECT_TRUE(shard().is_drained());
}

// A source that was empty for long is looked at again as soon as somebody announces something.
TEST_F(ShardTurn, ColdSourceIsFoundByItsReadyBit) {
  for (std::uint32_t i = 0; i < Inbox::kColdAfter + 10; ++i)
    ASSERT_EQ(turn(), 0U);
  EXPECT_EQ(segment_.endpoint(1).ready[0].load(), 0U);
  post_many(1, Priority::normal, 1);
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state(agent_).sum, 1);
}

}  // namespace
}  // namespace mabeam::worker
