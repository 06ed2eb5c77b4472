#include "shm/client_retries.hpp"

#include <algorithm>

namespace mabeam::shm {
namespace {

/// What another attempt may mend; an agent's own answer is no such thing.
bool may_pass(Errc code) {
  return code == Errc::backpressure || code == Errc::circuit_open || code == Errc::timed_out;
}

std::chrono::nanoseconds time_of_attempt(const CallOptions& options) {
  if (options.attempt_timeout.count() > 0) return options.attempt_timeout;
  return options.idempotent ? options.timeout / (std::int64_t{options.retries} + 1)
                            : options.timeout;
}

}  // namespace

Result<ClientReply> ask_with_retries(ClientCore& core, const Outgoing& question,
                                     const CallOptions& options) {
  const std::int64_t deadline_ns = deadline_after(options.timeout);
  const Backoff backoff{options.backoff_min, options.backoff_max};
  core.retry_budget.note_call(monotonic_ns());
  for (std::uint32_t retry = 1;; ++retry) {
    const std::chrono::nanoseconds left{deadline_ns - monotonic_ns()};
    Result<ClientReply> answer = core.ask(question, std::min(left, time_of_attempt(options)));
    const bool is_last = !options.idempotent || retry > options.retries;
    if (answer || is_last || !may_pass(answer.error().code)) return answer;
    const std::int64_t now = monotonic_ns();
    const std::chrono::nanoseconds delay = backoff.delay(retry, core.random);
    const bool may_go_on =
        delay < std::chrono::nanoseconds{deadline_ns - now} && core.retry_budget.take_retry(now);
    if (!may_go_on) return answer;
    const Waited waited =
        core.waiter.until(deadline_after(delay), ClientWaiter::kSlice, [] { return false; });
    if (waited == Waited::gone) return fail(Errc::not_running);
  }
}

}  // namespace mabeam::shm
