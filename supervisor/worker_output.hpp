// WorkerOutput: what one worker prints, read line by line, with the agent that has printed it
// (worker/output.hpp). The supervisor's end of a pipe that only this worker writes into.
//
// Bounded: a line is cut at kLongest, and ends in "..." then; a look reads kMostAtOnce, and who
// says more than kMostLines or kMostBytes in a period is not listened to until the next: lines that
// were read are dropped, the pipe fills, and what finds no room there is dropped by the worker,
// which never waits.
#pragma once

#include "supervisor/descriptor.hpp"
#include "supervisor/event_loop.hpp"

#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace mabeam::supervisor {

class WorkerOutput {
 public:
  static constexpr std::size_t kLongest = 1024;
  static constexpr std::size_t kMostAtOnce = 64U << 10U;
  static constexpr std::uint32_t kMostLines = 1000;
  static constexpr std::uint64_t kMostBytes = 1U << 20U;
  static constexpr Time kPeriod = std::chrono::seconds{1};

  /// Of one line, without its end. `agent`: 16 hexadecimal digits, or empty.
  using Tell = std::function<void(std::string_view line, std::string_view agent)>;

  WorkerOutput() = default;

  /// Makes a pipe. `end` is the worker's: given to it, and closed then. Errors: system.
  static Result<WorkerOutput> open(Descriptor& end);

  /// Of a worker that a former supervisor has started: its standard output, if that is a pipe. Not
  /// open otherwise.
  static WorkerOutput of_process(pid_t pid);

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(pipe_); }

  [[nodiscard]] int fd() const { return pipe_.get(); }

  /// Reads what there is, up to a bound. False at its end: nobody has the other end any more.
  bool read(Time now, const Tell& tell);
  /// Tells the rest, ended or not, once the worker is gone.
  void read_rest(Time now, const Tell& tell);

  /// Tells what was read of a line that has no end yet, if anything was; the rest is another line.
  void end_line_so_far(const Tell& tell);

  /// It has said enough for this period: look again when resumes() is true.
  [[nodiscard]] bool has_said_enough() const {
    return lines_ >= kMostLines || bytes_ >= kMostBytes;
  }

  [[nodiscard]] bool resumes(Time now) const { return now - since_ >= kPeriod; }

  bool is_watched = false;  ///< by the event loop

 private:
  void take(std::string_view bytes, const Tell& tell);
  void end_line(const Tell& tell);
  void take_mark(char c);

  Descriptor pipe_;
  std::string line_;
  std::string agent_;       // whose text it is
  std::string line_agent_;  // whose line this is
  bool is_cut_ = false;     // the line was longer
  std::string mark_;
  bool is_in_mark_ = false;
  Time since_{0};
  std::uint32_t lines_ = 0;  // in this period
  std::uint64_t bytes_ = 0;  // in this period
};

}  // namespace mabeam::supervisor
