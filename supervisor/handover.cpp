#include "supervisor/handover.hpp"

#include "supervisor/pidfd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

/// A program that has not said by then whether it can take over cannot.
constexpr Time kAnswerPatience = std::chrono::seconds{10};

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_size == other.st_size &&
         one.st_mtim.tv_sec == other.st_mtim.tv_sec && one.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

std::string error_text(int error) {
  return std::generic_category().message(error);
}

void keep_at_exec(int fd, bool is_kept) noexcept {
  if (fd >= 0) ::fcntl(fd, F_SETFD, is_kept ? 0 : FD_CLOEXEC);
}

std::string read_all(const Descriptor& pipe) {
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t bytes = ::read(pipe.get(), part.data(), part.size());
    if (bytes <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(bytes));
  }
}

}  // namespace

// Its output is read when it has ended: one that says more than a pipe holds is one too slow.
std::optional<std::string> Handover::begin(std::string_view runtime, Time now) {
  if (::stat(program().c_str(), &file_) != 0) return error_text(errno);
  int ends[2]{};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return error_text(errno);
  output_.reset(ends[0]);
  const Descriptor write_end{ends[1]};
  options_ = {.executable = program(), .output = write_end.get()};
  options_.arguments.assign(invocation_.arguments.begin() + 1, invocation_.arguments.end());
  options_.arguments.emplace_back("--handover-check");
  Result<Child> child = spawn(options_);
  if (!child) return describe(child.error());
  child_ = std::move(*child);
  own_ = handover_text(runtime);
  deadline_ = now + kAnswerPatience;
  return std::nullopt;
}

std::optional<std::string> Handover::judge() const {
  if (const auto failure = read_report(child_.report)) return describe(*failure, options_);
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(fd()), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return "nobody knows how its check has ended: " + error_text(errno);
  }
  return find_objection({info.si_code != CLD_EXITED, info.si_status}, read_all(output_), own_);
}

bool Handover::is_due(Time now) const {
  return is_checking() && (now >= deadline_ || is_gone(child_.pidfd));
}

std::optional<std::string> Handover::conclude() {
  std::optional<std::string> objection = "it does not say within 10 s whether it can take over";
  if (is_gone(child_.pidfd)) objection = judge();
  cancel();
  has_passed_ = !objection;
  return objection;
}

std::string Handover::take_place(const Inheritance& inheritance) {
  has_passed_ = false;

  struct stat file {};

  if (::stat(program().c_str(), &file) != 0) return error_text(errno);
  if (!is_same_file(file, file_)) return "it was replaced after it was asked; send USR2 again";
  std::vector<char*> arguments;
  for (std::string& each : invocation_.arguments)
    arguments.push_back(each.data());
  arguments.push_back(nullptr);
  // NOLINTBEGIN(concurrency-mt-unsafe): the supervisor has one thread.
  ::setenv(kHandoverVariable, inheritance_text(inheritance, ::getpid()).c_str(), 1);
  keep_at_exec(inheritance.lock, true);
  keep_at_exec(inheritance.bell, true);
  ::execv(program().c_str(), arguments.data());
  const int error = errno;
  keep_at_exec(inheritance.lock, false);
  keep_at_exec(inheritance.bell, false);
  ::unsetenv(kHandoverVariable);
  // NOLINTEND(concurrency-mt-unsafe)
  return error_text(error);
}

// Its number is its own until it is waited for: here, or as any child that nobody knows.
void Handover::cancel() noexcept {
  has_passed_ = false;
  deadline_ = kNever;
  output_.reset();
  if (!is_checking()) return;
  ::kill(-child_.pid, SIGKILL);
  ::kill(child_.pid, SIGKILL);
  ::waitid(P_PIDFD, static_cast<id_t>(fd()), nullptr, WEXITED | WNOHANG);
  child_ = {};
}

}  // namespace mabeam::supervisor
