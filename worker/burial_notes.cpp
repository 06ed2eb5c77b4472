#include "worker/burial_notes.hpp"

#include <array>
#include <utility>
#include <vector>

namespace mabeam::worker {
namespace {

constexpr std::int64_t kBetweenRecords = 1'000'000'000;  // ns

}  // namespace

void BurialNotes::record(Pace& pace, std::string_view text, std::span<const shm::LogField> fields,
                         std::int64_t now_ns) {
  if (!recorder_) return;
  if (now_ns < pace.next_ns) {
    ++pace.left_out;
    return;
  }
  pace.next_ns = now_ns + kBetweenRecords;
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
                    shm::LogField{"message_name", message}, shm::LogField{"code", code}},
         now_ns);
}

void BurialNotes::poison(const PoisonNote& note, std::int64_t now_ns) {
  record(poisons_, "a message is now a dead letter: poison",
         std::array{shm::LogField{"shard", note.shard}, shm::LogField{"message_name", note.message},
                    shm::LogField{"agent", to_string(note.agent)},
                    shm::LogField{"agent_name", note.name}, shm::LogField{"deaths", note.deaths}},
         now_ns);
}

void BurialNotes::corrupt(std::uint32_t shard, std::uint32_t source, std::uint64_t bytes,
                          std::int64_t now_ns) {
  record(corruptions_, "bytes of a ring are given up: corrupt",
         std::array{shm::LogField{"shard", shard}, shm::LogField{"source", source},
                    shm::LogField{"bytes", bytes}},
         now_ns);
}

}  // namespace mabeam::worker
