// A worker that takes nothing out of its rings is named by the supervisor, and restarted if that is
// what the configuration asks for.
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/wait_until.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class SlowConsumerTest : public RuntimeFixture {
 protected:
  /// The heartbeat is off, so that nothing else ends a worker that hangs.
  void begin(const std::string& policy) {
    configure(
        "[runtime]\nworkers = 1\nshards = 1\nfault_agents = true\n[worker]\nmax_attempts = 1\n"
        "heartbeat_timeout = \"0s\"\nstall_timeout = \"100ms\"\nshutdown_timeout = "
        "\"50ms\"\nslow_consumer = \"" +
        policy + "\"\n");
    start_ready();
  }

  /// The one worker hangs in a handler, with more behind it than half a ring holds.
  void hang() {
    Client client = Client::attach(name(), {.attach_timeout = seconds{20}}).value();
    const AgentId agent = client.create("fault", 1).value().front();
    ASSERT_TRUE(client.send(agent, "hang"));
    while (client.send(agent, "note", std::string(1000, 'x'))) {
    }
  }

  [[nodiscard]] bool is_told(const std::string& text) {
    return wait_until(kPatience,
                      [&] { return supervisor().err().find(text) != std::string::npos; });
  }
};

TEST_F(SlowConsumerTest, IsNamedAndLeftAlone) {
  begin("warn");
  const pid_t worker = ready_worker(0);
  hang();
  ASSERT_TRUE(is_told("slow consumer"));
  EXPECT_THAT(supervisor().err(), HasSubstr(R"("consumer":"shard 0","worker":0,)"));
  EXPECT_EQ(ready_worker(0), worker);
}

TEST_F(SlowConsumerTest, IsRestartedWhereThatIsWanted) {
  begin("restart");
  const pid_t worker = ready_worker(0);
  hang();
  ASSERT_TRUE(wait_workers_ready({worker}));
  EXPECT_TRUE(is_told("slow consumer has caught up"));
}

}  // namespace
}  // namespace mabeam::tests
