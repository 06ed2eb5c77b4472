// A program on a terminal of its own, as a person has it: a pseudo-terminal whose other end is the
// test's.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <termios.h>

namespace mabeam::tests {

struct TerminalSize {
  unsigned short columns = 80;
  unsigned short rows = 24;
};

class PseudoTerminal {
 public:
  explicit PseudoTerminal(TerminalSize size = {});
  /// Kills the program, if it still runs.
  ~PseudoTerminal();
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  /// Starts a program whose standard streams are the terminal. `environment`: "NAME=VALUE", beside
  /// TERM=xterm-256color and a locale of UTF-8.
  void run(const std::filesystem::path& program, const std::vector<std::string>& arguments,
           const std::vector<std::string>& environment = {});
  /// The same with a function, in a child of this process.
  void run(const std::function<void()>& body);

  void type(std::string_view keys);
  /// As when somebody drags a window's corner.
  void resize(TerminalSize size);
  void signal(int number) const;
  /// The exit status, or 128 plus the signal; nothing if it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);

  /// All bytes that have come.
  [[nodiscard]] const std::string& received();
  /// Whether the text is there within `limit`, when all is drawn anew, as Ctrl-L asks for.
  [[nodiscard]] bool shows(std::string_view text, std::chrono::milliseconds limit);
  /// What came since the last time that all was drawn anew, without what only steers.
  [[nodiscard]] std::string screen();

  /// How the terminal is set: whether it echoes, and the rest.
  [[nodiscard]] termios settings() const;

 private:
  int master_ = -1;
  int slave_ = -1;  ///< kept open: the settings outlive the program
  pid_t pid_ = 0;
  std::optional<int> status_;
  std::string received_;
  std::size_t drawn_at_ = 0;
};

}  // namespace mabeam::tests
