#include "worker/burial_notes.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <poll.h>

namespace mabeam::worker {
namespace {

constexpr std::int64_t kBetweenLines = 1'000'000'000;  // ns

/// A name in quotes, on one line whatever is in it.
std::string quoted(std::string_view name) {
  std::string text{name};
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; }, '?');
  return "'" + text + "'";
}

std::string whom(const PoisonNote& note) {
  if (note.agent.generation() == 0) return "a new agent";
  const std::string agent = "agent " + to_string(note.agent);
  return note.name.empty() ? agent : agent + " " + quoted(note.name);
}

/// A line is shorter than PIPE_BUF, so a pipe that is ready takes all of it. Nothing but "ready": a
/// pipe without a reader would be a SIGPIPE.
bool takes_a_line(int descriptor) {
  pollfd out{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&out, 1, 0) == 1 && out.revents == POLLOUT;
}

}  // namespace

bool BurialNotes::may_say(std::int64_t now_ns) {
  if (now_ns < next_ns_ || !takes_a_line(descriptor_)) {
    ++left_out_;
    return false;
  }
  next_ns_ = now_ns + kBetweenLines;
  return true;
}

void BurialNotes::say(const std::string& text) {
  std::string line = "mabeam-worker: " + text;
  if (left_out_ != 0) line += " (" + std::to_string(left_out_) + " more since the last such line)";
  line += '\n';
  left_out_ = 0;
  [[maybe_unused]] const auto written = ::write(descriptor_, line.data(), line.size());
}

// As often as a line, whether anybody reads that one or not.
void BurialNotes::record(Pace& pace, std::string_view text, std::span<const shm::LogField> fields,
                         std::int64_t now_ns) {
  if (!recorder_) return;
  if (now_ns < pace.next_ns) {
    ++pace.left_out;
    return;
  }
  pace.next_ns = now_ns + kBetweenLines;
  std::vector<shm::LogField> all{fields.begin(), fields.end()};
  if (pace.left_out != 0) all.emplace_back("more", std::exchange(pace.left_out, 0));
  recorder_.write(FactLevel::warn, text, all);
}

void BurialNotes::failed(std::uint32_t shard, AgentId agent, std::string_view message,
                         std::string_view code, std::int64_t now_ns) {
  if (now_ns < failures_.next_ns) {
    ++failures_.left_out;
    return;
  }
  record(failures_, "an agent's handler has failed",
         std::array{shm::LogField{"shard", shard}, shm::LogField{"agent", to_string(agent)},
                    shm::LogField{"message", message}, shm::LogField{"code", code}},
         now_ns);
}

void BurialNotes::poison(const PoisonNote& note, std::int64_t now_ns) {
  record(burials_, "a message is now a dead letter: poison",
         std::array{shm::LogField{"shard", note.shard}, shm::LogField{"message", note.message},
                    shm::LogField{"agent", to_string(note.agent)}, shm::LogField{"name", note.name},
                    shm::LogField{"deaths", note.deaths}},
         now_ns);
  if (!may_say(now_ns)) return;
  say("shard " + std::to_string(note.shard) + ": " + quoted(note.message) + " for " + whom(note) +
      " is now a dead letter: poison (deaths of workers under it: " + std::to_string(note.deaths) +
      ")");
}

void BurialNotes::corrupt(std::uint32_t shard, std::uint32_t source, std::uint64_t bytes,
                          std::int64_t now_ns) {
  record(burials_, "bytes of a ring are given up: corrupt",
         std::array{shm::LogField{"shard", shard}, shm::LogField{"source", source},
                    shm::LogField{"bytes", bytes}},
         now_ns);
  if (!may_say(now_ns)) return;
  const std::string what = bytes == 0 ? "a ring" : std::to_string(bytes) + " bytes of a ring";
  say("shard " + std::to_string(shard) + ": " + what + " from endpoint " + std::to_string(source) +
      " given up, with a dead letter: corrupt");
}

}  // namespace mabeam::worker
