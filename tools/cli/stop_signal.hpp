// SIGINT and SIGTERM as a request: the command ends what it is doing and still reports.
//
// A second signal of the same kind kills, as usual. The request is seen by a flag and by a pipe
// that becomes readable, so that no signal can fall between a check and the wait behind it.
#pragma once

#include <chrono>

namespace mabeam::tools {

/// From here on a first SIGINT or SIGTERM only asks.
void watch_stop_signals();

/// What puts right what a killed command would leave behind. It is called in a signal handler.
using LastAct = void (*)() noexcept;

/// From here on `act` is done before SIGHUP, SIGQUIT, or a second SIGINT or SIGTERM kills; null:
/// nothing any more. A signal that the parent had ignored stays ignored.
void set_last_act(LastAct act);

bool stop_requested();

/// A descriptor that is readable once a stop was requested; -1 where nothing is watched.
int stop_descriptor();

/// Sleeps that long, or until a stop is requested.
void sleep_unless_stopped(std::chrono::nanoseconds duration);

}  // namespace mabeam::tools
