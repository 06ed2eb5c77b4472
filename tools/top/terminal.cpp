#include "tools/top/terminal.hpp"

#include "tools/cli/stop_signal.hpp"

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <langinfo.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

// Its macros have names such as move and clear.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>

namespace mabeam::tools {

namespace {

constexpr int kEscapeMs = 25;  // within which the rest of a key's sequence comes

bool asks_for_utf8() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no threads
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale{value};
    return locale.ends_with("UTF-8") || locale.ends_with("utf8");
  }
  return false;
}

/// What the environment asks for; where that locale is not installed, the characters of it.
Charset choose_charset() {
  if (std::setlocale(LC_CTYPE, "") == nullptr && asks_for_utf8()) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
  return std::string_view{::nl_langinfo(CODESET)} == "UTF-8" ? Charset::utf8 : Charset::ascii;
}

short pair_of(Tone tone) {
  return static_cast<short>(static_cast<int>(tone));
}

bool start_colours() {
  if (!::has_colors() || ::start_color() == ERR) return false;
  ::use_default_colors();
  ::init_pair(pair_of(Tone::good), COLOR_GREEN, -1);
  ::init_pair(pair_of(Tone::warning), COLOR_YELLOW, -1);
  ::init_pair(pair_of(Tone::bad), COLOR_RED, -1);
  return true;
}

Key key_of(int code) {
  switch (code) {
    case KEY_UP:
      return Key::up;
    case KEY_DOWN:
      return Key::down;
    case KEY_LEFT:
      return Key::left;
    case KEY_RIGHT:
      return Key::right;
    case KEY_PPAGE:
      return Key::page_up;
    case KEY_NPAGE:
      return Key::page_down;
    case KEY_HOME:
      return Key::home;
    case KEY_END:
      return Key::end;
    case KEY_BTAB:
      return Key::back_tab;
    case KEY_ENTER:
      return Key::enter;
    case KEY_BACKSPACE:
      return Key::backspace;
    case KEY_RESIZE:
      return Key::resize;
    default:
      return Key::other;
  }
}

Press press_of(wint_t character) {
  switch (character) {
    case '\t':
      return {Key::tab};
    case '\n':
    case '\r':
      return {Key::enter};
    case 0x08:
    case 0x7F:
      return {Key::backspace};
    case 0x0C:
      return {Key::redraw};
    case 0x1B:
      return {Key::escape};
    default:
      break;
  }
  const bool is_control = character < 0x20 || (character >= 0x80 && character < 0xA0);
  return is_control ? Press{} : Press{Key::text, static_cast<char32_t>(character)};
}

// What a signal that kills has to put right, where ncurses must not be called.
struct LeftBehind {
  termios settings{};
  std::array<char, 128> codes{};  ///< end the keypad's mode and the attributes, show the cursor,
                                  ///< and bring the old screen back
  std::size_t length = 0;
};

LeftBehind left_behind;

// In the background it is somebody else's. One that takes nothing now (Ctrl-S) is not waited for.
void restore_terminal() noexcept {
  if (::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) return;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &left_behind.settings);
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) return;
  [[maybe_unused]] const auto written =
      ::write(STDOUT_FILENO, left_behind.codes.data(), left_behind.length);
}

/// Delays, "$<5>", are for terminals of another age.
std::string without_delays(std::string_view code) {
  std::string plain;
  for (;;) {
    const std::size_t delay = code.find("$<");
    plain += code.substr(0, delay);
    const std::size_t end = code.find('>', std::min(delay, code.size()));
    if (end == std::string_view::npos) return plain;
    code.remove_prefix(end + 1);
  }
}

void prepare_to_restore() {
  left_behind.length = 0;
  for (const char* const name : {"rmkx", "sgr0", "cnorm", "rmcup"}) {
    const char* const code = ::tigetstr(name);
    if (code == nullptr || code == reinterpret_cast<const char*>(-1)) continue;
    const std::string plain = without_delays(code);
    if (plain.size() > left_behind.codes.size() - left_behind.length) continue;
    plain.copy(left_behind.codes.data() + left_behind.length, plain.size());
    left_behind.length += plain.size();
  }
}

}  // namespace

struct Terminal::Impl {
  SCREEN* screen = nullptr;
  Charset charset = Charset::ascii;
  bool has_colours = false;
};

Terminal::Terminal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}

std::unique_ptr<Terminal> Terminal::open(bool colour) {
  auto impl = std::make_unique<Impl>();
  impl->charset = choose_charset();
  ::use_tioctl(true);
  const bool is_known = ::tcgetattr(STDIN_FILENO, &left_behind.settings) == 0;
  impl->screen = ::newterm(nullptr, stdout, stdin);
  if (impl->screen == nullptr) return nullptr;
  impl->has_colours = colour && start_colours();
  std::unique_ptr<Terminal> terminal{new Terminal{std::move(impl)}};
  // A terminal that cannot go to a place is written to line by line.
  if (::tigetstr("cup") == nullptr) return nullptr;
  prepare_to_restore();
  if (is_known) set_last_act(restore_terminal);
  ::cbreak();
  ::noecho();
  ::nodelay(stdscr, true);
  ::keypad(stdscr, true);
  ::set_escdelay(kEscapeMs);
  ::curs_set(0);
  return terminal;
}

Terminal::~Terminal() {
  ::endwin();
  set_last_act(nullptr);
  ::delscreen(impl_->screen);
}

Room Terminal::room() const {
  return {static_cast<std::size_t>(std::max(COLS, 0)), static_cast<std::size_t>(std::max(LINES, 0)),
          impl_->charset};
}

void Terminal::show(const Frame& frame) {
  ::werase(stdscr);
  for (std::size_t row = 0; row < frame.lines.size(); ++row) {
    ::wmove(stdscr, static_cast<int>(row), 0);
    for (const Run& run : frame.lines[row]) {
      const bool has_colour = impl_->has_colours && run.paint.tone != Tone::plain;
      const attr_t look =
          (run.paint.is_bold ? A_BOLD : A_NORMAL) | (run.paint.is_reverse ? A_REVERSE : A_NORMAL);
      ::wattr_set(stdscr, look, has_colour ? pair_of(run.paint.tone) : short{0}, nullptr);
      ::waddnstr(stdscr, run.text.data(), static_cast<int>(run.text.size()));
    }
  }
  ::wattr_set(stdscr, A_NORMAL, 0, nullptr);
  ::wrefresh(stdscr);
}

std::optional<Press> Terminal::press() {
  wint_t character = 0;
  switch (::wget_wch(stdscr, &character)) {
    case OK:
      return press_of(character);
    case KEY_CODE_YES:
      return Press{key_of(static_cast<int>(character))};
    default:
      return std::nullopt;
  }
}

void Terminal::forget() {
  ::clearok(stdscr, true);
}

}  // namespace mabeam::tools
