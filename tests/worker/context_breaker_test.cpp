// A named circuit breaker, which all agents share.
#include "mabeam/breaker.hpp"
#include "mabeam/testing.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

namespace {

using mabeam::Errc;
using mabeam::testing::TestShard;

/// Calls something by the breaker that it is told: it works or it does not, as the action says.
struct GuardedCaller {
  static constexpr mabeam::AgentType type{.name = "caller"};

  mabeam::Result<std::string> on_action(mabeam::Context& context,
                                        const mabeam::Action& action) const {
    auto breaker = context.breaker(action.payload().text());
    if (!breaker) return mabeam::fail(breaker.error());
    if (action.name() == "fill") return fill(context);
    if (action.name() == "tell") {  // without having asked
      for (int i = 0; i < 100; ++i)
        breaker->fail();
      return "told";
    }
    if (const auto asked = breaker->ask(); !asked) {
      return breaker->retry_after().count() > 0 ? mabeam::fail(asked.error())
                                                : mabeam::fail(Errc::handler_failed);
    }
    action.name() == "works" ? breaker->succeed() : breaker->fail();
    return "called";
  }

 private:
  static mabeam::Result<std::string> fill(mabeam::Context& context) {
    for (int i = 0;; ++i) {
      const auto breaker = context.breaker("b" + std::to_string(i));
      if (!breaker) return mabeam::fail(breaker.error());
    }
  }
};

class ContextBreaker : public ::testing::Test {
 protected:
  ContextBreaker() : first_(*shard_.create("caller")), second_(*shard_.create("caller")) {}

  Errc call(mabeam::AgentId agent, std::string_view action, std::string_view breaker) {
    const auto reply = shard_.call(agent, action, breaker);
    return reply ? Errc{} : reply.error().code;
  }

  TestShard shard_{mabeam::kTypes<GuardedCaller>};
  mabeam::AgentId first_;
  mabeam::AgentId second_;
};

TEST_F(ContextBreaker, OpensForEveryAgent) {
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(call(first_, "fails", "db"), Errc{});
  EXPECT_EQ(call(second_, "works", "db"), Errc::circuit_open);
  EXPECT_EQ(call(second_, "works", "cache"), Errc{}) << "another name, another breaker";
  shard_.advance(std::chrono::seconds{37});
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(call(second_, "works", "db"), Errc{}) << "a trial";
  EXPECT_EQ(call(second_, "fails", "db"), Errc{});
  EXPECT_EQ(call(first_, "works", "db"), Errc{}) << "closed again";
}

TEST_F(ContextBreaker, ATrialThatFailsOpensItAgain) {
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(call(first_, "fails", "db"), Errc{});
  shard_.advance(std::chrono::seconds{37});
  EXPECT_EQ(call(first_, "fails", "db"), Errc{});
  shard_.advance(std::chrono::seconds{37});
  EXPECT_EQ(call(first_, "works", "db"), Errc::circuit_open) << "twice as long";
}

TEST_F(ContextBreaker, SuccessesLeaveItClosed) {
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(call(first_, "works", "db"), Errc{});
}

TEST_F(ContextBreaker, WhoHasNotAskedTellsNothing) {
  EXPECT_EQ(call(first_, "tell", "db"), Errc{});
  EXPECT_EQ(call(first_, "works", "db"), Errc{});
}

TEST_F(ContextBreaker, ThereAreOnlySoMany) {
  EXPECT_EQ(call(first_, "fill", "db"), Errc::breakers_full);
  EXPECT_EQ(call(first_, "works", "db"), Errc{}) << "those that there are go on";
}

TEST_F(ContextBreaker, NameMustBeOne) {
  EXPECT_EQ(call(first_, "works", ""), Errc::invalid_argument);
}

}  // namespace
