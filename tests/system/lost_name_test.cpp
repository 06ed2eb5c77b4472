// A runtime whose segment somebody has removed from /dev/shm while it runs.
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

using std::chrono::seconds;
using ::testing::HasSubstr;

class LostNameTest : public RuntimeFixture {
 protected:
  void start_runtime(const std::string& more = {}) {
    configure("[runtime]\nworkers = 2\n" + more);
    start_ready();
    ASSERT_TRUE(wait_workers_ready());
    observer_.emplace(Observer::attach(name()).value());
    client_.emplace(Client::attach(name()).value());
    counter_ = client_->create("counter").value().at(0);
  }

  void lose_name() {
    ASSERT_TRUE(std::filesystem::remove(segment_path()));
    ASSERT_TRUE(says("the segment's name is gone"));
  }

  [[nodiscard]] bool says(const std::string& text) {
    return wait_until(kPatience,
                      [&] { return supervisor().err().find(text) != std::string::npos; });
  }

  /// Each is ready, and none is among `but_not`.
  [[nodiscard]] bool are_ready(const std::vector<pid_t>& but_not) const {
    return wait_until(kPatience, [&] {
      const auto workers = observer_->runtime().workers;
      return std::all_of(workers.begin(), workers.end(), [&](const WorkerView& worker) {
        return worker.state == WorkerState::ready && worker.pid &&
               std::find(but_not.begin(), but_not.end(), *worker.pid) == but_not.end();
      });
    });
  }

  [[nodiscard]] std::vector<pid_t> workers() const { return {ready_worker(0), ready_worker(1)}; }

  std::optional<Observer> observer_;
  std::optional<Client> client_;
  AgentId counter_;
};

TEST_F(LostNameTest, WorkersAreStartedAgainAndWhoComesIsToldWhy) {
  start_runtime();
  const std::vector<pid_t> before = workers();
  lose_name();
  for (const pid_t pid : before)
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(are_ready(before));
  for (const WorkerView& worker : observer_->runtime().workers)
    EXPECT_EQ(worker.restarts, 1U) << "at the first try";
  EXPECT_TRUE(client_->call(counter_, "increment", 1, seconds{20}));
  refuses({"ps"}, 69, "has been removed");
  EXPECT_EQ(run(), 73) << "two of a name would be in each other's way";
  EXPECT_THAT(supervisor().err(), HasSubstr("another file has its name; stop that one"));
}

TEST_F(LostNameTest, NothingIsHandedOverAndNothingIsKept) {
  start_runtime("on_stop = \"keep\"\n");
  const std::vector<pid_t> before = workers();
  lose_name();
  supervisor().signal(SIGUSR2);
  EXPECT_TRUE(says("the new program does not take over"));
  EXPECT_TRUE(are_ready({}));
  EXPECT_EQ(observer_->runtime().workers[0].pid, before[0]);
  supervisor().signal(SIGTERM);
  EXPECT_EQ(supervisor().wait(), 0);
  EXPECT_THAT(supervisor().err(), HasSubstr(R"("message":"agents and unread messages went)"));
  EXPECT_THAT(supervisor().err(), HasSubstr(R"("segment":"lost")"));
  EXPECT_EQ(client_->call(counter_, "get", {}, seconds{20}).error().code, Errc::not_running);
}

// Its lock is free, and the workers in it live: they would be adopted, and killed for their
// silence.
TEST_F(LostNameTest, NobodyTakesOverACopyOfWhatRuns) {
  start_runtime();
  const std::vector<pid_t> before = workers();
  const std::string away = segment_path().string() + "-away";
  std::filesystem::rename(segment_path(), away);
  EXPECT_TRUE(says("the segment's name is gone"));
  EXPECT_EQ(run(), 73) << "renamed";
  std::filesystem::copy_file(away, segment_path());
  EXPECT_EQ(run(), 73) << "another file";
  EXPECT_THAT(supervisor().err(), HasSubstr("is run by another supervisor, pid"));
  EXPECT_TRUE(are_ready({}));
  EXPECT_EQ(observer_->runtime().workers[0].pid, before[0]);
  EXPECT_EQ(observer_->runtime().workers[1].pid, before[1]);
  std::filesystem::remove(away);
  std::filesystem::remove(segment_path());
}

// What is run around a worker may have put something else under the number.
TEST_F(LostNameTest, AWorkerThatIsGivenSomethingElseGoesByTheName) {
  const auto wrapper = write_script("worker", R"(exec 3</dev/null
for word do
  shift
  test "$before" != --segment || word=3
  before=$word
  set -- "$@" "$word"
done
exec )" + program("mabeam-worker").string() + " \"$@\"\n");
  configure("[runtime]\nworkers = 2\n[worker]\nexecutable = \"" + wrapper.string() + "\"\n");
  start_ready();
  EXPECT_TRUE(wait_workers_ready());
}

}  // namespace
}  // namespace mabeam::tests
