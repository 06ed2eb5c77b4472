// BurialNotes: what a worker records in the flight recorder of its messages: those that it buries
// as poison, handlers that fail, rings whose bytes it gives up as corrupt. The supervisor puts it
// into its log (supervisor/worker_facts.hpp).
//
// At most one record a second of a kind, since there may be thousands; the next one counts what was
// left out.
#pragma once

#include "shm/flight_recorder.hpp"

#include "mabeam/ids.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace mabeam::worker {

/// A message that is buried because its handler keeps killing workers.
struct PoisonNote {
  std::uint32_t shard = 0;
  std::string_view message;  ///< its name: the action, the signal, the topic; of a create: the type
  AgentId agent;             ///< whom it was for; of a create: the shard, generation 0
  std::string_view name;     ///< the agent's own; empty if it has none
  std::uint32_t deaths = 0;  ///< of workers
};

class BurialNotes {
 public:
  /// Without a recorder nothing is noted.
  explicit BurialNotes(shm::FlightRecorder recorder = {}) : recorder_(recorder) {}

  void poison(const PoisonNote& note, std::int64_t now_ns);
  /// An agent's handler has failed. `code`: code_name() of an Errc.
  void failed(std::uint32_t shard, AgentId agent, std::string_view message, std::string_view code,
              std::int64_t now_ns);
  /// Bytes of a ring from an endpoint; 0 is its header, and so all of it.
  void corrupt(std::uint32_t shard, std::uint32_t source, std::uint64_t bytes, std::int64_t now_ns);

 private:
  /// When the next of a kind may be recorded, and what was left out since the last.
  struct Pace {
    std::int64_t next_ns = 0;
    std::uint64_t left_out = 0;
  };

  void record(Pace& pace, std::string_view text, std::span<const shm::LogField> fields,
              std::int64_t now_ns);

  shm::FlightRecorder recorder_;
  Pace poisons_;
  Pace corruptions_;
  Pace failures_;
};

}  // namespace mabeam::worker
