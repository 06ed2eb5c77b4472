// EventStream: events as server-sent events (text/event-stream), until the reader or the runtime
// has gone. Read without a cursor: a stream holds nobody back, and says what it missed.
//
//      id: EMITTED_NS (monotonic)   a reader that comes back with it goes on a second before it
//      data: {"topic": ...}         one event, as `tail --json` has it; its log and sequence tell
//                                   what comes twice
//
//      event: missed                overwritten before they could be read
//      data: {"missed": N}
//
//      event: end                   the runtime has ended
//      data: {"reason": "..."}
#pragma once

#include "tools/serve/http.hpp"

#include "mabeam/observer.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace mabeam::tools {

struct EventStreamOptions {
  std::string pattern = ">";
  std::chrono::nanoseconds since{0};
  /// Between two looks: while there are events, asked each time, and after a silence. Is told
  /// whether there were some at the last look.
  std::function<std::chrono::milliseconds(bool)> pause_least = [](bool) {
    return std::chrono::milliseconds{1};
  };
  std::chrono::milliseconds pause_most{50};
  std::chrono::milliseconds heartbeat{10'000};                  ///< of silence, then a comment
  std::function<bool()> is_same_runtime = [] { return true; };  ///< asked each second
};

/// One event as its lines.
std::string event_frame(const HistoryEvent& event);

/// Runs until the end.
void stream_events(Observer& observer, const EventStreamOptions& options, HttpStream& stream);

}  // namespace mabeam::tools
