// Terminal: the one that the command runs on, as a screen. terminal.cpp is the only file that knows
// ncurses, which sends only what has changed.
#pragma once

#include "tools/top/cells.hpp"
#include "tools/top/frame.hpp"
#include "tools/top/state.hpp"

#include <memory>
#include <optional>

namespace mabeam::tools {

class Terminal {
 public:
  /// Takes over the terminal of standard input and output. Null where TERM names none that can be
  /// written to anywhere. There is one at a time. A signal that kills gives the terminal back
  /// first (tools/cli/stop_signal.hpp).
  static std::unique_ptr<Terminal> open(bool colour);
  /// Leaves the terminal as it was.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] Room room() const;

  void show(const Frame& frame);

  /// A key that has been pressed; nothing if none waits.
  std::optional<Press> press();
  /// The next show() sends everything.
  void forget();

 private:
  struct Impl;
  explicit Terminal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mabeam::tools
