// Ask: how commands reach a runtime's supervisor (shm/control.hpp).
#pragma once

#include "shm/control.hpp"
#include "tools/cli/arguments.hpp"
#include "tools/cli/failure.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace mabeam::tools {

inline constexpr Option kAskTimeoutOption{"timeout", "DURATION",
                                          "how long to wait for it (default: 30s)"};
inline constexpr std::chrono::seconds kAskTimeout{30};

/// A runtime, and the patience that its supervisor is asked with.
class Supervised {
 public:
  /// The runtime that the arguments name; --timeout, if there is one. Errors: as of a client's.
  static Outcome<Supervised> attach(const Arguments& arguments);

  /// The answer, if it is yes. Errors: no_runtime (no supervisor), refused, try_again, timed_out,
  /// configuration: with the supervisor's reason.
  Outcome<shm::ControlAnswer> ask(shm::ControlCommand command, std::uint64_t number = 0,
                                  std::string_view text = {}) const;

  /// Waits until it is so. Errors: timed_out, no_runtime (the supervisor has died meanwhile).
  Outcome<Exit> wait(std::string_view what, const std::function<bool()>& is_so) const;
  /// Waits until the supervisor has ended. Errors: timed_out.
  Outcome<Exit> wait_for_end() const;

  [[nodiscard]] const shm::Segment& segment() const { return segment_; }

  [[nodiscard]] std::uint32_t supervisor_pid() const { return supervisor_.pid(); }

 private:
  Supervised(shm::Segment segment, std::chrono::nanoseconds timeout);

  [[nodiscard]] std::chrono::nanoseconds left() const;

  shm::Segment segment_;
  shm::ProcessId supervisor_;
  std::int64_t deadline_ns_ = 0;
};

/// A number that was typed. Errors: usage.
Outcome<std::uint64_t> parse_number(std::string_view text, std::string_view what,
                                    std::uint64_t least, std::uint64_t most);

}  // namespace mabeam::tools
