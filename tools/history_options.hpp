// The options by which a command is told which past events are meant.
#pragma once

#include "tools/cli/arguments.hpp"

#include "mabeam/observer.hpp"

#include <array>

namespace mabeam::tools {

inline constexpr Option kSourceOption{"source", "AGENT",
                                      "only what this agent or client emitted, gone or not"};
inline constexpr Option kLogOption{"log", "N", "only what this endpoint emitted"};
inline constexpr Option kLastOption{"last", "N", "only the newest so many"};
inline constexpr Option kSinceOption{"since", "DURATION", "not older than this"};
inline constexpr Option kFromOption{"from", "LOG:NUMBER",
                                    "one log from its event of that number on; may be repeated"};
inline constexpr Option kLimitOption{"limit", "N", "of these, the oldest so many"};

/// --source and --log alone. Errors: usage, not_found.
Outcome<HistoryQuery> source_in(const Arguments& arguments, const Observer& observer);

/// All of them, and a pattern. Errors: usage, not_found.
Outcome<HistoryQuery> query_in(const Arguments& arguments, std::string_view pattern,
                               const Observer& observer);

/// In words, what is not among the events that were found; empty if nothing is missing.
std::string missing_text(const HistoryView& view);

}  // namespace mabeam::tools
