// CallBreakers: leave to call the agents of a shard, and what is told of how that went.
//
// Each shard has a circuit breaker (breaker.hpp) for the calls to its agents, which every caller
// asks before it sends. It opens for one reason only: nobody serves the shard. A call whose time is
// up counts as a failure if at that moment the shard has no owner, or an owner that is dead, hung
// or waiting for its next start; whatever a handler answers, and however slowly, counts for the
// shard. So does a call to a slow handler whose time is up while its shard is served.
//
//      closed --(failure_threshold such calls in `window`)--> open: calls are refused at once
//      open --(recovery_timeout is over, or the shard is served again)--> half_open: a few are sent
//
// What has been sent is not touched: it waits in its ring for the next owner, as ever. So a refusal
// is given before a message exists, and each message that exists takes effect exactly once.
//
// Never more than half of the shards: one that would be more does not open, and should two have
// opened at once, or somebody have forced them, all are let through until they are half again
// (Envoy's panic threshold): callers who are turned away everywhere are worse off than by waiting.
//
// While a breaker is closed, which it nearly always is, a call costs one load of a line that nobody
// writes; an answer another one.
#pragma once

#include "shm/breaker.hpp"
#include "shm/segment.hpp"

#include "mabeam/result.hpp"

#include <cstdint>

namespace mabeam::shm {

/// True if a worker that lives, as far as the segment tells, runs that shard. Of a hung worker the
/// heartbeat tells, once it is older than a fifth of heartbeat_timeout.
bool is_served(const Segment& segment, std::uint32_t shard, std::int64_t now_ns) noexcept;

class CallBreakers {
 public:
  /// `segment` outlives this.
  explicit CallBreakers(const Segment& segment) noexcept : segment_(&segment) {}

  /// May a call be sent to that endpoint now? Of what is no shard, somebody else tells.
  /// Errors: circuit_open, with the milliseconds after which it may.
  Result<> ask(std::uint32_t endpoint) const noexcept {
    if (is_quiet(endpoint)) [[likely]]
      return {};
    return ask_slowly(endpoint - 1);
  }

  /// That endpoint has answered a call, at `sent_ns`.
  void note_answer(std::uint32_t endpoint, std::int64_t sent_ns) const noexcept {
    if (!is_quiet(endpoint)) [[unlikely]]
      note_service(endpoint - 1, sent_ns);
  }

  /// The time of a call to that endpoint is up.
  void note_silence(std::uint32_t endpoint) const noexcept;

  /// Holds the breaker of a shard, or lets it go. Errors: in_use (half of them are open).
  Result<> set_mode(std::uint32_t shard, BreakerMode mode) const noexcept;

  /// Closes the breaker of a shard that is served again, where nobody has called since its time was
  /// over. True if it did.
  [[nodiscard]] bool close_idle(std::uint32_t shard, std::int64_t now_ns) const noexcept;

 private:
  [[nodiscard]] bool is_quiet(std::uint32_t endpoint) const noexcept {
    if (!segment_->is_shard(endpoint)) return true;
    const Word& state = segment_->breaker_of_shard(endpoint - 1).state;
    return BreakerWord::is_closed_by_itself(state.load(std::memory_order_acquire));
  }

  [[nodiscard]] BreakerRules rules() const noexcept {
    return breaker_rules(segment_->header().tunables);
  }

  [[nodiscard]] Breaker breaker_of(std::uint32_t shard) const noexcept {
    return Breaker{segment_->breaker_of_shard(shard)};
  }

  Result<> ask_slowly(std::uint32_t shard) const noexcept;
  void note_service(std::uint32_t shard, std::int64_t sent_ns) const noexcept;
  [[nodiscard]] std::uint32_t count_open() const noexcept;
  [[nodiscard]] bool may_open(std::uint32_t shard) const noexcept;

  const Segment* segment_;
};

}  // namespace mabeam::shm
