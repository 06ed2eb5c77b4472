// A handler's error undoes its message, and no other message of the same turn.
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

class ShardUndo : public ShardTest {
 protected:
  Values sent() {
    Values values;
    for (const Letter& letter : take(Priority::normal))
      values.push_back(letter.value());
    return values;
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardUndo, ErrorTakesBackStateSendAndEvent) {
  const std::uint64_t sent_before = record().sent;
  post(agent_, "fail", Task{.value = 10});
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_TRUE(sent().empty());
  EXPECT_TRUE(events(1).empty());
  EXPECT_EQ(record().sent, sent_before);
  EXPECT_EQ(record().events_published, 0U);
  EXPECT_EQ(record().delivered, 2U) << "it was handled all the same, as the creation was";
  EXPECT_TRUE(burials().empty()) << "a handler that refuses has dealt with its message";
}

TEST_F(ShardUndo, ExceptionIsAnError) {
  post(agent_, "throw", Task{.value = 10});
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_TRUE(sent().empty());
  EXPECT_TRUE(events(1).empty());
}

TEST_F(ShardUndo, FirstTouchLeavesOtherMessagesOfTheTurn) {
  const AgentId other = create().value();
  post(other, "send", Task{.value = 1});
  post(other, "emit", Task{.value = 2});
  post(agent_, "fail", Task{.value = 10});
  post(other, "send", Task{.value = 3});
  post(other, "emit", Task{.value = 4});
  ASSERT_EQ(turn(), 5U) << "all of them in one turn";
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_EQ(state(other).all(), (Values{1, 2, 3, 4}));
  EXPECT_EQ(sent(), (Values{1, 3}));
  EXPECT_EQ(events(1), (Values{2, 4}));
}

TEST_F(ShardUndo, SecondTouchGoesBackToThePreImage) {
  post(agent_, "send", Task{.value = 1});
  post(agent_, "fail", Task{.value = 10});
  post(agent_, "emit", Task{.value = 100});
  post(agent_, "fail", Task{.value = 1000});
  ASSERT_EQ(turn(), 4U) << "all of them in one turn";
  EXPECT_EQ(state(agent_).all(), (Values{1, 100}));
  EXPECT_EQ(state(agent_).sum, 101);
  EXPECT_EQ(sent(), (Values{1}));
  EXPECT_EQ(events(1), (Values{100}));
}

// There is no pre-image of a large state, so what came before must be committed first.
TEST_F(ShardUndo, LargeStateIsCommittedBeforeItsSecondTouch) {
  const AgentId big = create({.type = "big"}).value();
  post(big, "send", Task{.value = 1});
  post(big, "fail", Task{.value = 10});
  post(big, "send", Task{.value = 100});
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state<BigPuppet::State>(big).memory.all(), (Values{1}));
  run();
  EXPECT_EQ(state<BigPuppet::State>(big).memory.all(), (Values{1, 100}));
  EXPECT_EQ(sent(), (Values{1, 100}));
}

// An undone event gives its number back: who reads the log counts no gap.
TEST_F(ShardUndo, UndoneEventLeavesNoGapInTheNumbers) {
  const AgentId listener = create({.subscribe = {"job.*"}, .shard = 1}).value();
  for (const std::string_view what : {"emit", "fail", "emit"})
    post(agent_, what, Task{.value = 5});
  run(0);
  run(1);
  EXPECT_EQ(state(listener).all(), (Values{5, 5}));
  EXPECT_EQ(record(1).events_missed, 0U);
}

TEST_F(ShardUndo, UndoneMessageIsNotSeenByTheNextTurn) {
  post(agent_, "fail", Task{.value = 10});
  EXPECT_EQ(turn(), 1U);
  post(agent_, "add", Task{.value = 1});
  EXPECT_EQ(turn(), 1U);
  EXPECT_EQ(state(agent_).all(), (Values{1}));
}

}  // namespace
}  // namespace mabeam::worker
