#include "tools/feed/progress.hpp"

#include "tools/cli/human.hpp"

namespace mabeam::tools {

namespace {

constexpr std::chrono::milliseconds kInterval{100};
// To the line's beginning, and clear what stands there.
constexpr std::string_view kClearLine = "\r\x1B[K";

}  // namespace

void Progress::update(std::uint64_t records, std::uint64_t bytes) {
  if (!is_shown_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + kInterval;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const auto rate = seconds > 0 ? static_cast<double>(records) / seconds : 0;
  output_.print_error(std::string(kClearLine) + human_count(records) + " records, " +
                      human_bytes(bytes) + ", " + human_count(static_cast<std::uint64_t>(rate)) +
                      " a second");
  has_line_ = true;
}

void Progress::note(std::string_view text) {
  clear();
  output_.note(text);
}

void Progress::clear() {
  if (has_line_) output_.print_error(kClearLine);
  has_line_ = false;
}

}  // namespace mabeam::tools
