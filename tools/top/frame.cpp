#include "tools/top/frame.hpp"

#include "tools/cli/encoding.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace mabeam::tools {

namespace {

constexpr std::array<std::string_view, 15> kHelp{
    "1-8            that view; Tab, Shift-Tab, left, right: the next, the one before",
    "s, S           sort by the next column, by the one before; r the other way round",
    "/              filter: only rows with this text; Enter keeps it, Esc drops it",
    "up, down, j, k, PgUp, PgDn, Home, End    scroll",
    "Ctrl-L         draw everything anew",
    "q              quit; any other key ends this help",
    "",
    "Rates and latencies are of the last interval, and so is each column of a chart.",
    "refused, dead letters: how many, and how many more a second. rings: the fullest",
    "of high, normal and low priority.",
    "W worker, RST restarts, AGTS agents. BREAK is the circuit breaker, with ! if it",
    "is set by hand. CPU is of one core. MEMORY is used/limit. IN/s counts messages",
    "and events that were handled, OUT/s those sent and emitted. RING is the fullest",
    "ring that leads there. LONG is the longest handler since the runtime began, with",
    "+ while it runs. What has no room is left out: a wider screen shows more.",
};

Line views_line(const TopState& state, const Room& room) {
  LineWriter line{room.width, room.charset};
  for (std::size_t i = 0; i < kTopViews; ++i) {
    const std::string name = std::to_string(i + 1) + " " + std::string{kTopViewNames[i]};
    const bool is_shown = i == static_cast<std::size_t>(state.view);
    if (i != 0) line.put(" ");
    line.put(is_shown ? "[" + name + "]" : name, {.is_bold = is_shown, .is_reverse = is_shown});
  }
  return line.line();
}

/// "filter "a"  1-14 of 200", behind what is to be said before.
std::string range_text(const Sheet& sheet, const SheetChoice& choice, std::string text) {
  if (!text.empty()) text += "  ";
  if (!choice.filter.empty()) text += "filter \"" + choice.filter + "\"  ";
  if (sheet.matched == 0) return text + "none of " + std::to_string(sheet.rows);
  return text + std::to_string(sheet.first + 1) + "-" + std::to_string(sheet.first + sheet.shown) +
         " of " + std::to_string(sheet.matched);
}

Line footer_line(const TopState& state, const Sheet& sheet, const std::string& left_out,
                 const Room& room) {
  const Paint paint{.is_reverse = true};
  LineWriter line{room.width, room.charset};
  if (state.types_filter) {
    line.put(" filter: " + state.choice().filter + "_  Enter keeps it, Esc drops it", paint);
    return line.pad_to(room.width, paint).line();
  }
  const std::string range =
      visible(" " + range_text(sheet, state.choice(), left_out), room.charset);
  const std::size_t range_cells = std::min(cells_of(range) + 1, room.width);
  LineWriter keys{room.width - range_cells, room.charset};
  keys.put(" 1-8 Tab view  s sort  r reverse  / filter  h help  q quit ", paint);
  for (const Run& run : keys.line())
    line.put(run.text, run.paint);
  line.pad_to(room.width - range_cells, paint);
  return line.put(range, paint).pad_to(room.width, paint).line();
}

/// What is not well, where the workers leave room for it.
void append_reasons(std::vector<Line>& lines, const HealthView& health, const Room& room) {
  bool is_first = true;
  for (const HealthView::Component& part : health.components) {
    if (part.status == HealthView::Status::healthy) continue;
    if (std::exchange(is_first, false)) lines.emplace_back();
    const Tone tone = part.status == HealthView::Status::down ? Tone::bad : Tone::warning;
    LineWriter line{room.width, room.charset};
    line.put(std::string{to_string(part.status)}, {.tone = tone, .is_bold = true});
    lines.push_back(line.put("  " + one_line(part.name + ": " + part.detail)).line());
  }
}

std::vector<Line> help_lines(const Room& room) {
  std::vector<Line> lines;
  for (const std::string_view text : kHelp) {
    LineWriter line{room.width, room.charset};
    lines.push_back(line.put(text).line());
  }
  return lines;
}

std::vector<Line> too_small(const Room& room) {
  LineWriter line{room.width, room.charset};
  line.put("too small: " + std::to_string(room.width) + "x" + std::to_string(room.height) +
           " of at least " + std::to_string(kLeastWidth) + "x" + std::to_string(kLeastHeight));
  std::vector<Line> lines;
  if (room.height != 0) lines.push_back(line.line());
  return lines;
}

}  // namespace

Frame draw_frame(const TopModel& model, const TopState& state, const Room& room) {
  if (room.width < kLeastWidth || room.height < kLeastHeight) {
    return {.lines = too_small(room), .shown = {}};
  }
  Frame frame{.lines = draw_head(model, room), .shown = {}};
  frame.lines.push_back(views_line(state, room));
  const std::size_t above = frame.lines.size();
  const Room inner{room.width, room.height - above - 1, room.charset};
  const Table table = table_of_view(model, state.view, room.width, room.charset);
  const Sheet sheet = draw_sheet(table, state.choice(), inner);
  std::vector<Line> body = state.shows_help ? help_lines(room) : sheet.lines;
  if (state.view == TopView::workers && !state.shows_help) {
    append_reasons(body, model.look.view.health, room);
  }
  for (std::size_t i = 0; i < body.size() && i < inner.height; ++i)
    frame.lines.push_back(body[i]);
  frame.lines.resize(room.height - 1);
  frame.lines.push_back(footer_line(state, sheet, model.detail.left_out, room));
  frame.shown = {table.columns().size(), inner.height - 1, sheet.most_scroll};
  return frame;
}

}  // namespace mabeam::tools
