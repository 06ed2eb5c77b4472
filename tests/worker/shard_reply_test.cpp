// A request gets exactly one reply, whatever becomes of it; and what comes too late is refused.
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

constexpr std::int64_t kLongAgo = 1;

class ShardReply : public ShardTest {
 protected:
  /// The one reply to a request.
  Letter answer(AgentId to, std::string_view action, PayloadRef payload = {}) {
    const std::vector<Letter> letters = ask(to, action, payload);
    EXPECT_EQ(letters.size(), 1U) << action;
    return letters.empty() ? Letter{} : letters.front();
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardReply, ExplicitReplyCarriesItsValue) {
  post(agent_, "add", Task{.value = 41});
  const Letter reply = answer(agent_, "get", Task{.value = 1});
  EXPECT_EQ(reply.kind, shm::Kind::reply);
  EXPECT_EQ(reply.code, Errc{});
  EXPECT_EQ(reply.value(), 42);
  EXPECT_EQ(reply.name, "get");
  EXPECT_EQ(reply.header.correlation, 77U);
  EXPECT_EQ(reply.header.source, agent_.value());
  EXPECT_EQ(reply.header.target, client_id(kFirstClient).value());
}

TEST_F(ShardReply, HandlerThatRepliesNothingIsAnsweredForIt) {
  const Letter reply = answer(agent_, "add", Task{.value = 5});
  EXPECT_EQ(reply.code, Errc{});
  EXPECT_TRUE(reply.payload.empty());
  EXPECT_EQ(reply.header.correlation, 77U);
  EXPECT_EQ(state(agent_).sum, 5);
}

TEST_F(ShardReply, SecondReplyIsRefused) {
  const Letter reply = answer(agent_, "twice");
  EXPECT_EQ(reply.code, Errc{});
  EXPECT_EQ(reply.value(), 1);
}

TEST_F(ShardReply, ErrorIsTheReply) {
  EXPECT_EQ(answer(agent_, "fail", Task{.value = 5}).code, Errc::schema_mismatch);
  EXPECT_EQ(answer(agent_, "throw", Task{.value = 5}).code, Errc::handler_failed);
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_TRUE(take(Priority::normal).empty());
}

// The reply is an effect like any other: it vanishes with the message, and the error takes its
// place.
TEST_F(ShardReply, ReplyBeforeAnErrorIsTakenBack) {
  const Letter reply = answer(agent_, "get-fail", Task{.value = 5});
  EXPECT_EQ(reply.code, Errc::schema_mismatch);
  EXPECT_TRUE(reply.payload.empty());
}

TEST_F(ShardReply, SignalIsNotAnswered) {
  post(agent_, "add", Task{.value = 5});
  post(agent_, "fail", Task{.value = 5});
  run();
  EXPECT_TRUE(take(Priority::high).empty());
}

TEST_F(ShardReply, TypeWithoutActionsIsUnknownAction) {
  const AgentId mute = create({.type = "named"}).value();
  EXPECT_EQ(answer(mute, "get").code, Errc::unknown_action);
}

TEST_F(ShardReply, StaleGenerationIsNotFound) {
  ASSERT_EQ(stop(agent_), Errc{});
  EXPECT_EQ(answer(agent_, "get").code, Errc::not_found);
  const AgentId heir = create().value();
  ASSERT_EQ(heir.slot(), agent_.slot());
  EXPECT_EQ(answer(agent_, "get").code, Errc::not_found);
  EXPECT_EQ(answer(heir, "get").code, Errc{});
  EXPECT_EQ(record().refused, 2U);
  post(agent_, "add", Task{.value = 5});
  run();
  ASSERT_EQ(burials().size(), 1U) << "a signal has nobody to answer to";
  EXPECT_EQ(burials().front().reason, shm::DeadReason::no_agent);
  EXPECT_EQ(burials().front().header.target, agent_.value());
  EXPECT_EQ(state(heir).sum, 0);
}

TEST_F(ShardReply, CreationOfAnUnknownTypeIsRefused) {
  const Result<AgentId> made = create({.type = "nobody-knows"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::unknown_type);
}

// The endpoint of a client that has left is somebody else's now, who asked for nothing.
TEST_F(ShardReply, ReplyToAClientThatLeftIsDropped) {
  post(agent_, "add", Task{.value = 5}, {.kind = shm::Kind::request});
  segment_.endpoint(kFirstClient).generation.store(1);
  run();
  EXPECT_EQ(state(agent_).sum, 5);
  EXPECT_TRUE(take(Priority::high).empty());
  EXPECT_EQ(record().refused, 1U);
  EXPECT_FALSE(shard().is_waiting());
}

TEST_F(ShardReply, ExpiredRequestIsAnsweredAndCounted) {
  post(agent_, "add", Task{.value = 5}, {.kind = shm::Kind::request, .deadline_ns = kLongAgo});
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.front().code, Errc::timed_out);
  EXPECT_EQ(record().expired, 1U);
  EXPECT_EQ(state(agent_).count, 0U);
}

TEST_F(ShardReply, ExpiredSignalIsADeadLetter) {
  post(agent_, "add", Task{.value = 5}, {.deadline_ns = kLongAgo});
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::expired);
  EXPECT_EQ(burials().front().header.deadline_ns, kLongAgo);
  EXPECT_EQ(record().expired, 1U);
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_TRUE(take(Priority::high).empty());
}

TEST_F(ShardReply, DeadlineThatIsYetToComeChangesNothing) {
  post(agent_, "add", Task{.value = 5}, {.deadline_ns = shm::monotonic_ns() + kEndless});
  run();
  EXPECT_EQ(state(agent_).sum, 5);
  EXPECT_EQ(record().expired, 0U);
}

}  // namespace
}  // namespace mabeam::worker
