// A state in its type's own words.
#include "tests/worker/shard_support.hpp"

#include <stdexcept>

namespace mabeam::worker {
namespace {

using shm::Kind;

struct Talker : Puppet {
  static constexpr AgentType type{.name = "puppet"};

  static std::string describe(const State& state) {
    if (state.sum < 0) throw std::runtime_error("as told");
    if (state.sum > 1000) return std::string(10'000, 'x');
    return "{\"sum\":" + std::to_string(state.sum) + "}";
  }
};

struct LaterTalker : Talker {
  static constexpr AgentType type{.name = "puppet", .state_version = 2};
};

class ShardDescribe : public ShardTest {
 protected:
  Letter describe() {
    post(agent_, "describe", {}, {.kind = Kind::describe, .correlation = 9});
    run();
    const std::vector<Letter> replies = take(Priority::high);
    EXPECT_EQ(replies.size(), 1U);
    return replies.empty() ? Letter{} : replies.front();
  }

  void add(std::int64_t value) {
    post(agent_, "add", Task{.value = value});
    run();
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardDescribe, TellsTheStateAndChangesNothing) {
  ASSERT_TRUE(adopt(0, 2, kTypes<Talker>));
  add(5);
  const std::uint64_t version = segment_.agents(0).record(agent_.slot()).version.load();
  const Letter said = describe();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(said.payload.data()), said.payload.size()),
            "{\"sum\":5}");
  EXPECT_EQ(said.header.content, static_cast<std::uint32_t>(Content::json));
  EXPECT_EQ(segment_.agents(0).record(agent_.slot()).version.load(), version);
}

TEST_F(ShardDescribe, TypeWithoutWordsIsUnknownAction) {
  EXPECT_EQ(describe().code, Errc::unknown_action);
}

TEST_F(ShardDescribe, WhatItThrowsIsARefusal) {
  ASSERT_TRUE(adopt(0, 2, kTypes<Talker>));
  add(-1);
  EXPECT_EQ(describe().code, Errc::handler_failed);
  add(2000);
  EXPECT_EQ(describe().code, Errc::payload_too_large);
}

TEST_F(ShardDescribe, SuspendedAgentIsToldOf) {
  ASSERT_TRUE(adopt(0, 2, kTypes<Talker>));
  add(5);
  post(agent_, "suspend", {}, {.kind = Kind::suspend});
  run();
  ASSERT_EQ(take(Priority::high).size(), 1U);
  EXPECT_EQ(describe().payload.size(), std::string_view{"{\"sum\":5}"}.size());
}

TEST_F(ShardDescribe, StateOfAnotherVersionIsNotTold) {
  ASSERT_TRUE(adopt(0, 2, kTypes<LaterTalker>));
  EXPECT_EQ(describe().code, Errc::incompatible);
}

}  // namespace
}  // namespace mabeam::worker
