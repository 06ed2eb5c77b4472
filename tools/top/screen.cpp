#include "tools/top/screen.hpp"

#include "tools/cli/stop_signal.hpp"
#include "tools/top/frame.hpp"
#include "tools/top/model.hpp"
#include "tools/top/state.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace mabeam::tools {

namespace {

using Time = std::chrono::steady_clock::time_point;

// A signal that tells of another size may come just before the wait for it.
constexpr std::chrono::milliseconds kLongestScreenWait{500};

/// Waits for a key, a signal, or that time. False once the terminal has gone away.
bool wait_for_key(Time until) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  const auto wait = std::clamp(left, std::chrono::milliseconds{0}, kLongestScreenWait);
  std::array<pollfd, 2> waits{{{STDIN_FILENO, POLLIN, 0}, {stop_descriptor(), POLLIN, 0}}};
  if (::poll(waits.data(), waits.size(), static_cast<int>(wait.count())) <= 0) return true;
  return (waits[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

class Screen {
 public:
  Screen(Terminal& terminal, const std::string& runtime, TopLook first)
      : terminal_(terminal),
        runtime_(runtime) {
    take_look(model_, std::move(first));
  }

  void look() {
    take_look(model_, look_at(runtime_));
    if (model_.gone.empty()) model_.detail = look_closer(runtime_, state_.view);
  }

  void show() {
    const Frame frame = draw_frame(model_, state_, terminal_.room());
    shown_ = frame.shown;
    terminal_.show(frame);
  }

  /// What has been pressed since. False once it was to quit.
  bool obey() {
    const TopView before = state_.view;
    while (const auto press = terminal_.press()) {
      if (press->key == Key::redraw) terminal_.forget();
      press_key(state_, *press, shown_);
    }
    if (state_.view != before) model_.detail = look_closer(runtime_, state_.view);
    return !state_.has_quit;
  }

 private:
  Terminal& terminal_;
  const std::string& runtime_;
  TopModel model_;
  TopState state_;
  Shown shown_;
};

}  // namespace

Outcome<Exit> run_screen(Terminal& terminal, const std::string& runtime, TopLook first,
                         std::chrono::nanoseconds interval) {
  Screen screen{terminal, runtime, std::move(first)};
  Time next = std::chrono::steady_clock::now() + interval;
  while (!stop_requested()) {
    screen.show();
    if (!wait_for_key(next) || !screen.obey()) break;
    if (std::chrono::steady_clock::now() < next) continue;
    screen.look();
    next = std::chrono::steady_clock::now() + interval;
  }
  return Exit::done;
}

}  // namespace mabeam::tools
