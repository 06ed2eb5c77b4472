// What the supervisor exits with, and what it says when it cannot run.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>

namespace mabeam::supervisor {

/// The exit codes of the contract (DESIGN.md); those of 64 and more are sysexits.h's.
enum class ExitCode : std::uint8_t {
  done = 0,
  usage = 64,
  damaged = 65,        ///< the segment is damaged
  gave_up = 70,        ///< restart intensity exceeded
  cannot_create = 73,  ///< no room, or another supervisor runs it
  other_layout = 76,   ///< the segment was laid out by another build
  permission = 77,
  configuration = 78,
};

/// Why the supervisor does not run: what it exits with, and a sentence that says what to do next.
struct Refusal {
  ExitCode code = ExitCode::done;
  std::string message;
};

inline tl::unexpected<Refusal> refuse(ExitCode code, std::string message) {
  return tl::unexpected<Refusal>(Refusal{code, std::move(message)});
}

}  // namespace mabeam::supervisor
