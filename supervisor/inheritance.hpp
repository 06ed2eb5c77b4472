// Inheritance: what a program leaves to the one that takes its place in the same process
// (handover.hpp): descriptors, and one variable of the environment that tells of them. It names
// this process, so no child is ever misled by it:
//
//   MABEAM_HANDOVER="<pid> <lock's descriptor> <bell's, or -1> <workers> <CLOCK_MONOTONIC, ns>"
#pragma once

#include "supervisor/event_loop.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace mabeam::supervisor {

inline constexpr const char* kHandoverVariable = "MABEAM_HANDOVER";

struct Inheritance {
  int lock = -1;
  int bell = -1;              ///< -1: there was none
  std::uint32_t workers = 0;  ///< how many are run
  Time since{0};              ///< when the program before was gone
};

/// The variable's value, for the process of that number.
std::string inheritance_text(const Inheritance& inheritance, pid_t pid);

/// What such a value says to that process. Nothing: it is not for it, or makes no sense.
std::optional<Inheritance> parse_inheritance(const std::string& text, pid_t pid);

/// Takes this process's out of the environment, and makes its descriptors close-on-exec again. What
/// names one that is not open is not believed.
std::optional<Inheritance> take_inheritance();

}  // namespace mabeam::supervisor
