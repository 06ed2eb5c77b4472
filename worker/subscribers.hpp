// Subscribers: which agents of this shard an event's topic is for, in slot order. Matched once per
// (topic, change of the shard's subscriptions), never per event.
#pragma once

#include "shm/symbols.hpp"
#include "worker/agents.hpp"

#include "mabeam/ids.hpp"

#include <cstdint>
#include <vector>

namespace mabeam::worker {

class Subscribers {
 public:
  struct Subscriber {
    std::uint32_t slot = 0;
    std::int64_t since_ns = 0;  ///< of its oldest matching subscription of that source
    AgentId source;             ///< nobody: whoever emits
  };

  Subscribers(const shm::Symbols& symbols, const Agents& agents)
      : symbols_(symbols),
        agents_(agents) {}

  /// Each agent once, however many of its patterns match; and once more for each source that it
  /// wants alone. Valid until the next call.
  const std::vector<Subscriber>& of(Symbol topic);

 private:
  struct Match {
    std::uint64_t version = 0;
    std::vector<Subscriber> subscribers;
  };

  void match(std::string_view topic, std::vector<Subscriber>& result) const;

  shm::Symbols symbols_;
  const Agents& agents_;
  std::vector<Match> matches_;  // by symbol
  std::vector<Subscriber> nobody_;
};

}  // namespace mabeam::worker
