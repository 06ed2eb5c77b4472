#include "tests/support/pseudo_terminal.hpp"

#include "tests/support/wait_until.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

namespace mabeam::tests {
namespace {

winsize size_of(TerminalSize size) {
  return {.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
}

/// Without escape sequences and other controls: what is left is text, row by row.
std::string text_in(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (bytes[at] != '\x1B') {
      if (static_cast<unsigned char>(bytes[at]) >= 0x20) text += bytes[at];
      continue;
    }
    if (++at >= bytes.size()) break;
    if (bytes[at] == '(') ++at;  // ESC ( B
    if (bytes[at - 1] == '(' || bytes[at] != '[') continue;
    do {
      ++at;
    } while (at < bytes.size() && (bytes[at] < '@' || bytes[at] > '~'));
    text += ' ';
  }
  return text;
}

}  // namespace

PseudoTerminal::PseudoTerminal(TerminalSize size) {
  const winsize window = size_of(size);
  if (::openpty(&master_, &slave_, nullptr, nullptr, &window) != 0) {
    throw std::system_error(errno, std::generic_category(), "openpty");
  }
  ::fcntl(master_, F_SETFD, FD_CLOEXEC);
  ::fcntl(slave_, F_SETFD, FD_CLOEXEC);
  ::fcntl(master_, F_SETFL, O_NONBLOCK);
}

PseudoTerminal::~PseudoTerminal() {
  if (pid_ != 0 && !status_) {
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(master_);
  ::close(slave_);
}

void PseudoTerminal::run(const std::filesystem::path& program,
                         const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment) {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), program.string());
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  run([&] {
    for (const std::string& change : environment)
      ::putenv(const_cast<char*>(change.c_str()));
    ::execv(argv.front(), argv.data());
  });
}

void PseudoTerminal::run(const std::function<void()>& body) {
  status_.reset();
  received_.clear();
  drawn_at_ = 0;
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "xterm-256color", 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::login_tty(slave_);
  body();
  ::_exit(127);
}

void PseudoTerminal::type(std::string_view keys) {
  [[maybe_unused]] const auto written = ::write(master_, keys.data(), keys.size());
}

void PseudoTerminal::resize(TerminalSize size) {
  const winsize window = size_of(size);
  ::ioctl(master_, TIOCSWINSZ, &window);
}

void PseudoTerminal::signal(int number) const {
  if (pid_ != 0 && !status_) ::kill(pid_, number);
}

// It is read from meanwhile: a program that has something to write does not end.
std::optional<int> PseudoTerminal::wait(std::chrono::milliseconds limit) {
  [[maybe_unused]] const bool has_ended = wait_until(limit, [this] {
    (void)received();
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return status_.has_value();
  });
  (void)received();
  return status_;
}

const std::string& PseudoTerminal::received() {
  std::array<char, 4096> bytes{};
  for (;;) {
    const auto count = ::read(master_, bytes.data(), bytes.size());
    if (count <= 0) return received_;
    received_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

bool PseudoTerminal::shows(std::string_view text, std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds kUntilDrawn{500};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  do {
    drawn_at_ = received().size();
    type("\x0C");
    if (wait_until(kUntilDrawn, [&] { return screen().find(text) != std::string::npos; })) {
      return true;
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

std::string PseudoTerminal::screen() {
  return text_in(std::string_view{received()}.substr(drawn_at_));
}

termios PseudoTerminal::settings() const {
  termios settings{};
  ::tcgetattr(slave_, &settings);
  return settings;
}

}  // namespace mabeam::tests
