// LastWords: where a worker was when a signal killed it, by the backtrace that it left.
#pragma once

#include "shm/segment.hpp"

#include <cstdint>
#include <string>

namespace mabeam::supervisor {

/// "libmabeam.so.0+0x1234": the innermost frame that is not the C library's; empty where it left no
/// backtrace. `mabeam dump` tells the functions.
std::string last_words(const shm::Segment& segment, std::uint32_t worker,
                       std::uint32_t incarnation);

}  // namespace mabeam::supervisor
