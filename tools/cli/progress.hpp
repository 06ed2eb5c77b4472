// Progress: one line on a terminal that says how far long work has come; nothing anywhere else.
#pragma once

#include "tools/cli/output.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace mabeam::tools {

class Progress {
 public:
  explicit Progress(Output& output) : output_(output), is_shown_(output.style().err_is_terminal) {}

  /// How far a feed has come. Shown at most ten times a second.
  void update(std::uint64_t records, std::uint64_t bytes);
  /// The same of work whose end is known: "stopped 120,000 of 1,000,000". What takes less than half
  /// a second is not told.
  void update(std::string_view what, std::uint64_t done, std::uint64_t total);
  /// A sentence on stderr, with the progress line out of its way.
  void note(std::string_view text);
  /// Takes the line away.
  void clear();

 private:
  void show(std::string_view text);

  using Clock = std::chrono::steady_clock;

  Output& output_;
  bool is_shown_;
  bool has_line_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_;
};

}  // namespace mabeam::tools
