// PendingCall: one call in flight, and how a client makes it.
#include "shm/client_impl.hpp"
#include "shm/client_retries.hpp"

#include <algorithm>
#include <utility>

namespace mabeam {

using shm::Kind;
using shm::Outgoing;

namespace {

Outgoing request(AgentId agent, Symbol action, const PayloadRef& payload, Priority priority) {
  Outgoing question{Kind::request, priority, {}, payload.bytes()};
  question.header.symbol = action;
  question.header.content = static_cast<std::uint32_t>(payload.content());
  question.header.target = agent.value();
  return question;
}

}  // namespace

Result<ClientReply> Client::call(AgentId agent, std::string_view action, const PayloadRef& payload,
                                 const CallOptions& options) {
  const Result<Symbol> symbol = impl_->intern(action);
  if (!symbol) return fail(symbol.error());
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  return shm::ask_with_retries(*impl_, request(agent, *symbol, payload, options.priority), options);
}

Result<PendingCall> Client::call_async(AgentId agent, std::string_view action,
                                       const PayloadRef& payload, const CallOptions& options) {
  const Result<Symbol> symbol = impl_->intern(action);
  if (!symbol) return fail(symbol.error());
  return call_async(agent, *symbol, payload, options);
}

Result<PendingCall> Client::call_async(AgentId agent, Symbol action, const PayloadRef& payload,
                                       const CallOptions& options) {
  if (options.timeout.count() <= 0) return fail(Errc::timed_out);
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  const std::int64_t deadline_ns = shm::deadline_after(options.timeout);
  const Result<std::uint64_t> asked =
      impl_->begin_asking(request(agent, action, payload, options.priority), deadline_ns, 0);
  if (!asked) return fail(asked.error());
  return PendingCall{*impl_, agent, *asked, deadline_ns};
}

PendingCall::PendingCall(PendingCall&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)),
      agent_(other.agent_),
      correlation_(other.correlation_),
      deadline_ns_(other.deadline_ns_) {
}

PendingCall& PendingCall::operator=(PendingCall&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  core_ = std::exchange(other.core_, nullptr);
  agent_ = other.agent_;
  correlation_ = other.correlation_;
  deadline_ns_ = other.deadline_ns_;
  return *this;
}

PendingCall::~PendingCall() {
  cancel();
}

bool PendingCall::ready() {
  if (core_ == nullptr) return false;
  core_->calls.poll(static_cast<std::uint32_t>(agent_.endpoint()));
  return core_->calls.is_answered(correlation_) || shm::monotonic_ns() >= deadline_ns_ ||
         core_->waiter.is_gone();
}

bool PendingCall::wait(std::chrono::nanoseconds timeout) {
  if (core_ == nullptr) return false;
  const std::int64_t until_ns = std::min(deadline_ns_, shm::deadline_after(timeout));
  (void)core_->waiter.until(until_ns, shm::ClientWaiter::kSlice, [this] {
    core_->calls.poll(static_cast<std::uint32_t>(agent_.endpoint()));
    return core_->calls.is_answered(correlation_);
  });
  return ready();
}

Result<ClientReply> PendingCall::take() {
  if (core_ == nullptr) return fail(Errc::invalid_argument);
  (void)wait(std::chrono::nanoseconds::max());
  shm::ClientCore& core = *std::exchange(core_, nullptr);
  if (core.calls.is_answered(correlation_)) return core.calls.take(correlation_);
  if (core.waiter.is_gone()) {
    core.calls.abandon(correlation_);
    return fail(Errc::not_running);
  }
  core.give_up(correlation_, static_cast<std::uint32_t>(agent_.endpoint()));
  return fail(Errc::timed_out);
}

// One whose time is up need not be cancelled: it expires.
void PendingCall::cancel() {
  if (core_ == nullptr) return;
  shm::ClientCore& core = *std::exchange(core_, nullptr);
  const bool is_open = !core.calls.is_answered(correlation_) && shm::monotonic_ns() < deadline_ns_;
  core.calls.forget(correlation_);
  if (!is_open) return;
  Outgoing order{Kind::cancel, Priority::high, {}, {}};
  order.header.target = agent_.value();
  order.header.correlation = correlation_;
  order.header.deadline_ns = deadline_ns_;
  (void)core.sender.try_send(order);  // for want of room it may be handled: best effort
}

}  // namespace mabeam
