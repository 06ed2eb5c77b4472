// One worker has all the work: one of its shards moves, live, and then no more.
#include "tests/support/call_stream.hpp"
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

class RebalanceTest : public RuntimeFixture {
 protected:
  [[nodiscard]] std::vector<std::uint32_t> shards_of(std::uint32_t worker) const {
    return view()->workers.at(worker).shards;
  }

  [[nodiscard]] std::size_t moves() {
    const std::string log = supervisor().err();
    const std::string text = "a shard moves to a worker that is less busy";
    std::size_t count = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
      ++count;
    return count;
  }
};

TEST_F(RebalanceTest, ShardOfABusyWorkerMovesToAnIdleOne) {
  configure(
      "[runtime]\nworkers = 2\nshards = 4\n[worker]\nrebalance = \"100ms\"\n"
      "heartbeat_timeout = \"1s\"\nmodules = [\"" MABEAM_MODULE_DIR "/busy.so\"]\n");
  start_ready();
  ASSERT_TRUE(wait_workers_ready());
  CallStream stream{name(), 4};
  ASSERT_TRUE(stream.wait_for(20));
  const std::vector<std::uint32_t> before = shards_of(0);
  ASSERT_EQ(before.size(), 2U);
  Client client = Client::attach(name()).value();
  const auto agents = client.create("busy", 4);
  ASSERT_TRUE(agents);
  for (const AgentId agent : *agents) {
    const std::uint32_t shard = static_cast<std::uint32_t>(agent.endpoint()) - 1;
    if (std::find(before.begin(), before.end(), shard) == before.end()) continue;
    ASSERT_TRUE(client.send(agent, "work"));
  }
  ASSERT_TRUE(wait_until(kPatience, [&] { return shards_of(0).size() == 1; }));
  EXPECT_EQ(shards_of(1).size(), 3U);
  EXPECT_TRUE(std::find(before.begin(), before.end(), shards_of(0).front()) != before.end());
  ASSERT_TRUE(stream.wait_for(20));
  ASSERT_EQ(mabeam({"restart", "1"}).exit, 0);
  EXPECT_EQ(shards_of(1).size(), 3U) << "what was moved for a reason is not levelled";
  stream.finish();
  EXPECT_EQ(moves(), 1U) << "both are as busy now";
}

}  // namespace
}  // namespace mabeam::tests
