// EventText: an event as the tools show it: a line for people, a document for programs.
#pragma once

#include "tools/cli/json.hpp"

#include "mabeam/observer.hpp"

#include <string>

namespace mabeam::tools {

/// Which clock a person can make something of.
enum class EventTime : std::uint8_t {
  time_of_day,   ///< of this boot
  boot_seconds,  ///< of whichever boot a copy of a segment is from
};

/// "TIME  TOPIC  SOURCE  PAYLOAD" and a line's end.
std::string event_line(const HistoryEvent& event, EventTime time);

/// One line of `tail --json`, one event of `history --json`.
Json event_document(const HistoryEvent& event);

/// "TIME", as in an event's line.
std::string event_time(std::int64_t monotonic_ns, EventTime time);

}  // namespace mabeam::tools
