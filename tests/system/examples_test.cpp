// The programs of examples/ do what they say, with the commands that their first lines show.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class ExamplesTest : public RuntimeFixture {
 protected:
  void start_with(const std::string& example) {
    configure("[runtime]\nworkers = 2\nshards = 4\n[worker]\nmodules = [\"" MABEAM_MODULE_DIR "/" +
              example + ".so\"]\n[breaker]\nfailure_threshold = 100\n");
    start_ready();
  }

  /// What `mabeam ARGUMENTS...` prints.
  [[nodiscard]] std::string mabeam(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--name", name()});
    Program command{program("mabeam"), arguments, folder()};
    EXPECT_EQ(command.wait(), 0) << command.err();
    return command.out();
  }

  /// Kills a worker when it is ready, and waits for the next one.
  void kill_worker(std::uint32_t index) const {
    const pid_t old = ready_worker(index);
    ASSERT_GT(old, 0);
    ASSERT_EQ(::kill(old, SIGKILL), 0);
    ASSERT_TRUE(wait_workers_ready({old}));
  }
};

TEST_F(ExamplesTest, HelloAnswers) {
  start_with("01_hello");
  (void)mabeam({"create", "--type", "hello", "--name", "greeter"});
  EXPECT_EQ(mabeam({"call", "greeter", "hello", "Ada"}), "hello, Ada\n");
}

TEST_F(ExamplesTest, CounterOutlivesItsWorkers) {
  start_with("02_counter");
  (void)mabeam({"create", "--type", "my_counter", "--name", "jobs"});
  EXPECT_EQ(mabeam({"call", "jobs", "increment", "5"}), "5\n");
  for (const std::uint32_t worker : {0U, 1U})
    kill_worker(worker);
  EXPECT_EQ(mabeam({"call", "jobs", "increment"}), "6\n");
}

TEST_F(ExamplesTest, SectionsCountWhatIsPublished) {
  start_with("03_sections");
  std::ofstream{folder() / "status"} << "Package: a\nSection: libs\nInstalled-Size: 7\n\n"
                                        "Package: b\nSection: net\nInstalled-Size: 100\n\n"
                                        "Package: c\nSection: libs\nInstalled-Size: 5\n";
  (void)mabeam({"create", "--type", "section", "--name", "libs", "--subscribe", "pkg.libs"});
  (void)mabeam({"feed", "--format", "deb822", "--topic", "pkg.{Section}", folder() / "status"});
  EXPECT_EQ(mabeam({"call", "libs", "get"}), "2 12\n");
}

// A worker dies in every tenth of the way.
TEST_F(ExamplesTest, ChainSurvivesKills) {
  constexpr std::uint32_t kJobs = 20'000;
  start_with("04_chain");
  for (const std::string link : {"1", "2", "3"})
    (void)mabeam({"create", "--type", "link", "--name", "link-" + link});
  (void)mabeam({"send", "link-1", "next", "link-2"});
  (void)mabeam({"send", "link-2", "next", "link-3"});
  Client client = Client::attach(name()).value();
  const AgentId first = client.find("link-1").value();
  for (std::uint32_t job = 0; job < kJobs; ++job) {
    ASSERT_TRUE(client.send(first, "job", job, {}, kPatience)) << job;
    if (job % (kJobs / 10) == 0) {
      ASSERT_NO_FATAL_FAILURE(kill_worker(job / (kJobs / 10) % 2));
    }
  }
  const std::string all = std::to_string(kJobs) + "\n";
  EXPECT_TRUE(wait_until(kPatience, [&] { return mabeam({"call", "link-3", "count"}) == all; }));
  EXPECT_EQ(mabeam({"call", "link-1", "count"}), all);
  EXPECT_EQ(mabeam({"call", "link-2", "count"}), all);
}

}  // namespace
}  // namespace mabeam::tests
