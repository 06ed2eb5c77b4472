// RuntimeFixture: real runtimes for system tests. Starts the mabeam-supervisor of MABEAM_BIN_DIR
// with a configuration in a folder of its own and a name that nobody else has.
//
//   TEST_F(SupervisorTest, Starts) {
//     configure("[runtime]\nworkers = 2\n");
//     start_ready();
//     ...
//   }
//
// When a test ends its supervisors are stopped, and the test fails if one that still ran does not
// end with 0, or if a segment or a process of that name is left behind; what was left is removed.
#pragma once

#include "tests/support/wait_until.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mabeam::tests {

/// Long enough for a loaded machine; a test that passes does not wait for it.
inline constexpr std::chrono::milliseconds kPatience{20'000};

/// A program that was started. Killed, if it still runs, with its owner.
class Program {
 public:
  /// Standard output and error go into files in `folder`.
  Program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
          const std::filesystem::path& folder);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  [[nodiscard]] pid_t pid() const { return pid_; }

  void signal(int number) const;

  /// The exit status, or 128 plus the signal; nothing if it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit = kPatience);
  /// Sends SIGKILL and waits.
  void kill();

  /// It was waited for, with success.
  [[nodiscard]] bool has_ended() const { return status_.has_value(); }

  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

 private:
  std::filesystem::path out_path_;
  std::filesystem::path err_path_;
  pid_t pid_ = 0;
  std::optional<int> status_;
};

/// What a command has said.
struct Ran {
  int exit = -1;
  std::string out;
  std::string err;

  /// Discarded if it is no JSON.
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

class RuntimeFixture : public ::testing::Test {
 protected:
  RuntimeFixture();
  ~RuntimeFixture() override;
  void TearDown() override;

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  /// A program of the build.
  [[nodiscard]] static std::filesystem::path program(const std::string& program_name);

  /// Runs `mabeam WORDS` for this runtime.
  [[nodiscard]] Ran mabeam(std::vector<std::string> words) const;
  /// Expects that `mabeam WORDS` ends so, with a message that has the reason in it.
  void refuses(const std::vector<std::string>& words, int exit, const std::string& reason) const;

  /// Writes the configuration file, which --name goes with.
  void configure(const std::string& toml);
  /// Writes a shell script that may be used as a worker.
  std::filesystem::path write_script(const std::string& file_name, const std::string& body);

  /// Starts a supervisor with --config, --name and `more`.
  Program& start(const std::vector<std::string>& more = {});
  /// As start(), and waits until the runtime is running. Fails the test if it does not get there.
  Program& start_ready(const std::vector<std::string>& more = {});
  /// Starts a supervisor and waits for its end. The exit status, or nothing.
  std::optional<int> run(const std::vector<std::string>& more = {});

  /// The one that was started last.
  [[nodiscard]] Program& supervisor() { return *supervisors_.back(); }

  /// The runtime as an observer sees it; nothing if there is none.
  [[nodiscard]] std::optional<RuntimeView> view() const;
  [[nodiscard]] bool is_running() const;
  /// The pid of a worker that is ready; 0 if it is not.
  [[nodiscard]] pid_t ready_worker(std::uint32_t index) const;
  /// Waits until every worker is ready, each with a pid that is not in `but_not`.
  [[nodiscard]] bool wait_workers_ready(const std::vector<pid_t>& but_not = {}) const;

  [[nodiscard]] std::filesystem::path segment_path() const { return "/dev/shm/mabeam-" + name_; }

  /// The control groups of this runtime that there are.
  [[nodiscard]] std::vector<std::filesystem::path> groups() const;

  /// Processes whose command line names this runtime.
  [[nodiscard]] std::vector<pid_t> processes() const;

 private:
  void stop_supervisors();
  void remove_leftovers();

  std::string name_;
  std::filesystem::path folder_;
  std::filesystem::path config_path_;
  std::vector<std::unique_ptr<Program>> supervisors_;
};

}  // namespace mabeam::tests
