#include "tools/cli/progress.hpp"

#include "tools/cli/human.hpp"

namespace mabeam::tools {

namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr std::chrono::milliseconds kWorthTelling{500};
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
  show(human_count(records) + " records, " + human_bytes(bytes) + ", " +
       human_count(static_cast<std::uint64_t>(rate)) + " a second");
}

void Progress::update(std::string_view what, std::uint64_t done, std::uint64_t total) {
  if (!is_shown_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_ || now < begin_ + kWorthTelling) return;
  next_ = now + kInterval;
  show(std::string(what) + " " + human_count(done) + " of " + human_count(total));
}

void Progress::show(std::string_view text) {
  output_.print_error(std::string(kClearLine).append(text));
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
