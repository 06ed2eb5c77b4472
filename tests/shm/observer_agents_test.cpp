#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace mabeam {
namespace {

using tests::SegmentFiller;
using tests::TestSegment;

const std::array<std::string_view, 2> kFastAndCheap{"fast", "cheap"};

class ObserverAgents : public ::testing::Test {
 protected:
  void SetUp() override { filler_.start(); }

  [[nodiscard]] Observer observe() const { return Observer::attach(segment_.name()).value(); }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
};

TEST_F(ObserverAgents, AgentsAreListedWhole) {
  const AgentId id = filler_.create("counter", {.name = "orders", .capabilities = kFastAndCheap});
  filler_.touch(id);
  const AgentList list = observe().agents();
  ASSERT_EQ(list.agents.size(), 1U);
  const AgentView& agent = list.agents[0];
  EXPECT_EQ(agent.id, id);
  EXPECT_EQ(agent.name, "orders");
  EXPECT_EQ(agent.type, "counter");
  EXPECT_EQ(agent.shard, static_cast<std::uint32_t>(id.endpoint()) - 1);
  EXPECT_EQ(agent.worker, agent.shard);
  EXPECT_EQ(agent.lifecycle, Lifecycle::ready);
  EXPECT_EQ(agent.version, 2U);
  EXPECT_EQ(agent.handled, 1U);
  EXPECT_EQ(agent.capabilities, (std::vector<std::string>{"fast", "cheap"}));
}

TEST_F(ObserverAgents, AgentsAreFiltered) {
  for (int i = 0; i < 5; ++i)
    filler_.create("counter", {}, 0);
  filler_.create("echo", {.capabilities = kFastAndCheap}, 1);
  filler_.create("counter", {.capabilities = kFastAndCheap}, 1);
  const Observer observer = observe();
  EXPECT_EQ(observer.agents().total, 7U);
  EXPECT_EQ(observer.agents({.type = "counter"}).total, 6U);
  EXPECT_EQ(observer.agents({.capability = "cheap"}).agents.size(), 2U);
  EXPECT_EQ(observer.agents({.type = "echo", .capability = "fast"}).total, 1U);
  EXPECT_EQ(observer.agents({.type = "never seen"}).total, 0U);
  EXPECT_EQ(observer.agents({.type = "counter", .capability = "never seen"}).total, 0U);
  const AgentList first = observer.agents({.type = "counter", .limit = 2});
  EXPECT_EQ(first.agents.size(), 2U);
  EXPECT_EQ(first.total, 6U);
}

TEST_F(ObserverAgents, EndedAgentIsGone) {
  const AgentId first = filler_.create("counter", {.name = "orders"});
  filler_.end(first);
  const AgentId second = filler_.create("counter", {.name = "orders"});
  const Observer observer = observe();
  EXPECT_EQ(observer.agents().total, 1U);
  EXPECT_EQ(observer.agent(first).error().code, Errc::not_found);
  EXPECT_EQ(observer.agent(second).value().name, "orders");
  EXPECT_EQ(observer.agent(AgentId{static_cast<EndpointId>(200), 0, 1}).error().code,
            Errc::not_found);
}

TEST_F(ObserverAgents, AgentWithoutOwnerHasNoWorker) {
  const AgentId id = filler_.create("counter");
  filler_.shard_slot(0).owner.store(0);
  EXPECT_FALSE(observe().agent(id).value().worker);
  filler_.shard_slot(0).owner.store(shm::Incarnation::of(5000, 1).value);
  EXPECT_FALSE(observe().agent(id).value().worker);
}

TEST_F(ObserverAgents, FindTakesNamesAndIds) {
  const AgentId id = filler_.create("counter", {.name = "orders"});
  const AgentId stale{id.endpoint(), id.slot(), id.generation() + 1};
  const Observer observer = observe();
  EXPECT_EQ(observer.find("orders").value(), id);
  EXPECT_EQ(observer.find(to_string(id)).value(), id);
  EXPECT_EQ(observer.find(to_string(stale)).error().code, Errc::not_found);
  EXPECT_EQ(observer.find("nobody").error().code, Errc::not_found);
  EXPECT_EQ(observer.find("").error().code, Errc::not_found);
}

TEST_F(ObserverAgents, NameOfSixteenDigitsIsAName) {
  const AgentId id = filler_.create("counter", {.name = "00000000deadbeef"});
  EXPECT_EQ(observe().find("00000000deadbeef").value(), id);
}

}  // namespace
}  // namespace mabeam
