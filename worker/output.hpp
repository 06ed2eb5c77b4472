// Output: what handlers print goes to the supervisor, which puts it into its log, with the worker
// and the agent that has printed it.
//
// Standard output and error are one pipe that the supervisor has made for this worker alone. What
// is written while a handler runs, by stdio or std::cout, stands between marks that name its agent
// (shm/output_marks.hpp); a line is handed over whole when it ends. What is written to the
// descriptor itself, and by other programs that a handler starts, has no agent.
//
// Never waits, and never dies of it: the pipe does not block, and this process keeps a reading end
// of it open itself, so that there is always one, whoever has died. What finds no room is dropped.
// The next supervisor reads on where the last one was.
#pragma once

#include "shm/segment.hpp"

namespace mabeam::worker {

/// Once in a process; nothing is done where standard output is no pipe. `segment` stays until
/// end_labels().
void label_output(const shm::Segment& segment, shm::Incarnation self);

/// What is printed from now on, by destructors of modules, has no agent.
void end_labels();

}  // namespace mabeam::worker
