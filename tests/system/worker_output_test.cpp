// What handlers print is in the supervisor's log, and no handler waits for whoever reads it.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

class WorkerOutputTest : public RuntimeFixture {
 protected:
  void start_runtime() {
    configure("[runtime]\nworkers = 1\n[worker]\nmodules = [\"" MABEAM_MODULE_DIR
              "/printer.so\"]\n");
    start_ready();
    client_.emplace(Client::attach(name()).value());
    printer_ = client_->create("printer").value().at(0);
  }

  void print(const std::string& how, const std::string& text = {}) {
    EXPECT_TRUE(client_->call(printer_, how, text, seconds{20})) << how;
  }

  /// The line of the log that says so; null if it is not there in time.
  Json said(const std::string& text) {
    Json found;
    (void)wait_until(kPatience, [&] {
      std::istringstream log{supervisor().err()};
      for (std::string line; found.is_null() && std::getline(log, line);) {
        Json each = Json::parse(line, nullptr, false);
        if (each.is_object() && each.value("text", "") == text) found = std::move(each);
      }
      return !found.is_null();
    });
    return found;
  }

  [[nodiscard]] std::string id() const { return to_string(printer_); }

  std::optional<Client> client_;
  AgentId printer_;
};

TEST_F(WorkerOutputTest, LinesAreLabelledWithWorkerAndAgent) {
  start_runtime();
  for (const std::string how : {"printf", "cout", "cerr"}) {
    print(how, "by " + how);
    const Json line = said("by " + how);
    EXPECT_EQ(line.value("worker", -1), 0) << how;
    EXPECT_EQ(line.value("agent", ""), id()) << how;
    EXPECT_EQ(line.value("message", ""), "worker says");
  }
  print("write", "by write");
  const Json line = said("by write");
  EXPECT_EQ(line.value("worker", -1), 0);
  EXPECT_FALSE(line.contains("agent"));
}

TEST_F(WorkerOutputTest, ChildrenOfHandlersMayPrint) {
  start_runtime();
  print("child", "from a child");
  const Json line = said("from a child");
  EXPECT_EQ(line.value("worker", -1), 0);
  EXPECT_FALSE(line.contains("agent"));
}

TEST_F(WorkerOutputTest, WhatIsStillInAStreamWhenAWorkerLeavesIsNoDeath) {
  start_runtime();
  print("unended", "tick ");
  EXPECT_EQ(mabeam({"restart", "0"}).exit, 0);
  EXPECT_FALSE(said("tick tick ").is_null());
  EXPECT_EQ(view()->workers[0].last_exit->cause, ExitCause::asked);
}

// What is in the pipe is read by the next program; what this one has read of a line is not.
TEST_F(WorkerOutputTest, HalfALineOutlivesAHandover) {
  start_runtime();
  print("unended", "tick ");
  const int pipe =
      ::open(("/proc/" + std::to_string(ready_worker(0)) + "/fd/1").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(pipe, 0);
  EXPECT_TRUE(wait_until(kPatience, [pipe] {
    int bytes = -1;
    return ::ioctl(pipe, FIONREAD, &bytes) == 0 && bytes == 0;
  })) << "the supervisor reads it";
  ::close(pipe);
  supervisor().signal(SIGUSR2);
  const Json line = said("tick ");
  ASSERT_FALSE(line.is_null());
  EXPECT_EQ(line.value("agent", ""), id());
  EXPECT_TRUE(wait_until(kPatience, [this] {
    return supervisor().err().find("this program has taken over") != std::string::npos;
  }));
}

TEST_F(WorkerOutputTest, AFloodWaitsForNobodyAndTheNextSupervisorReadsOn) {
  start_runtime();
  print("flood");
  EXPECT_TRUE(wait_until(kPatience, [&] {
    return supervisor().err().find("a worker prints too much") != std::string::npos;
  })) << "what is left out is told";
  const pid_t worker = ready_worker(0);
  supervisor().kill();
  print("printf", "nobody listens");
  print("flood");  // more than the pipe holds
  print("cout", "nor now");
  start_ready();
  ASSERT_EQ(ready_worker(0), worker) << "it has died of what it printed";
  EXPECT_TRUE(wait_until(kPatience, [&] {
    print("cout", "somebody listens");
    return supervisor().err().find("somebody listens") != std::string::npos;
  }));
  EXPECT_EQ(said("somebody listens").value("agent", ""), id());
}

}  // namespace
}  // namespace mabeam::tests
