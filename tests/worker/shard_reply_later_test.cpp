// Requests that are answered by a later handler.
#include "tests/worker/calls_support.hpp"

#include <thread>

namespace mabeam::worker {
namespace {

using shm::Kind;

class ShardReplyLater : public ShardCalls {
 protected:
  ShardReplyLater() : later_(create({.type = "later"}).value()) {}

  /// Answers to the client.
  std::vector<Letter> ask_later(std::int64_t deadline_ns = 0, std::string_view action = "later") {
    post(later_, action, {},
         {.kind = Kind::request, .deadline_ns = deadline_ns, .correlation = 77});
    run(0);
    return take(Priority::high);
  }

  std::vector<Letter> answer(std::string_view how = "answer") {
    post(later_, how, 5);
    run(0);
    return take(Priority::high);
  }

  AgentId later_;
};

TEST_F(ShardReplyLater, RequestIsAnsweredByALaterMessage) {
  EXPECT_TRUE(ask_later().empty());
  EXPECT_EQ(state<Later::State>(later_).was_refused, 1U);  // a second time in one handler
  const std::vector<Letter> replies = answer();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().kind, Kind::reply);
  EXPECT_EQ(replies.front().name, "later");
  EXPECT_EQ(replies.front().header.correlation, 77U);
  EXPECT_EQ(replies.front().header.source, later_.value());
  EXPECT_EQ(replies.front().value(), 5);
}

TEST_F(ShardReplyLater, AfterTheDeathOfItsOwnerToo) {
  ask_later();
  kill_all();
  const std::vector<Letter> replies = answer();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().value(), 5);
}

TEST_F(ShardReplyLater, OrIsRefused) {
  ask_later();
  const std::vector<Letter> replies = answer("refuse");
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::quarantined);
}

TEST_F(ShardReplyLater, ErrorOfTheHandlerIsTheAnswer) {
  const std::vector<Letter> replies = ask_later(0, "later then fail");
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::invalid_argument);
  EXPECT_FALSE(state<Later::State>(later_).to);
}

TEST_F(ShardReplyLater, NobodyWhoHasNotAskedIsAnswered) {
  const std::uint64_t refused = record(0).refused;
  EXPECT_TRUE(answer().empty());
  EXPECT_EQ(state<Later::State>(later_).answers, 0U);  // an error: invalid_argument
  EXPECT_EQ(record(0).refused, refused);
}

TEST_F(ShardReplyLater, CallerWhoseTimeIsUpGetsNothing) {
  const std::int64_t deadline = shm::monotonic_ns() + 20'000'000;
  EXPECT_TRUE(ask_later(deadline).empty());
  ASSERT_TRUE(state<Later::State>(later_).to);
  while (shm::monotonic_ns() <= deadline)
    std::this_thread::yield();
  const std::uint64_t refused = record(0).refused;
  EXPECT_TRUE(answer().empty());
  EXPECT_EQ(record(0).refused, refused + 1);
  EXPECT_EQ(state<Later::State>(later_).answers, 1U);
}

TEST_F(ShardReplyLater, CallerThatIsGoneDoesNoHarm) {
  ask_later();
  segment_.endpoint(kFirstClient).generation.store(1);
  EXPECT_TRUE(answer().empty());
  EXPECT_EQ(state<Later::State>(later_).answers, 1U);
}

TEST_F(ShardReplyLater, AgentThatCalledWithADeadlineIsAnsweredOnce) {
  call({later_.value(), kHour});
  run(0);
  for (int i = 0; i < 2; ++i) {
    post(later_, "answer", 5);
    run(0);
  }
  EXPECT_EQ(state<Later::State>(later_).answers, 2U);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().value, 5);
}

TEST_F(ShardReplyLater, NobodyButTheCalleeAnswersACallWithADeadline) {
  call({later_.value(), kHour});
  run(0);
  const std::uint64_t refused = record(0).refused;
  post(caller_, "get", 99,
       {.kind = Kind::reply, .priority = Priority::high, .correlation = seen().asked});
  run(0);
  EXPECT_EQ(seen().replies, 0U);
  EXPECT_EQ(record(0).refused, refused + 1);
  post(later_, "answer", 5);
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().value, 5);
}

TEST_F(ShardReplyLater, AgentIsToldOfOneThatEndsWithoutAnAnswer) {
  call({later_.value(), kHour});
  run(0);
  ASSERT_EQ(stop(later_), Errc{});
  make_last_due();
  run(0);
  EXPECT_EQ(seen().replies, 1U);
  EXPECT_EQ(seen().outcome, Errc::timed_out);
}

TEST(ReplyTo, TellsWhatIsLeft) {
  const ReplyTo asked{AgentId{1}, 1, 100, Symbol::none, 0};
  EXPECT_EQ(asked.left(std::chrono::nanoseconds{40}).count(), 60);
  EXPECT_EQ(asked.left(std::chrono::nanoseconds{100}).count(), 1);
  EXPECT_EQ((ReplyTo{AgentId{1}, 1, 0, Symbol::none, 0}.left(std::chrono::nanoseconds{40})).count(),
            0);
  EXPECT_FALSE(ReplyTo{});
}

}  // namespace
}  // namespace mabeam::worker
