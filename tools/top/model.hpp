// What the screen of `mabeam top` shows: the last looks at a runtime, and how it went before.
#pragma once

#include "tools/cli/table.hpp"
#include "tools/top/look.hpp"
#include "tools/top/sparkline.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tools {

enum class TopView : std::uint8_t {
  workers,
  channels,
  topics,
  agents,
  breakers,
  dead_letters,
  health,
  log
};
inline constexpr std::size_t kTopViews = 8;

/// As the line of views has it, by TopView; its key is its place there, from 1 on.
inline constexpr std::array<std::string_view, kTopViews> kTopViewNames{
    "workers", "channels", "topics", "agents", "breakers", "letters", "health", "log"};

struct TopTrends {
  Trend handled;                           ///< messages per second
  Trend p99;                               ///< ns, of the interval
  std::map<std::uint32_t, Trend> workers;  ///< by index: messages and events per second
};

/// What a view shows that is no part of a look.
struct TopDetail {
  Table table{std::vector<Column>{}};
  std::string left_out{};  ///< rows that are too many: "the first 20,000 of 1,000,000"
};

struct TopModel {
  TopLook look;  ///< the last that was had
  TopRates rates;
  TopTrends trends;
  TopDetail detail;    ///< what the shown view has beside the look
  std::string gone{};  ///< why there is no runtime to look at; empty: there is
  std::chrono::steady_clock::time_point gone_since{};
};

/// What a worker does: the sum over the shards that are placed on it.
struct WorkerFlow {
  double taken = 0;                 ///< messages and events per second
  double given = 0;                 ///< messages and events per second
  double fullest = 0;               ///< of the rings that lead to it: used, of its capacity
  std::uint64_t longest_ns = 0;     ///< handler, since the runtime began
  bool is_longest_running = false;  ///< it has not ended yet
};

WorkerFlow flow_of(const TopModel& model, const WorkerView& worker);

/// The next look, or why there is none.
void take_look(TopModel& model, Outcome<TopLook> look);

/// An empty table where a view needs nothing beside the look, or can have nothing.
TopDetail look_closer(const std::string& runtime, TopView view);

/// What is shown of a view. `width` decides how much of it.
Table table_of_view(const TopModel& model, TopView view, std::size_t width, Charset charset);

}  // namespace mabeam::tools
