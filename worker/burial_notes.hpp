// BurialNotes: what a worker says on stderr of messages that it buries as poison, and of rings
// whose bytes it gives up as corrupt. Whoever reads the supervisor's log reads it there, too.
//
// At most one line a second, since there may be thousands; the next one counts what was left out.
// Never waits: what nobody would read now is left out as well.
#pragma once

#include "mabeam/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <unistd.h>

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
  explicit BurialNotes(int descriptor = STDERR_FILENO) : descriptor_(descriptor) {}

  void poison(const PoisonNote& note, std::int64_t now_ns);
  /// Bytes of a ring from an endpoint; 0 is its header, and so all of it.
  void corrupt(std::uint32_t shard, std::uint32_t source, std::uint64_t bytes, std::int64_t now_ns);

 private:
  bool may_say(std::int64_t now_ns);
  void say(const std::string& text);

  int descriptor_;
  std::int64_t next_ns_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace mabeam::worker
