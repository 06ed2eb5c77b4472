// Client: calls in flight, given up, and tried again.
#include "shm/client_calls.hpp"
#include "shm/retry.hpp"
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <utility>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClientAsync : public ClientTest {
 protected:
  PendingCall ask(const PayloadRef& payload = {}, const CallOptions& options = {}) {
    return client_.call_async(agent_, "do", payload, options).value();
  }

  FakeShard& shard() { return shards_[0]; }

  AgentId agent_ = shards_[0].put_agent();
  Client client_ = attach();
};

TEST_F(ClientAsync, CallsAreInFlightTogetherAndAnsweredInAnyOrder) {
  std::vector<PendingCall> calls;
  for (int i = 0; i < 3; ++i)
    calls.push_back(ask(i));
  const std::vector<Taken> asked = shard().take();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_FALSE(calls[2].ready());
  for (const int i : {2, 0, 1})
    shard().reply(asked[static_cast<std::size_t>(i)], Errc{}, 10 * i);
  for (int i = 0; i < 3; ++i) {
    PendingCall& call = calls[static_cast<std::size_t>(i)];
    EXPECT_TRUE(call.wait(seconds{5}));
    EXPECT_EQ(call.take()->payload().as<int>().value(), 10 * i);
    EXPECT_FALSE(call.is_valid());
    EXPECT_EQ(code_of(call.take()), Errc::invalid_argument);
  }
}

TEST_F(ClientAsync, WaitEndsWithItsOwnTime) {
  PendingCall call = ask();
  EXPECT_FALSE(call.wait(milliseconds{1}));
  EXPECT_TRUE(call.is_valid());
  shard().reply(shard().take().at(0), Errc::handler_failed);
  EXPECT_EQ(code_of(call.take()), Errc::handler_failed);
}

TEST_F(ClientAsync, TimeOfTheCallEndsIt) {
  PendingCall call = ask({}, {.timeout = milliseconds{2}});
  EXPECT_EQ(code_of(call.take()), Errc::timed_out);
  const std::vector<Taken> asked = shard().take();
  ASSERT_EQ(asked.size(), 1U);  // and no cancel: it has expired
  EXPECT_NE(asked.front().header.deadline_ns, 0);
}

/// The shards of these tests have no worker.
TEST_F(ClientAsync, CallsToAShardThatNobodyServesFailFast) {
  const AgentId other = shards_[1].put_agent();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(code_of(client_.call(agent_, "do", {}, milliseconds{1})), Errc::timed_out);
  const auto refused = client_.call(agent_, "do", {}, seconds{20});
  ASSERT_EQ(code_of(refused), Errc::circuit_open);
  EXPECT_GT(refused.error().subject, 0U) << "milliseconds";
  EXPECT_EQ(code_of(client_.call_async(agent_, "do", {})), Errc::circuit_open);
  const std::array both{agent_, other};
  const auto many = client_.call_many(both, "do", {}, milliseconds{1}).value();
  EXPECT_EQ(code_of(many[0]), Errc::circuit_open);
  EXPECT_EQ(code_of(many[1]), Errc::timed_out);
  const Symbol action = client_.symbol("do").value();
  const std::array calls{CallItem{.agent = agent_, .action = action},
                         CallItem{.agent = other, .action = action}};
  for (const Atomic atomic : {Atomic::no, Atomic::yes}) {
    const auto answers = client_.call_batch(calls, milliseconds{1}, atomic);
    EXPECT_EQ(code_of(answers[0]), Errc::circuit_open);
    EXPECT_EQ(code_of(answers[1]), Errc::timed_out);
  }
  EXPECT_EQ(shard().take().size(), 5U) << "nothing more was sent";
  EXPECT_TRUE(client_.send(agent_, "note")) << "which waits for nobody";
}

TEST_F(ClientAsync, DroppedCallIsCancelledAheadOfItsRequest) {
  { const PendingCall call = ask(); }
  const std::vector<Taken> sent = shard().take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].kind, Kind::cancel);
  EXPECT_EQ(sent[0].priority, Priority::high);
  EXPECT_EQ(sent[1].kind, Kind::request);
  EXPECT_EQ(sent[0].header.correlation, sent[1].header.correlation);
  EXPECT_EQ(sent[0].header.deadline_ns, sent[1].header.deadline_ns);
  EXPECT_EQ(sent[0].header.target, agent_.value());
}

TEST_F(ClientAsync, AnswerToACancelledCallIsDropped) {
  PendingCall first = ask();
  first.cancel();
  EXPECT_FALSE(first.is_valid());
  PendingCall second = ask();
  std::vector<Taken> sent = shard().take();
  ASSERT_EQ(sent.size(), 3U);
  const std::uint64_t refused = refused_by(client_);
  shard().reply(sent[1], Errc{}, 1);
  shard().reply(sent[2], Errc{}, 2);
  EXPECT_EQ(second.take()->payload().as<int>().value(), 2);
  EXPECT_EQ(refused_by(client_), refused + 1);
}

TEST_F(ClientAsync, SecondAnswerIsDropped) {
  PendingCall call = ask();
  const Taken asked = shard().take().at(0);
  shard().reply(asked, Errc{}, 1);
  shard().reply(asked, Errc{}, 2);
  EXPECT_EQ(call.take()->payload().as<int>().value(), 1);
  PendingCall next = ask();
  shard().reply(shard().take().at(0), Errc{}, 3);
  EXPECT_EQ(next.take()->payload().as<int>().value(), 3);
}

TEST_F(ClientAsync, AnsweredCallIsNotCancelled) {
  {
    PendingCall call = ask();
    shard().reply(shard().take().at(0));
    ASSERT_TRUE(call.wait(seconds{5}));
  }
  EXPECT_TRUE(shard().take().empty());
}

TEST_F(ClientAsync, MovedCallIsTheSame) {
  PendingCall call = ask(1);
  PendingCall other = ask(2);
  other = std::move(call);  // the other one is cancelled
  const std::vector<Taken> sent = shard().take();
  ASSERT_EQ(sent.size(), 3U);
  shard().reply(sent[1], Errc{}, 7);
  EXPECT_EQ(other.take()->payload().as<int>().value(), 7);
}

TEST_F(ClientAsync, NoMoreThanHaveRoomForTheirReplies) {
  std::vector<PendingCall> calls;
  for (;;) {
    Result<PendingCall> call = client_.call_async(agent_, "do");
    if (!call) {
      EXPECT_EQ(call.error().code, Errc::backpressure);
      break;
    }
    calls.push_back(std::move(*call));
    ASSERT_LE(calls.size(), ClientCalls::kMostPerShard);
  }
  EXPECT_GT(calls.size(), 1U);
  calls.pop_back();
  EXPECT_TRUE(client_.call_async(agent_, "do"));
}

TEST_F(ClientAsync, RefusesAtOnceWhatCannotBeAsked) {
  EXPECT_EQ(code_of(client_.call_async(AgentId{1}, "do")), Errc::not_found);
  EXPECT_EQ(code_of(client_.call_async(agent_, "do", {}, {.timeout = milliseconds{0}})),
            Errc::timed_out);
}

// ---- tried again -----------------------------------------------------------------------------

class ClientRetries : public ClientAsync {
 protected:
  /// Calls; the shard answers the n-th attempt as `answers` say, and those behind them with 42.
  Errc call(const std::vector<Errc>& answers, const CallOptions& options) {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               if (message.kind != Kind::request) return;
                               const int attempt = attempts_++;
                               const auto n = static_cast<std::size_t>(attempt);
                               const Errc answer = n < answers.size() ? answers[n] : Errc{};
                               if (answer == Errc::closed) return;  // says nothing
                               shard.reply(message, answer, 42);
                             }};
    return code_of(client_.call(agent_, "do", {}, options));
  }

  static CallOptions often(std::uint32_t retries) {
    return {.timeout = seconds{60},
            .idempotent = true,
            .retries = retries,
            .backoff_min = std::chrono::microseconds{1},
            .backoff_max = std::chrono::microseconds{10}};
  }

  std::atomic<int> attempts_{0};
};

TEST_F(ClientRetries, WhatMayPassIsTriedAgain) {
  EXPECT_EQ(call({Errc::backpressure, Errc::circuit_open, Errc::timed_out}, often(3)), Errc{});
  EXPECT_EQ(attempts_, 4);
}

TEST_F(ClientRetries, AttemptWithoutAnAnswerIsTriedAgain) {
  CallOptions options = often(1);
  options.attempt_timeout = milliseconds{200};
  EXPECT_EQ(call({Errc::closed}, options), Errc{});
  EXPECT_EQ(attempts_, 2);
}

TEST_F(ClientRetries, AnswerOfTheAgentIsFinal) {
  EXPECT_EQ(call({Errc::handler_failed}, often(3)), Errc::handler_failed);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(ClientRetries, WhatIsNotIdempotentIsAskedOnce) {
  CallOptions options = often(3);
  options.idempotent = false;
  EXPECT_EQ(call({Errc::backpressure}, options), Errc::backpressure);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(ClientRetries, EndWithTheirNumber) {
  EXPECT_EQ(call({Errc::backpressure, Errc::backpressure, Errc::backpressure}, often(2)),
            Errc::backpressure);
  EXPECT_EQ(attempts_, 3);
}

TEST_F(ClientRetries, EndWithTheBudgetOfTheClient) {
  EXPECT_EQ(call(std::vector<Errc>(100, Errc::backpressure), often(99)), Errc::backpressure);
  EXPECT_EQ(attempts_, 1 + static_cast<int>(RetryBudget::kReserve));
}

TEST_F(ClientRetries, EndWithTheTimeout) {
  CallOptions options = often(1'000);
  options.timeout = milliseconds{20};
  options.attempt_timeout = milliseconds{15};
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(call(std::vector<Errc>(2'000, Errc::closed), options), Errc::timed_out);
  EXPECT_GE(since(start), milliseconds{15});
  EXPECT_LE(attempts_, 2);
}

}  // namespace
}  // namespace mabeam::shm
