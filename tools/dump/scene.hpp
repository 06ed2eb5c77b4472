// Scene: all that `mabeam dump` tells, taken once, and the two ways to tell it.
#pragma once

#include "tools/cli/json.hpp"
#include "tools/dump/symboliser.hpp"

#include "mabeam/observer.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace mabeam::tools {

struct Scene {
  RuntimeView runtime;
  PostMortem past;  ///< the facts that were asked for
  DeadLetterList letters;
  std::vector<std::vector<FramePlace>> places;  ///< of each backtrace's frames
  std::chrono::nanoseconds last{0};             ///< of which time facts are told
  std::vector<std::string> unreadable;          ///< what could not be read, and why
};

/// Everything that there is to tell; facts of the last so long before the last sign of life.
Scene look_at_scene(const Observer& observer, std::chrono::nanoseconds last);

/// For a person, in the order of his questions: what was it, who was there, what were they at, what
/// waited, who died where, what happened.
std::string scene_story(const Scene& scene);

/// The same for a program.
Json scene_document(const Scene& scene);

/// "SIGSEGV"; "signal 77" for one without a name.
std::string signal_text(std::int32_t signal);

}  // namespace mabeam::tools
