// Crash: a worker that a signal kills writes into the segment where it was: its frames, the signal,
// and whose handler ran (shm/backtraces.hpp). Then it dies of that signal, as it would have.
//
// Of SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, the supervisor's for a worker that hangs
// included, on a stack of its own, so that a stack that has run over is no hindrance.
//
// Signal-safe: the record is made in memory that is there from the start; what is loaded, and
// where, is looked up before. The first call of glibc's backtrace(), which may load the unwinder
// and allocate, is made before, too; the unwinder finds its tables without a lock (_dl_find_object,
// glibc 2.35). The record is written once before the frames are walked: should that kill again,
// which is then the end, it is there without them.
//
// Where somebody else has a handler already (a sanitizer, a profiler), it stays; programs that are
// built with a sanitizer have none of these at all.
#pragma once

#include "shm/segment.hpp"

namespace mabeam::worker {

/// From here on this process, which is that incarnation, leaves a backtrace. Once in a process.
/// `segment` outlives it.
void leave_backtraces(const shm::Segment& segment, shm::Incarnation self);

/// Before the segment goes: none is left from now on.
void end_backtraces() noexcept;

/// Looks again what is loaded: after modules were.
void note_loaded_modules();

}  // namespace mabeam::worker
