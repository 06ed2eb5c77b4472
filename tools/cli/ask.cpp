#include "tools/cli/ask.hpp"

#include "shm/clock.hpp"
#include "shm/process.hpp"
#include "tools/cli/encoding.hpp"

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

namespace mabeam::tools {
namespace {

constexpr std::chrono::milliseconds kLookEvery{5};

tl::unexpected<Failure> failure(Exit exit, std::string_view code, std::string message) {
  return tl::unexpected(Failure{exit, std::string(code), std::move(message)});
}

tl::unexpected<Failure> no_supervisor(const shm::Segment& segment) {
  const std::string name{segment.name()};
  return failure(Exit::no_runtime, code_name(Errc::not_running),
                 "runtime '" + name +
                     "' has no supervisor to ask; start one with: "
                     "mabeam-supervisor --config FILE --name " +
                     name);
}

tl::unexpected<Failure> timed_out(std::string_view what) {
  return failure(Exit::timed_out, code_name(Errc::timed_out),
                 std::string(what) + " takes longer; it goes on, see 'mabeam ps'");
}

tl::unexpected<Failure> refuse_ask(Error error, const shm::Segment& segment) {
  switch (error.code) {
    case Errc::not_running:
      return no_supervisor(segment);
    case Errc::closed:
      return failure(Exit::try_again, code_name(Errc::closed),
                     "the supervisor has died before it answered; ask the next one");
    case Errc::timed_out:
      return failure(Exit::timed_out, code_name(Errc::timed_out),
                     "the supervisor does not answer: it is stopped, or very busy");
    default:
      return refuse(error, "cannot ask the supervisor");
  }
}

std::string in_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

Supervised::Supervised(shm::Segment segment, std::chrono::nanoseconds timeout)
    : segment_(std::move(segment)),
      supervisor_{segment_.header().supervisor.load(std::memory_order_acquire)},
      deadline_ns_(shm::deadline_after(timeout)) {
}

std::chrono::nanoseconds Supervised::left() const {
  return std::chrono::nanoseconds{std::max<std::int64_t>(deadline_ns_ - shm::monotonic_ns(), 0)};
}

Outcome<Supervised> Supervised::attach(const Arguments& arguments) {
  const auto timeout = arguments.duration("timeout", kAskTimeout);
  if (!timeout) return tl::unexpected(timeout.error());
  const std::string runtime = arguments.runtime();
  Result<shm::Segment> segment = shm::Segment::attach(runtime, shm::Access::read_write);
  if (!segment) {
    const Error error = segment.error();
    return refuse_attach(error.code == Errc::not_running ? Error{Errc::not_found} : error, runtime);
  }
  return Supervised{std::move(*segment), *timeout};
}

Outcome<shm::ControlAnswer> Supervised::ask(shm::ControlCommand command, std::uint64_t number,
                                            std::string_view text) const {
  Result<shm::ControlAnswer> answer = shm::ask_supervisor(segment_, command, number, text, left());
  if (!answer) return refuse_ask(answer.error(), segment_);
  switch (answer->verdict) {
    case shm::ControlVerdict::done:
      return std::move(*answer);
    case shm::ControlVerdict::refused:
      return failure(Exit::refused, "refused", in_lines(answer->all("reason")));
    case shm::ControlVerdict::busy:
      return failure(Exit::try_again, "busy", in_lines(answer->all("reason")));
    case shm::ControlVerdict::configuration:
      break;
  }
  return failure(
      Exit::configuration, "configuration",
      "the configuration has faults and is not taken:\n" + in_lines(answer->all("fault")));
}

Outcome<Exit> Supervised::wait(std::string_view what, const std::function<bool()>& is_so) const {
  while (!is_so()) {
    if (!shm::is_alive(supervisor_)) return no_supervisor(segment_);
    if (left().count() == 0) return timed_out(what);
    std::this_thread::sleep_for(kLookEvery);
  }
  return Exit::done;
}

Outcome<Exit> Supervised::wait_for_end() const {
  if (shm::wait_for_end(supervisor_, left())) return Exit::done;
  return timed_out("the stop");
}

Outcome<std::uint64_t> parse_number(std::string_view text, std::string_view what,
                                    std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || number < least || number > most) {
    return usage_error(std::string(what) + " is a number from " + std::to_string(least) + " to " +
                       std::to_string(most) + ", not '" + one_line(text) + "'");
  }
  return number;
}

}  // namespace mabeam::tools
