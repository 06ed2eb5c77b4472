#include "mabeam/context.hpp"

#include "shm/clock.hpp"
#include "shm/topics.hpp"
#include "worker/backend.hpp"

#include <algorithm>

namespace mabeam {

using shm::Kind;

namespace {

bool is_full(const Result<>& sent) {
  return !sent && sent.error().code == Errc::backpressure;
}

}  // namespace

Result<> Context::Backend::send(AgentId to, Symbol symbol, const PayloadRef& payload,
                                SendOptions options) {
  const std::uint64_t id = ++shard.record_.next_message_id;
  const bool has_deadline = options.deadline.count() > 0;
  if (has_deadline) shard.clock_.refresh();  // a handler may have run for long
  const shm::MessageHeader header{
      symbol,       static_cast<std::uint32_t>(payload.content()),
      self.value(), to.value(),
      id,           0,
      now_ns(),     has_deadline ? shm::deadline_after(options.deadline, now_ns()) : 0};
  shard.outbox_.let_wait(options.when_full == WhenFull::wait);
  const Result<> sent =
      shard.outbox_.send(Kind::signal, 0, options.priority, header, payload.bytes());
  shard.outbox_.let_wait(true);
  if (options.when_full != WhenFull::drop || !is_full(sent)) return sent;
  shard.outbox_.bury(shm::DeadReason::overflow, {Kind::signal, 0, header, payload.bytes()});
  return {};
}

// A log that is full is looked at as one that is waited for: who holds it for too long is evicted.
Result<> Context::Backend::emit(Symbol topic, const PayloadRef& payload, EmitOptions options) {
  // Subscribers compare it with the time they subscribed at, and a handler may have run for long.
  if (const Result<> may = may_emit(); !may) return may;
  shard.clock_.refresh();
  shm::MessageHeader header{};
  header.symbol = topic;
  header.content = static_cast<std::uint32_t>(payload.content());
  header.source = self.value();
  header.sent_ns = now_ns();
  if (options.when_full == WhenFull::wait) return shard.outbox_.emit(header, payload.bytes());
  shard.outbox_.let_wait(false);
  Result<> emitted = shard.outbox_.emit(header, payload.bytes());
  worker::Blockage log{worker::Blockage::kLog, shard.outbox_.event_bytes(payload.bytes().size())};
  if (is_full(emitted) && shard.outbox_.may_retry(log, now_ns(), shard.limits_.stall_timeout_ns)) {
    emitted = shard.outbox_.emit(header, payload.bytes());
  }
  shard.outbox_.let_wait(true);
  if (options.when_full != WhenFull::drop || !is_full(emitted)) return emitted;
  shard.outbox_.bury(shm::DeadReason::overflow, {Kind::event, 0, header, payload.bytes()}, true);
  return {};
}

Result<AgentId> Context::Backend::create(std::string_view type, const AgentOptions& options) {
  if (!options.name.empty() || options.capabilities.size() > shm::kMaxCapabilities ||
      options.subscribe.size() > shm::kMaxCreateSubscriptions) {
    return fail(Errc::invalid_argument);
  }
  const Symbol symbol_of_type = shard.symbols_.find(type);
  worker::Agents::Plan plan{symbol_of_type,
                            shard.types_.find(symbol_of_type),
                            options.parent ? options.parent : self,
                            {},
                            shm::unix_ns()};
  if (plan.descriptor == nullptr) return fail(Errc::unknown_type);
  if (options.parent && options.parent != self && !shard.segment_.is_alive(options.parent)) {
    return fail(Errc::not_found);
  }
  const std::uint64_t most = shard.segment_.dimensions().max_agents;
  if (shard.segment_.live_agents() + shard.segment_.reserved_agents() + shard.agents_.created() >=
      most) {
    return fail(Errc::too_many_agents);
  }
  for (const std::string_view capability : options.capabilities) {
    const Result<Symbol> name = symbol(capability);
    if (!name) return fail(name.error());
    plan.request.capabilities[plan.request.capability_count++] = *name;
  }
  for (const std::string_view pattern : options.subscribe) {
    if (const Result<> checked = shm::check_pattern(pattern); !checked)
      return fail(checked.error());
    const Result<Symbol> name = symbol(pattern);
    if (!name) return fail(name.error());
    plan.request.subscriptions[plan.request.subscription_count++] = *name;
  }
  const auto type_of_new = [&] { return symbol_of_type; };
  if (const Result<> may = shard.rates_.take(shm::RateKind::agent_creation, 1, type_of_new); !may) {
    return fail(may.error());
  }
  plan.initial = options.initial.bytes();
  plan.metadata = options.metadata;
  return shard.create_agent(plan);
}

Result<> Context::Backend::subscribe(std::string_view pattern, AgentId source) {
  if (const Result<> checked = shm::check_pattern(pattern); !checked) return checked;
  const Result<Symbol> name = symbol(pattern);
  if (!name) return fail(name.error());
  if (!shard.inbox_.is_listening()) {
    shard.wants_to_listen_ = true;  // the message is run again with cursors in every log
    return fail(Errc::backpressure);
  }
  if (shard.agents_.is_subscribed(self.slot(), *name, source)) return {};
  return shard.agents_.subscribe(self.slot(), *name, now_ns(), source);
}

Result<> Context::Backend::unsubscribe(std::string_view pattern, std::optional<AgentId> source) {
  const Symbol name = shard.symbols_.find(pattern);
  if (name == Symbol::none) return {};
  const Result<> done = shard.agents_.unsubscribe(self.slot(), name, source);
  if (!done) return shard.doom(done.error());
  return {};
}

// The turn ends with a message that changes timers, even if that is undone afterwards.
Result<TimerId> Context::Backend::set_timer(std::string_view name, std::chrono::nanoseconds delay,
                                            std::chrono::nanoseconds period) {
  const TypeDescriptor* type = shard.types_.find(shard.agents_.table().record(self.slot()).type);
  if (delay.count() < 0 || period.count() < 0 || type == nullptr || type->on_timer == nullptr) {
    return fail(Errc::invalid_argument);
  }
  const Result<Symbol> symbol_of_name = symbol(name);
  if (!symbol_of_name) return fail(symbol_of_name.error());
  shard.is_full_ = true;
  shard.clock_.refresh();
  return shard.timers_.set(self, *symbol_of_name, shm::deadline_after(delay, now_ns()),
                           period.count());
}

Result<> Context::Backend::cancel_timer(TimerId timer) {
  shard.is_full_ = true;
  return shard.timers_.cancel(self, timer);
}

Result<> Context::Backend::reply(const PayloadRef& payload) {
  if (task != nullptr) return *task ? reply_to(*task, Errc{}, payload) : Result<>{};
  if (message != nullptr && message->kind == Kind::signal) return {};  // nobody asked
  if (replies_later) return {};                                        // nor waits for this
  if (message == nullptr || message->kind != Kind::request || replied) {
    return fail(Errc::invalid_argument);
  }
  if (!fits_a_reply(payload)) return fail(Errc::payload_too_large);
  replied = true;
  return shard.answer(*message, Errc{}, payload);
}

// ---- the public face -------------------------------------------------------------------------

AgentId Context::self() const {
  return backend_.self;
}

std::chrono::nanoseconds Context::now() const {
  return std::chrono::nanoseconds{backend_.now_ns()};
}

std::uint32_t Context::attempt() const {
  return backend_.attempt();
}

std::optional<TraceContext> Context::trace() const {
  return backend_.trace();
}

Result<Symbol> Context::symbol(std::string_view name) {
  return backend_.symbol(name);
}

Result<> Context::send(AgentId to, std::string_view signal, const PayloadRef& payload,
                       SendOptions options) {
  const Result<Symbol> name = backend_.symbol(signal);
  if (!name) return fail(name.error());
  return send(to, *name, payload, options);
}

Result<> Context::send(AgentId to, Symbol signal, const PayloadRef& payload, SendOptions options) {
  return backend_.send(to, signal, payload, options);
}

// Whoever has ended since the search is left out.
Result<std::size_t> Context::send_matching(const AgentFilter& filter, std::string_view signal,
                                           const PayloadRef& payload, SendOptions options) {
  const Result<Symbol> name = backend_.symbol(signal);
  if (!name) return fail(name.error());
  std::size_t receivers = 0;
  for (const AgentView& agent : backend_.find_agents(filter).agents) {
    const Result<> sent = send(agent.id, *name, payload, options);
    if (!sent && sent.error().code != Errc::not_found) return fail(sent.error());
    if (sent) ++receivers;
  }
  return receivers;
}

Result<std::uint64_t> Context::call(AgentId to, std::string_view action, const PayloadRef& payload,
                                    SendOptions options) {
  const Result<Symbol> name = backend_.symbol(action);
  if (!name) return fail(name.error());
  return call(to, *name, payload, options);
}

Result<std::uint64_t> Context::call(AgentId to, Symbol action, const PayloadRef& payload,
                                    SendOptions options) {
  return backend_.call(to, action, payload, options);
}

Result<> Context::call_and_wait(AgentId to, Symbol action, const PayloadRef& payload,
                                const SendOptions& options) {
  return backend_.call_and_wait(to, action, payload, options);
}

Result<> Context::keep_task(std::unique_ptr<glue::TaskFrame> task) {
  return backend_.keep_task(std::move(task));
}

Result<> Context::cancel(std::uint64_t correlation) {
  return backend_.cancel_call(correlation);
}

Result<> Context::emit(std::string_view topic, const PayloadRef& payload, EmitOptions options) {
  if (const Result<> checked = shm::check_topic(topic); !checked) return checked;
  const Result<Symbol> name = backend_.symbol(topic);
  if (!name) return fail(name.error());
  return emit(*name, payload, options);
}

Result<> Context::emit(Symbol topic, const PayloadRef& payload, EmitOptions options) {
  return backend_.emit(topic, payload, options);
}

Result<AgentId> Context::create(std::string_view type, const AgentOptions& options) {
  return backend_.create(type, options);
}

Result<> Context::update_metadata(std::string_view metadata) {
  return backend_.update_metadata(metadata);
}

std::string Context::metadata() const {
  return backend_.metadata();
}

Result<> Context::stop() {
  if (backend_.message == nullptr) return fail(Errc::invalid_argument);
  backend_.wants_stop = true;
  return {};
}

Result<> Context::subscribe(std::string_view pattern, AgentId source) {
  return backend_.subscribe(pattern, source);
}

Result<> Context::unsubscribe(std::string_view pattern) {
  return backend_.unsubscribe(pattern, std::nullopt);
}

Result<> Context::unsubscribe(std::string_view pattern, AgentId source) {
  return backend_.unsubscribe(pattern, source);
}

Result<TimerId> Context::set_timer(std::string_view name, std::chrono::nanoseconds delay,
                                   std::chrono::nanoseconds period) {
  return backend_.set_timer(name, delay, period);
}

Result<> Context::cancel_timer(TimerId timer) {
  return backend_.cancel_timer(timer);
}

Result<CircuitBreaker> Context::breaker(std::string_view name) {
  return backend_.breaker(name);
}

Result<AgentId> Context::find(std::string_view name) const {
  return backend_.find(name);
}

Result<> Context::reply(const PayloadRef& payload) {
  return backend_.reply(payload);
}

Result<ReplyTo> Context::reply_later() {
  return backend_.reply_later();
}

Result<> Context::reply(const ReplyTo& to, const PayloadRef& payload) {
  return backend_.reply_to(to, Errc{}, payload);
}

Result<> Context::refuse(const ReplyTo& to, Errc why) {
  if (why == Errc{}) return fail(Errc::invalid_argument);
  return backend_.reply_to(to, why, {});
}

}  // namespace mabeam
