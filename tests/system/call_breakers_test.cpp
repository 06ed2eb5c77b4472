// Calls to a shard whose worker hangs: refused at once, and let through when it serves again.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class CallBreakersSystemTest : public RuntimeFixture {
 protected:
  /// Two workers, of which the first is to hang, with an agent on each.
  void begin() {
    configure("[runtime]\nworkers = 2\nshards = 4\n[worker]\nheartbeat_timeout = \"4s\"\n");
    start_ready();
    ASSERT_TRUE(wait_workers_ready());
    client_.emplace(Client::attach(name()).value());
    const auto made = client_->create("counter", 8, {}, seconds{20}).value();
    const std::vector<std::uint32_t> shards = view().value().workers[0].shards;
    for (const AgentId id : made) {
      const auto shard = static_cast<std::uint32_t>(id.endpoint()) - 1;
      const bool is_first = std::find(shards.begin(), shards.end(), shard) != shards.end();
      (is_first ? hung_ : other_) = id;
    }
    ASSERT_TRUE(hung_ && other_);
  }

  Errc call(AgentId agent, milliseconds timeout = kPatience) {
    const auto answer = client_->call(agent, "increment", {}, timeout);
    if (answer && agent == hung_) count_ = answer->payload().as<std::int64_t>().value();
    return answer ? Errc{} : answer.error().code;
  }

  [[nodiscard]] std::string state() const {
    const std::uint32_t shard = static_cast<std::uint32_t>(hung_.endpoint()) - 1;
    const nlohmann::json listed = mabeam({"breakers", "--json"}).json();
    for (const auto& each : listed["breakers"])
      if (each["name"] == "shard:" + std::to_string(shard)) return each["state"];
    return "none";
  }

  std::optional<Client> client_;
  AgentId hung_;
  AgentId other_;
  std::int64_t count_ = 0;
};

TEST_F(CallBreakersSystemTest, HungWorkersShardFailsFastUntilItServesAgain) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const pid_t worker = ready_worker(0);
  ::kill(worker, SIGSTOP);
  std::int64_t sent = 0;
  EXPECT_TRUE(wait_until(kPatience, [&] {
    const Errc code = call(hung_, milliseconds{30});
    sent += code == Errc::timed_out ? 1 : 0;
    return code == Errc::circuit_open;
  }));
  EXPECT_GE(sent, 5);
  const auto refused = client_->call(hung_, "get", {}, kPatience);
  EXPECT_GT(refused.error().subject, 0U) << "milliseconds";
  EXPECT_EQ(call(other_), Errc{});
  EXPECT_EQ(state(), "open");
  EXPECT_THAT(mabeam({"health"}).out, HasSubstr("calls are refused"));
  const Ran said = mabeam({"call", to_string(hung_), "get", "--json"});
  EXPECT_EQ(said.exit, 75);
  EXPECT_GT(said.json()["error"]["retry_after_seconds"], 0);
  ::kill(worker, SIGCONT);
  EXPECT_TRUE(wait_until(kPatience, [&] { return call(hung_) == Errc{}; })) << "at once";
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(call(hung_), Errc{});
  EXPECT_EQ(state(), "closed");
  EXPECT_LE(count_, sent + 10) << "what was refused has never been sent";
  EXPECT_GE(count_, 10);
}

TEST_F(CallBreakersSystemTest, ShardsAreHeldByHandButNeverMoreThanHalf) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const auto shard = static_cast<std::uint32_t>(hung_.endpoint()) - 1;
  const auto of = [](std::uint32_t index) { return "shard:" + std::to_string(index % 4); };
  ASSERT_EQ(mabeam({"breakers", "open", of(shard)}).exit, 0);
  EXPECT_EQ(call(hung_), Errc::circuit_open);
  ASSERT_EQ(mabeam({"breakers", "open", of(shard + 1)}).exit, 0);
  refuses({"breakers", "open", of(shard + 2)}, 1, "more than half");
  refuses({"breakers", "open", "shard:4"}, 64, "the shard");
  const std::string copy = (folder() / "copy").string();
  std::filesystem::copy_file("/dev/shm/mabeam-" + name(), copy);
  ASSERT_EQ(mabeam({"breakers", "auto", of(shard)}).exit, 0);
  const nlohmann::json copied = mabeam({"breakers", "--file", copy, "--json"}).json();
  const auto is_held = [&](const nlohmann::json& each) {
    return each["name"] == of(shard) && each["is_forced"] == true;
  };
  EXPECT_TRUE(std::ranges::any_of(copied["breakers"], is_held)) << copied;
  refuses({"breakers", "close", of(shard), "--file", copy}, 64, "a copy");
  EXPECT_EQ(call(hung_), Errc{});
  ASSERT_EQ(mabeam({"breakers", "close", of(shard)}).exit, 0);
  EXPECT_EQ(state(), "closed");
}

}  // namespace
}  // namespace mabeam::tests
