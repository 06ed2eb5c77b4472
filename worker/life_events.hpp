// LifeEvents: the topics on which a shard tells what becomes of its agents, and what it says there:
//
//   agent.started  agent.stopped  agent.failed  agent.restarted  agent.updated
//   {"id":"0100000500000001","type":"counter","reason":""}
//
// The source is the agent itself. The reason is what stopped it, or its handler's error.
#pragma once

#include "shm/symbols.hpp"

#include "mabeam/ids.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mabeam::worker {

enum class Life : std::uint8_t { started, stopped, failed, restarted, updated };

class LifeEvents {
 public:
  /// Interns the topics. Without room for them nobody can be subscribed to one by its name, and
  /// nothing is told.
  void open(shm::Symbols symbols) noexcept;

  [[nodiscard]] Symbol topic(Life what) const noexcept {
    return topics_[static_cast<std::size_t>(what)];
  }

  [[nodiscard]] bool has(Symbol topic) const noexcept {
    return std::find(topics_.begin(), topics_.end(), topic) != topics_.end();
  }

  /// The JSON above.
  static std::string payload(AgentId id, std::string_view type, std::string_view reason);

 private:
  std::array<Symbol, 5> topics_{};
};

}  // namespace mabeam::worker
