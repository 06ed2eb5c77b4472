// The test kit, used as its users would: the built-in types, a type of one's own, deaths.
#include "tests/support/sanitizers.hpp"
#include "worker/builtin.hpp"
#include "worker/types.hpp"

#include "mabeam/testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using mabeam::AgentId;
using mabeam::Errc;
using mabeam::testing::Sent;
using mabeam::testing::SweepReport;
using mabeam::testing::TestShard;

/// Passes each number on to the agent it was told of, and says so on the bus.
struct Link {
  static constexpr mabeam::AgentType type{.name = "link"};

  struct State {
    std::uint64_t next = 0;
    std::int64_t sum = 0;
  };

  mabeam::Result<> on_signal(mabeam::Context& context, State& state,
                             const mabeam::Signal& signal) const {
    if (signal.name() == "next") {
      const auto next = signal.payload().as<std::uint64_t>();
      if (!next) return fail(next.error());
      state.next = *next;
      return {};
    }
    const auto value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    state.sum += *value;
    if (state.next == 0) return context.emit("chain.end", state.sum);
    return context.send(AgentId{state.next}, "pass", *value);
  }
};

class KitTest : public ::testing::Test {
 protected:
  AgentId link(AgentId next) {
    const AgentId made = links_.create("link").value();
    if (next) links_.send(made, "next", next.value());
    links_.run();
    return made;
  }

  TestShard links_{mabeam::kTypes<Link>};
};

std::vector<std::string> names_of(const std::vector<Sent>& sent) {
  std::vector<std::string> names;
  for (const Sent& each : sent)
    names.push_back(each.name);
  return names;
}

TEST(TestingKit, BuiltInCounterCountsAndRefuses) {
  TestShard shard{mabeam::worker::builtin_types()};
  const AgentId jobs = shard.create("counter", {.name = "jobs"}).value();
  EXPECT_EQ(shard.call(jobs, "increment", 5)->payload().as<int>(), 5);
  EXPECT_EQ(shard.call(jobs, "get")->payload().as<int>(), 5);
  EXPECT_EQ(shard.call(jobs, "fly").error().code, Errc::unknown_action);
  EXPECT_EQ(shard.create("counter", {.name = "jobs"}).error().code, Errc::name_taken);
  shard.kill();
  EXPECT_EQ(shard.call(jobs, "get")->payload().as<int>(), 5);
  EXPECT_TRUE(shard.stop(jobs));
  EXPECT_EQ(shard.call(jobs, "get").error().code, Errc::not_found);
}

TEST(TestingKit, BuiltInEchoAndDemoAnswer) {
  TestShard shard{mabeam::worker::builtin_types()};
  const AgentId echo = shard.create("echo").value();
  const AgentId demo = shard.create("demo").value();
  EXPECT_EQ(shard.call(echo, "say", "hi")->payload().text(), "hi");
  EXPECT_EQ(shard.call(demo, "ping")->payload().text(), "pong");
  EXPECT_EQ(names_of(shard.events()), (std::vector<std::string>{"demo.ping"}));
  EXPECT_EQ(shard.call(demo, "simulate_error").error().code, Errc::handler_failed);
}

TEST(TestingKit, BuiltInDemoCountsInNumbers) {
  TestShard shard{mabeam::worker::builtin_types()};
  const AgentId demo = shard.create("demo").value();
  const auto answer = [&](std::string_view action, const mabeam::PayloadRef& payload) {
    const auto reply = shard.call(demo, action, payload);
    EXPECT_EQ(reply->content, mabeam::Content::i64) << action;
    return reply->payload().as<int>().value();
  };
  EXPECT_EQ(answer("increment", "5"), 5);
  EXPECT_EQ(answer("increment", {}), 6);
  EXPECT_EQ(answer("add_message", "hello"), 1);
  EXPECT_EQ(shard.events().back().payload().as<int>().value(), 1);
  EXPECT_EQ(shard.call(demo, "get_messages")->payload().text(), "hello");
  EXPECT_EQ(shard.call(demo, "get_state")->content, mabeam::Content::json);
  EXPECT_EQ(answer("clear_messages", {}), 0);
}

TEST(TestingKit, CounterCountsTheEventsItIsSubscribedTo) {
  TestShard shard{mabeam::worker::builtin_types()};
  const std::string_view pattern = "job.*";
  const AgentId jobs = shard.create("counter", {.subscribe = {&pattern, 1}}).value();
  shard.emit("job.done");
  shard.emit("job.failed");
  shard.emit("other.done");
  shard.run();
  EXPECT_EQ(shard.call(jobs, "get")->payload().as<int>(), 2);
}

TEST_F(KitTest, MessagesAreDeliveredOneAtATime) {
  const AgentId end = link({});
  const AgentId first = link(end);
  (void)links_.sent();
  links_.send(first, "pass", 7);
  EXPECT_TRUE(links_.step());
  EXPECT_EQ(links_.state<Link>(first).sum, 7);
  EXPECT_EQ(links_.state<Link>(end).sum, 0);
  const std::vector<Sent> sent = links_.sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].from, first);
  EXPECT_EQ(sent[0].to, end);
  EXPECT_TRUE(links_.step());
  EXPECT_EQ(links_.state<Link>(end).sum, 7);
  EXPECT_EQ(names_of(links_.events()), (std::vector<std::string>{"chain.end"}));
  EXPECT_FALSE(links_.step());
}

TEST_F(KitTest, SeedDecidesTheOrderAmongSendersAndKeepsEachOnes) {
  const auto order_of = [](std::uint64_t seed) {
    TestShard shard{mabeam::kTypes<Link>, {.seed = seed}};
    const AgentId end = shard.create("link").value();
    for (std::uint32_t sender = 0; sender < TestShard::kSenders; ++sender) {
      for (std::int64_t i = 0; i < 3; ++i)
        shard.send(end, "pass", std::int64_t{1} << (sender * 8 + static_cast<unsigned>(i) * 2), {},
                   sender);
    }
    shard.run();
    std::vector<std::int64_t> sums;
    for (const Sent& event : shard.events())
      sums.push_back(event.payload().as<std::int64_t>().value());
    return sums;
  };
  EXPECT_EQ(order_of(1), order_of(1));
  EXPECT_NE(order_of(1), order_of(2));
  EXPECT_EQ(order_of(1).back(), order_of(2).back());
}

TEST_F(KitTest, ClockIsTurnedByTheTest) {
  const AgentId end = link({});
  links_.send(end, "pass", 1, {.deadline = std::chrono::seconds{5}});
  links_.advance(std::chrono::seconds{6});
  links_.run();
  EXPECT_EQ(links_.state<Link>(end).sum, 0);
  const std::vector<Sent> dead = links_.dead_letters();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].reason, "expired");
}

TEST_F(KitTest, StepKilledInTheMiddleIsTakenAgain) {
  if (mabeam::tests::kSanitizer)
    GTEST_SKIP() << "a sanitizer's instructions are not ours to step through";
  const AgentId end = link({});
  links_.send(end, "pass", 3);
  EXPECT_TRUE(links_.step_killed_after(200));
  links_.run();
  EXPECT_EQ(links_.state<Link>(end).sum, 3);
}

TEST_F(KitTest, SweepFindsNothingWrongWithADurableState) {
  if (mabeam::tests::kSanitizer)
    GTEST_SKIP() << "a sanitizer's instructions are not ours to step through";
  const AgentId end = link({});
  const AgentId first = link(end);
  (void)links_.sent();
  links_.send(first, "pass", 7);
  const SweepReport swept = links_.sweep([&](TestShard& after) {
    if (after.state<Link>(first).sum != 7) return "the first link is wrong";
    if (after.state<Link>(end).sum != 7) return "the last link is wrong";
    if (after.events().size() != 1) return "there is not one event";
    return "";
  });
  EXPECT_EQ(swept.broken, 0U) << swept.first_broken;
  EXPECT_GT(swept.kill_points, 500U);
  links_.run();
  EXPECT_EQ(links_.state<Link>(end).sum, 7);
}

TEST_F(KitTest, SweepTellsWhatIsWrong) {
  if (mabeam::tests::kSanitizer)
    GTEST_SKIP() << "a sanitizer's instructions are not ours to step through";
  const AgentId end = link({});
  links_.send(end, "pass", 7);
  const SweepReport swept = links_.sweep(
      [&](TestShard& after) { return after.state<Link>(end).sum == 8 ? "" : "the sum is not 8"; });
  EXPECT_EQ(swept.broken, swept.kill_points);
  EXPECT_EQ(swept.first_broken, "after 0 instructions: the sum is not 8");
}

}  // namespace
