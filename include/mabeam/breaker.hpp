// CircuitBreaker: a named breaker, shared by all agents of a runtime.
//
//   auto db = ctx.breaker("db");
//   if (!db) return mabeam::fail(db.error());
//   if (const auto asked = db->ask(); !asked) return mabeam::fail(asked.error());  // circuit_open
//   query(...) ? db->succeed() : db->fail();
//
// Its numbers are the configuration's: [breaker] failure_threshold failures within `window` open
// it, for recovery_timeout, twice as long each time in a row; then half_open_max_calls are let
// through, and the first failure opens it again. Whoever dies with a leave to call holds nobody up.
//
// What it is told counts at once, whatever becomes of the handler: a message that is handled again
// tells again. `mabeam breakers` lists them and sets them by hand.
#pragma once

#include "mabeam/export.hpp"
#include "mabeam/result.hpp"

#include <chrono>
#include <cstdint>

namespace mabeam {

namespace shm {
struct BreakerSlot;
struct Tunables;
}  // namespace shm

/// Made for one handler, and by its clock; do not keep it in a State.
class MABEAM_API CircuitBreaker {
 public:
  CircuitBreaker(shm::BreakerSlot& slot, const shm::Tunables& tunables,
                 std::chrono::nanoseconds now);

  /// Leave to make one call. Errors: circuit_open; retry_after() tells when to ask again.
  Result<> ask();
  /// The call that was asked for went well. Without ask(), or too late, it changes nothing.
  void succeed();
  /// It went wrong. Without ask(), or too late, it changes nothing.
  void fail();

  /// After circuit_open: no leave is given before.
  [[nodiscard]] std::chrono::nanoseconds retry_after() const { return retry_after_; }

 private:
  shm::BreakerSlot* slot_;
  const shm::Tunables* tunables_;
  std::chrono::nanoseconds now_;
  std::uint32_t generation_ = 0;
  bool has_leave_ = false;
  std::chrono::nanoseconds retry_after_{0};
};

}  // namespace mabeam
