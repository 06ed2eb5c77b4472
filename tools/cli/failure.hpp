// Failure: why a command ends without its answer: an exit code, a stable word, a sentence.
//
// Commands return Outcome<Exit>; only command_line.cpp prints failures, so that every command says
// them alike: a sentence on stderr, and with --json also {error: {code, message}} on stdout.
#pragma once

#include "mabeam/result.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace mabeam::tools {

/// The exit codes of the contract (DESIGN.md); those of 64 and more are sysexits.h's, 124 is
/// timeout's.
enum class Exit : std::uint8_t {
  done = 0,
  refused = 1,         ///< the runtime said no, or a file cannot be read; for health: not healthy
  usage = 64,          ///< what was typed cannot be meant: options, names, topics
  damaged = 65,        ///< the segment is damaged
  no_runtime = 69,     ///< no such runtime
  try_again = 75,      ///< full, or starting
  other_layout = 76,   ///< laid out by another build
  permission = 77,     ///< not ours, or a loose mode
  configuration = 78,  ///< the runtime's configuration has faults
  timed_out = 124,
};

struct Failure {
  Exit exit = Exit::refused;
  std::string code;                  ///< "not_found": code_name() of an Errc, or "usage"
  std::string message;               ///< a sentence without "mabeam CMD:" before it
  std::uint16_t retry_after_ms = 0;  ///< of rate_limited and circuit_open; 0: not known
};

template <class T>
using Outcome = tl::expected<T, Failure>;

/// What was being done when an error came up: the same Errc may mean another exit code.
enum class Step : std::uint8_t {
  attach,  ///< reaching the runtime: not_found is "no such runtime"
  file,    ///< reading a file named on the command line
  request  ///< anything asked of a runtime that was reached
};

/// The one map from errors to exit codes. An argument that an agent refused is the agent's no; one
/// that was refused on our side, whose Error says which, is what was typed.
Exit exit_for(Error error, Step step);

/// "DOING: what went wrong and what to do next", for an error that a runtime gave.
tl::unexpected<Failure> refuse(Error error, std::string_view doing);
/// No runtime of that name could be reached; says how to start one.
tl::unexpected<Failure> refuse_attach(Error error, std::string_view runtime);
/// What was typed has been checked and is not allowed: "WHAT: why".
tl::unexpected<Failure> refuse_typed(Error error, std::string_view what);
/// A file or a stream cannot be read; `label` is in quotes where it is a path.
tl::unexpected<Failure> unreadable(std::string_view label, int os_error);
/// A file could not be read as a segment.
tl::unexpected<Failure> refuse_file(Error error, std::string_view path);
/// What was typed cannot be meant.
tl::unexpected<Failure> usage_error(std::string message);

}  // namespace mabeam::tools
