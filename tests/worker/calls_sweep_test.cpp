// The death of a worker at every instruction of the turn that ends a call with a deadline.
#include "tests/support/sanitizers.hpp"
#include "tests/worker/calls_support.hpp"

#include "mabeam/testing.hpp"

#include <gtest/gtest.h>

namespace mabeam::testing {
namespace {

using worker::Asker;
using worker::Asking;
using worker::Later;

class CallsSweep : public ::testing::Test {
 protected:
  void SetUp() override {
    if (mabeam::tests::kSanitizer)
      GTEST_SKIP() << "a sanitizer's instructions are not ours to step through";
    shard_.send(asker_, "call", Asking{later_.value(), worker::kHour, 0, 0});
    shard_.run();
  }

  /// What is wrong, once everything has been done and all deadlines have passed.
  std::string look_at(TestShard& after, Errc outcome) const {
    after.advance(std::chrono::hours{2});
    after.run();
    const auto state = after.state<Asker>(asker_);
    if (state.replies != 1) return "there were " + std::to_string(state.replies) + " answers";
    if (state.outcome != outcome) return "it was told " + std::string{code_name(state.outcome)};
    return "";
  }

  TestShard shard_{kTypes<Asker, Later>};
  AgentId asker_ = shard_.create("asker").value();
  AgentId later_ = shard_.create("later").value();
};

TEST_F(CallsSweep, ItIsTimedOutOnce) {
  shard_.advance(std::chrono::hours{2});
  const SweepReport swept =
      shard_.sweep([&](TestShard& after) { return look_at(after, Errc::timed_out); });
  EXPECT_EQ(swept.broken, 0U) << swept.first_broken;
  EXPECT_GT(swept.kill_points, 500U);
}

TEST_F(CallsSweep, ItIsAnsweredLaterOnce) {
  shard_.send(later_, "answer", 5);
  const SweepReport answered =
      shard_.sweep([&](TestShard& after) { return look_at(after, Errc{}); });
  EXPECT_EQ(answered.broken, 0U) << answered.first_broken;
  const SweepReport taken = shard_.sweep([&](TestShard& after) { return look_at(after, Errc{}); });
  EXPECT_EQ(taken.broken, 0U) << taken.first_broken;
  EXPECT_GT(taken.kill_points, 500U);
}

}  // namespace
}  // namespace mabeam::testing
