// The death of a worker at every instruction of a turn that begins, resumes or ends a coroutine:
// its caller is told exactly once, and what was told is what happened.
#include "tests/support/sanitizers.hpp"
#include "tests/worker/tasks_support.hpp"

#include "mabeam/testing.hpp"

#include <gtest/gtest.h>

namespace mabeam::testing {
namespace {

using worker::Asker;
using worker::Asking;
using worker::Broker;
using worker::Later;
using worker::Local;

/// Asks a broker, which asks one that answers later.
struct Patron : Asker {
  static constexpr AgentType type{.name = "patron"};

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const auto target = signal.payload().as<Asking>();
    if (!target) return fail(target.error());
    ++state.calls;
    const auto call = context.call(AgentId{target->target}, "ask", *asked_of(*target),
                                   {.deadline = std::chrono::hours{1}});
    return call ? Result<>{} : fail(call.error());
  }

  // Whom the broker is to ask stands where Asking has a deadline.
  static Result<Asking> asked_of(const Asking& target) {
    return Asking{static_cast<std::uint64_t>(target.deadline_ns)};
  }
};

class TasksSweep : public ::testing::Test {
 protected:
  void SetUp() override {
    if (mabeam::tests::kSanitizer)
      GTEST_SKIP() << "a sanitizer's instructions are not ours to step through";
    shard_.send(patron_, "ask", Asking{broker_.value(), static_cast<std::int64_t>(later_.value())});
  }

  /// What is wrong when all is done.
  std::string look_at(TestShard& after) const {
    after.send(later_, "answer", 5);
    after.run();
    after.advance(std::chrono::hours{2});
    after.run();
    const auto patron = after.state<Patron>(patron_);
    const auto broker = after.state<Broker>(broker_);
    if (patron.replies != 1) return "there were " + std::to_string(patron.replies) + " answers";
    if (broker.begun != 1) return "it began " + std::to_string(broker.begun) + " times";
    const Errc wanted = broker.resumed == 1 ? Errc{} : Errc::interrupted;
    if (patron.outcome != wanted) return "it was told " + std::string{code_name(patron.outcome)};
    if (wanted == Errc{} && patron.value != 5) return "it was told another value";
    return "";
  }

  void expect_whole(const SweepReport& swept) {
    EXPECT_EQ(swept.broken, 0U) << swept.first_broken;
    EXPECT_GT(swept.kill_points, 500U);
  }

  TestShard shard_{kTypes<Patron, Later, Broker>, {.max_agents = 8, .max_state_bytes = 128}};
  AgentId patron_ = shard_.create("patron").value();
  AgentId later_ = shard_.create("later").value();
  AgentId broker_ = shard_.create("broker").value();
};

TEST_F(TasksSweep, ItBeginsOnce) {
  ASSERT_TRUE(shard_.step());  // the patron has asked
  expect_whole(shard_.sweep([&](TestShard& after) { return look_at(after); }));
}

TEST_F(TasksSweep, ItEndsOnce) {
  shard_.run();
  shard_.send(later_, "answer", 5);
  ASSERT_TRUE(shard_.step());  // the answer is under way
  expect_whole(shard_.sweep([&](TestShard& after) { return look_at(after); }));
}

TEST_F(TasksSweep, TheNextOwnerTellsItsCallerOnce) {
  shard_.run();
  shard_.kill();
  expect_whole(shard_.sweep([&](TestShard& after) { return look_at(after); }));
}

}  // namespace
}  // namespace mabeam::testing
