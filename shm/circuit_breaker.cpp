#include "shm/breaker.hpp"
#include "shm/retry_after.hpp"

#include "mabeam/breaker.hpp"

#include <utility>

namespace mabeam {

CircuitBreaker::CircuitBreaker(shm::BreakerSlot& slot, const shm::Tunables& tunables,
                               std::chrono::nanoseconds now)
    : slot_(&slot),
      tunables_(&tunables),
      now_(now) {
}

Result<> CircuitBreaker::ask() {
  const auto admission = shm::Breaker{*slot_}.ask(shm::breaker_rules(*tunables_), now_.count());
  has_leave_ = admission.permit.has_value();
  retry_after_ = std::chrono::nanoseconds{admission.retry_after_ns};
  if (!has_leave_) {
    return mabeam::fail(Errc::circuit_open, shm::retry_after_ms(admission.retry_after_ns));
  }
  generation_ = admission.permit->generation;
  return {};
}

void CircuitBreaker::succeed() {
  if (!std::exchange(has_leave_, false)) return;
  shm::Breaker{*slot_}.succeed({generation_}, shm::breaker_rules(*tunables_));
}

void CircuitBreaker::fail() {
  if (!std::exchange(has_leave_, false)) return;
  shm::Breaker{*slot_}.fail({generation_}, shm::breaker_rules(*tunables_), now_.count(),
                            shm::chance_of(now_.count()));
}

}  // namespace mabeam
