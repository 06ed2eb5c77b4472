// The worker's entry: what main() of mabeam-worker, and of a user's own worker, calls.
#include "worker/crash.hpp"
#include "worker/output.hpp"
#include "worker/worker.hpp"

#include "mabeam/agent.hpp"

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam {
namespace {

using worker::Exit;

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct CommandLine {
  worker::Options options;
  int segment = -1;  ///< descriptor; -1: it is attached to by its name
};

/// A worker's command line is written by the supervisor, for itself: no library, no help.
std::optional<CommandLine> parse(std::span<char*> arguments) {
  CommandLine line;
  worker::Options& options = line.options;
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const std::string_view key = arguments[i];
    const std::string_view value = arguments[i + 1];
    std::optional<std::uint32_t> number = 0;
    if (key == "--name") {
      options.runtime = value;
    } else if (key == "--module") {
      options.modules.emplace_back(value);
    } else if (key == "--segment") {
      number = number_of(value);
      line.segment = static_cast<int>(number.value_or(0));
    } else if (key == "--worker") {
      number = number_of(value);
      options.worker = number.value_or(0);
    } else if (key == "--incarnation") {
      number = number_of(value);
      options.incarnation = number.value_or(0);
    } else {
      return std::nullopt;
    }
    if (!number) return std::nullopt;
  }
  if (options.runtime.empty() || options.incarnation == 0) return std::nullopt;
  return line;
}

Result<shm::Segment> attach_by_name(const std::string& runtime) {
  Result<shm::Segment> segment = shm::Segment::attach(runtime, shm::Access::read_write);
  if (segment && segment->name() != runtime) return fail(Errc::not_found);  // it was renamed
  return segment;
}

// What is run around a worker may have closed what it does not know, or may keep something of its
// own under that number: it is not ours to close, then. Without a name the first error tells more.
Result<shm::Segment> attach(const CommandLine& line) {
  const std::string& runtime = line.options.runtime;
  const int again = ::fcntl(line.segment, F_DUPFD_CLOEXEC, 0);
  if (again < 0) return attach_by_name(runtime);
  Result<shm::Segment> given = shm::Segment::attach_to(runtime, again);
  if (given) {
    ::close(line.segment);
    return given;
  }
  Result<shm::Segment> named = attach_by_name(runtime);
  if (!named && named.error().code == Errc::not_found) return given;
  return named;
}

Exit exit_for(Errc code) {
  switch (code) {
    case Errc::incompatible:
    case Errc::byte_order:
      return Exit::incompatible;
    case Errc::bad_permissions:
      return Exit::permission;
    default:
      return Exit::again;
  }
}

}  // namespace

int run_worker(int argc, char** argv, std::span<const TypeDescriptor> types) {
  const std::optional<CommandLine> line = parse({argv, static_cast<std::size_t>(argc)});
  if (!line) {
    std::fputs("mabeam-worker is started by mabeam-supervisor: run that instead\n", stderr);
    return static_cast<int>(Exit::usage);
  }
  Result<shm::Segment> segment = attach(*line);
  if (!segment) {
    std::fprintf(stderr, "mabeam-worker: %s: %s\n", line->options.runtime.c_str(),
                 describe(segment.error()).c_str());
    return static_cast<int>(exit_for(segment.error().code));
  }
  worker::Worker worker{std::move(*segment), line->options};
  const int status = worker.run(types);
  worker::end_labels();
  worker::end_backtraces();
  return status;
}

}  // namespace mabeam
