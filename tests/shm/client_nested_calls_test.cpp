// Client: calls that are made while the answers to others are handed out.
#include "shm/client_calls.hpp"
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace mabeam::shm {
namespace {

class ClientNestedCalls : public ClientTest {
 protected:
  std::vector<AgentId> put_agents(std::size_t count) {
    std::vector<AgentId> ids;
    for (std::size_t i = 0; i < count; ++i)
      ids.push_back(shards_[i % 2].put_agent());
    return ids;
  }

  /// Answers calls with the caller's payload.
  static void echo(FakeShard& shard, const Taken& message) {
    shard.reply(message, Errc{}, message.view());
  }

  Client client_ = attach();
};

TEST_F(ClientNestedCalls, AnAnswerMayAskForMore) {
  const std::vector<AgentId> ids = put_agents(40);
  const ShardThread thread{shards_, echo};
  int inner = 0;
  int outer = 0;
  ASSERT_TRUE(client_.call_many(ids, "get", 5, std::chrono::seconds{10},
                                [&](std::size_t index, const auto& answer) {
                                  EXPECT_TRUE(answer);
                                  ++outer;
                                  if (index % 10 != 0) return;
                                  const auto more = client_.call_many(ids, "get");
                                  for (const auto& each : more.value())
                                    inner += each ? 1 : 0;
                                }));
  EXPECT_EQ(outer, 40);
  EXPECT_EQ(inner, 4 * 40);
}

// The outer calls hold all credit of the second shard, which answers when the first has nothing
// more to do: their answers are taken in by the inner calls, which wait for that credit alone.
TEST_F(ClientNestedCalls, CreditThatOuterCallsHoldComesBackToInnerOnes) {
  constexpr std::size_t kOfEach = 20;
  const std::vector<AgentId> ids = put_agents(2 * kOfEach);
  const std::size_t credits = segment_.dimensions().ring_bytes[0] / ClientCalls::kReplyRoom;
  ASSERT_LT(credits, kOfEach);
  std::size_t served = 0;
  std::vector<Taken> held;
  const auto serve = [&](FakeShard& shard, const Taken& message) {
    if (&shard == &shards_[1] && served < credits + kOfEach) return held.push_back(message);
    echo(shard, message);
    if (++served != credits + kOfEach) return;
    for (const Taken& question : held)
      echo(shards_[1], question);
  };
  const ShardThread thread{shards_, serve};
  std::size_t answered = 0;
  bool is_inner = false;
  const auto ask_within = [&](std::size_t, const auto&) {
    if (std::exchange(is_inner, true)) return;
    const auto more = client_.call_many(ids, "get");
    for (const auto& each : more.value())
      answered += each ? 1U : 0U;
  };
  ASSERT_TRUE(client_.call_many(ids, "get", 5, std::chrono::seconds{60}, ask_within));
  EXPECT_EQ(answered, ids.size());
}

}  // namespace
}  // namespace mabeam::shm
