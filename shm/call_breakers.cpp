#include "shm/call_breakers.hpp"

#include "shm/clock.hpp"
#include "shm/retry_after.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>

namespace mabeam::shm {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;
/// A trial is decided by its first answers: who gets no permit need not wait for its deadline.
constexpr std::int64_t kTrialPatience = 50 * kMillisecondNs;
/// How much earlier than its trial an answer to it may seem to be: deadlines are whole
/// milliseconds, and a shard's clock is read once a round.
constexpr std::int64_t kClockSlack = 2 * kMillisecondNs;

/// A word of the supervisor's: that worker has no process that could answer.
bool is_known_dead(std::uint32_t state) {
  switch (static_cast<WorkerState>(state)) {
    case WorkerState::stopped:
    case WorkerState::killing:
    case WorkerState::backoff:
    case WorkerState::failed:
    case WorkerState::open:
      return true;
    default:
      return false;
  }
}

std::int64_t began_at(const BreakerWord& trial, const BreakerRules& rules) {
  return static_cast<std::int64_t>(trial.deadline_ms) * kMillisecondNs - rules.recovery_timeout_ns;
}

}  // namespace

bool is_served(const Segment& segment, std::uint32_t shard, std::int64_t now_ns) noexcept {
  const EndpointSlot& endpoint = segment.endpoint(Segment::endpoint_of_shard(shard));
  if (endpoint.parked.load(std::memory_order_acquire) != 0) return false;
  const Incarnation owner{endpoint.owner.load(std::memory_order_acquire)};
  if (!owner || owner.worker() >= kMaxWorkers) return false;
  const WorkerSlot& worker = segment.worker(owner.worker());
  const Claim claim = Claim::unpack(worker.claim.load(std::memory_order_acquire));
  if (claim.incarnation != owner.number() || claim.pid == 0) return false;
  if (is_known_dead(worker.supervised_state.load(std::memory_order_acquire))) return false;
  const std::uint64_t timeout_ns =
      segment.header().tunables.heartbeat_timeout_ns.load(std::memory_order_relaxed);
  const auto beat_ns =
      static_cast<std::int64_t>(worker.heartbeat_ns.load(std::memory_order_acquire));
  const bool is_hung = elapsed_ns(beat_ns, now_ns) > static_cast<std::int64_t>(timeout_ns / 5);
  return timeout_ns == 0 || !is_hung;
}

Result<> CallBreakers::ask_slowly(std::uint32_t shard) const noexcept {
  Breaker breaker = breaker_of(shard);
  const BreakerRules rules = this->rules();
  const std::int64_t now_ns = monotonic_ns();
  const BreakerWord before = breaker.word();
  const bool is_open = before.mode == BreakerMode::automatic && before.state == BreakerState::open;
  if (is_open && is_served(*segment_, shard, now_ns)) breaker.begin_trial(rules, now_ns);
  const BreakerAdmission asked = breaker.ask(rules, now_ns);
  if (asked.permit || count_open() * 2 > segment_->dimensions().shards) return {};
  const bool is_trial = Breaker::acting(breaker.word()) == BreakerState::half_open;
  return fail(Errc::circuit_open,
              retry_after_ms(is_trial ? std::min(asked.retry_after_ns, kTrialPatience)
                                      : asked.retry_after_ns));
}

// Only an answer from within the trial proves anything: an older one may have lain in its ring.
void CallBreakers::note_service(std::uint32_t shard, std::int64_t sent_ns) const noexcept {
  Breaker breaker = breaker_of(shard);
  const BreakerWord word = breaker.word();
  if (word.mode != BreakerMode::automatic || word.state != BreakerState::half_open) return;
  const BreakerRules rules = this->rules();
  const bool is_of_trial = elapsed_ns(began_at(word, rules), sent_ns) >= -kClockSlack;
  if (is_of_trial) breaker.succeed({word.generation}, rules);
}

void CallBreakers::note_silence(std::uint32_t endpoint) const noexcept {
  if (!segment_->is_shard(endpoint)) return;
  const std::uint32_t shard = endpoint - 1;
  const std::int64_t now_ns = monotonic_ns();
  if (is_served(*segment_, shard, now_ns)) return note_service(shard, now_ns);
  Breaker breaker = breaker_of(shard);
  breaker.fail(breaker.current(), rules(), now_ns, chance_of(now_ns), may_open(shard));
}

std::uint32_t CallBreakers::count_open() const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t shard = 0; shard < segment_->dimensions().shards; ++shard)
    count += Breaker::acting(breaker_of(shard).word()) == BreakerState::closed ? 0U : 1U;
  return count;
}

bool CallBreakers::may_open(std::uint32_t shard) const noexcept {
  const bool is_open = Breaker::acting(breaker_of(shard).word()) != BreakerState::closed;
  return is_open || (count_open() + 1) * 2 <= segment_->dimensions().shards;
}

Result<> CallBreakers::set_mode(std::uint32_t shard, BreakerMode mode) const noexcept {
  if (mode == BreakerMode::forced_open && !may_open(shard)) return fail(Errc::in_use);
  breaker_of(shard).set_mode(mode, monotonic_ns());
  return {};
}

bool CallBreakers::close_idle(std::uint32_t shard, std::int64_t now_ns) const noexcept {
  Breaker breaker = breaker_of(shard);
  const BreakerWord word = breaker.word();
  const bool is_over = word.mode == BreakerMode::automatic && word.state != BreakerState::closed &&
                       static_cast<std::int64_t>(word.deadline_ms) * kMillisecondNs <= now_ns;
  if (!is_over || !is_served(*segment_, shard, now_ns)) return false;
  const BreakerRules rules = this->rules();
  const BreakerAdmission asked = breaker.ask(rules, now_ns);
  if (!asked.permit) return false;
  breaker.succeed(*asked.permit, rules, rules.half_open_max_calls);
  return Breaker::acting(breaker.word()) == BreakerState::closed;
}

}  // namespace mabeam::shm
