#include "tests/support/runtime_fixture.hpp"

#include "shm/process.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::atomic<int> next_number{0};

std::string runtime_name() {
  return "t-" + std::to_string(::getpid()) + "-" + std::to_string(++next_number);
}

void redirect(const fs::path& path, int fd) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(file, fd);
}

// Groups of a supervisor that a test has killed, and that had no successor.
void remove_groups(const std::vector<fs::path>& groups) {
  for (const fs::path& group : groups) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(group, error)) {
      if (entry.is_directory(error)) ::rmdir(entry.path().c_str());
    }
    ::rmdir(group.c_str());
  }
}

}  // namespace

Program::Program(const fs::path& program, const std::vector<std::string>& arguments,
                 const fs::path& folder) {
  const std::string stem = program.filename().string() + "-" + std::to_string(++next_number);
  out_path_ = folder / (stem + ".out");
  err_path_ = folder / (stem + ".err");
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), program.string());
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ != 0) return;
  redirect(out_path_, STDOUT_FILENO);
  redirect(err_path_, STDERR_FILENO);
  ::execv(argv.front(), argv.data());
  ::_exit(127);
}

Program::~Program() {
  if (!status_) kill();
}

void Program::kill() {
  signal(SIGKILL);
  [[maybe_unused]] const auto status = wait();
}

void Program::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> Program::wait(std::chrono::milliseconds limit) {
  [[maybe_unused]] const bool has_ended = wait_until(limit, [this] {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return status_.has_value();
  });
  return status_;
}

std::string Program::out() const {
  return read_text(out_path_);
}

std::string Program::err() const {
  return read_text(err_path_);
}

RuntimeFixture::RuntimeFixture() : name_(runtime_name()) {
  std::string pattern = (fs::temp_directory_path() / "mabeam-test-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  config_path_ = folder_ / "mabeam.toml";
  configure("");
}

RuntimeFixture::~RuntimeFixture() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Ran RuntimeFixture::mabeam(std::vector<std::string> words) const {
  words.insert(words.begin(), {"--name", name()});
  Program tool{program("mabeam"), words, folder()};
  const int exit = tool.wait().value_or(-1);
  return {exit, tool.out(), tool.err()};
}

void RuntimeFixture::refuses(const std::vector<std::string>& words, int exit,
                             const std::string& reason) const {
  const Ran ran = mabeam(words);
  EXPECT_EQ(ran.exit, exit) << ran.err;
  EXPECT_NE(ran.err.find(reason), std::string::npos) << ran.err;
}

fs::path RuntimeFixture::program(const std::string& program_name) {
  const char* folder = std::getenv("MABEAM_BIN_DIR");
  return fs::path{folder == nullptr ? MABEAM_BIN_DIR : folder} / program_name;
}

void RuntimeFixture::configure(const std::string& toml) {
  std::ofstream(config_path_) << toml;
}

fs::path RuntimeFixture::write_script(const std::string& file_name, const std::string& body) {
  const fs::path path = folder_ / file_name;
  std::ofstream(path) << "#!/bin/sh\n" << body;
  fs::permissions(path, fs::perms::owner_all);
  return path;
}

Program& RuntimeFixture::start(const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"--config", config_path_.string(), "--name", name_};
  arguments.insert(arguments.end(), more.begin(), more.end());
  supervisors_.push_back(
      std::make_unique<Program>(program("mabeam-supervisor"), arguments, folder_));
  return supervisor();
}

Program& RuntimeFixture::start_ready(const std::vector<std::string>& more) {
  Program& started = start(more);
  EXPECT_TRUE(wait_until(kPatience,
                         [this, &started] {
                           const auto seen = view();
                           return seen && seen->state == RuntimeState::running &&
                                  seen->supervisor_pid == static_cast<std::uint32_t>(started.pid());
                         }))
      << "the runtime does not get ready\n"
      << started.err();
  return started;
}

std::optional<int> RuntimeFixture::run(const std::vector<std::string>& more) {
  return start(more).wait();
}

std::optional<RuntimeView> RuntimeFixture::view() const {
  const Result<Observer> observer = Observer::attach(name_);
  if (!observer) return std::nullopt;
  return observer->runtime();
}

bool RuntimeFixture::is_running() const {
  const auto seen = view();
  return seen && seen->state == RuntimeState::running;
}

// Waits for it, and throws rather than give 0: a signal to process 0 would go to the test's own
// group, ctest and all.
pid_t RuntimeFixture::ready_worker(std::uint32_t index) const {
  pid_t found = 0;
  const bool is_ready = wait_until(kPatience, [&] {
    const auto seen = view();
    if (!seen || index >= seen->workers.size()) return false;
    const WorkerView& worker = seen->workers[index];
    if (worker.state == WorkerState::ready) found = static_cast<pid_t>(worker.pid.value_or(0));
    return found > 0;
  });
  if (!is_ready) throw std::runtime_error("worker " + std::to_string(index) + " is not ready");
  return found;
}

bool RuntimeFixture::wait_workers_ready(const std::vector<pid_t>& but_not) const {
  return wait_until(kPatience, [this, &but_not] {
    const auto seen = view();
    return seen && std::all_of(seen->workers.begin(), seen->workers.end(), [&](const auto& each) {
             const auto pid = static_cast<pid_t>(each.pid.value_or(0));
             return each.state == WorkerState::ready && pid != 0 &&
                    std::find(but_not.begin(), but_not.end(), pid) == but_not.end();
           });
  });
}

std::vector<pid_t> RuntimeFixture::processes() const {
  std::vector<pid_t> found;
  const std::string option = '\0' + std::string{"--name"} + '\0' + name_ + '\0';
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const std::string word = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
    if (error != std::errc{} || end != word.data() + word.size()) continue;
    if (shm::read_proc(pid, "cmdline").find(option) != std::string::npos) found.push_back(pid);
  }
  return found;
}

void RuntimeFixture::stop_supervisors() {
  for (const auto& each : supervisors_) {
    if (each->has_ended()) continue;
    each->signal(SIGTERM);
    const auto status = each->wait();
    EXPECT_EQ(status, 0) << "a supervisor has not stopped as it should";
  }
}

std::vector<fs::path> RuntimeFixture::groups() const {
  std::vector<fs::path> found;
  std::ifstream own{"/proc/self/cgroup"};  // "4:memory:/path" for each hierarchy
  for (std::string line; std::getline(own, line);) {
    const std::string group = line.substr(line.rfind(':') + 1);
    for (const char* tree : {"", "/memory", "/pids", "/unified"}) {
      const fs::path folder = "/sys/fs/cgroup" + (tree + group) + "/mabeam-" + name_;
      std::error_code error;
      if (fs::is_directory(folder, error)) found.push_back(folder);
    }
  }
  return found;
}

void RuntimeFixture::remove_leftovers() {
  for (const pid_t pid : processes()) {
    ADD_FAILURE() << "process " << pid << " was left behind: " << shm::read_proc(pid, "cmdline");
    ::kill(pid, SIGKILL);
  }
  for (const std::string& path : {segment_path().string(), segment_path().string() + ".new"}) {
    if (!fs::exists(path)) continue;
    ADD_FAILURE() << path << " was left behind";
    fs::remove(path);
  }
  remove_groups(groups());
}

void RuntimeFixture::TearDown() {
  stop_supervisors();
  remove_leftovers();
  if (!HasFailure()) return;
  for (const auto& each : supervisors_) {
    std::fprintf(stderr, "---- supervisor %d\n%s", each->pid(), each->err().c_str());
  }
}

}  // namespace mabeam::tests
