// Dead letters as an Observer shows them: messages that died, why, and what became of them.
//
// A dead letter waits until somebody replays or drops it (Client::replay_dead_letter()), or until
// it gives way: each shard keeps the newest.
#pragma once

#include "mabeam/ids.hpp"
#include "mabeam/payload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mabeam {

/// A message that died, and waits to be replayed or dropped.
struct DeadLetterView {
  DeadLetterId id;
  std::string reason;  ///< "poison", "expired", "no_agent", "overflow", "corrupt", "unroutable"...
  std::string kind;    ///< "signal", "request", "event"...
  AgentId source;
  AgentId target;    ///< of an event: the subscriber that it died for
  std::string name;  ///< the action, signal or topic
  double age_seconds = 0;
  bool is_replayable = false;
  std::vector<std::byte> payload;   ///< of one that is not replayable perhaps its beginning
  std::uint64_t payload_bytes = 0;  ///< that the message had
  Content content = Content::none;
};

struct DeadLetterFilter {
  std::string reason = {};
  AgentId agent = {};     ///< source or target; nobody: all
  std::size_t limit = 0;  ///< 0 is all
};

struct DeadLetterList {
  struct Reason {
    std::string name;
    std::uint64_t count = 0;
  };

  std::vector<DeadLetterView> letters;  ///< newest first
  std::uint64_t total = 0;              ///< that match, whatever the limit
  // since the start, of all shards, whatever the filter
  std::uint64_t buried = 0;
  std::vector<Reason> by_reason;  ///< of those, every reason there is
  std::uint64_t replayed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t waiting = 0;
  std::uint64_t overwritten = 0;  ///< gave way to newer ones before anybody settled them
  std::uint64_t damaged = 0;      ///< logs of which something could not be read
};

}  // namespace mabeam
