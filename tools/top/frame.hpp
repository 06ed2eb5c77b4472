// The screen of `mabeam top` as lines: what stands where, without a terminal.
#pragma once

#include "tools/top/line.hpp"
#include "tools/top/model.hpp"
#include "tools/top/sheet.hpp"
#include "tools/top/state.hpp"

#include <cstddef>
#include <vector>

namespace mabeam::tools {

/// What it takes to show anything.
inline constexpr std::size_t kLeastWidth = 60;
inline constexpr std::size_t kLeastHeight = 12;

struct Frame {
  std::vector<Line> lines;  ///< at most as many as the room is high, each at most as wide
  Shown shown;
};

/// Of the same arguments always the same, but for times of day and ages.
Frame draw_frame(const TopModel& model, const TopState& state, const Room& room);

/// The lines above the sheet: what the runtime as a whole does. Six.
std::vector<Line> draw_head(const TopModel& model, const Room& room);

}  // namespace mabeam::tools
