// The body of the public Client: its calls, each in terms of the parts (client_core.hpp).
#include "mabeam/client.hpp"

#include "shm/agent_search.hpp"
#include "shm/client_bulk.hpp"
#include "shm/client_create.hpp"
#include "shm/client_impl.hpp"
#include "shm/descendants.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace mabeam {

using shm::Kind;
using shm::Outgoing;

namespace {

std::int64_t patience(WhenFull when_full, std::chrono::nanoseconds wait) {
  return when_full == WhenFull::wait ? shm::end_of_wait(wait) : 0;
}

/// What is dropped was counted as refused, and is no error.
Result<> accept(const Result<>& sent, WhenFull when_full) {
  const bool is_dropped =
      !sent && sent.error().code == Errc::backpressure && when_full == WhenFull::drop;
  return is_dropped ? Result<>{} : sent;
}

}  // namespace

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}

Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::attach(std::string_view runtime, ClientOptions options) {
  const std::int64_t deadline_ns = shm::deadline_after(options.attach_timeout);
  Result<shm::Segment> segment = shm::Segment::attach(runtime, shm::Access::read_write);
  if (!segment) return fail(segment.error());
  const Result<shm::ClientClaim> claim = shm::claim_client_endpoint(*segment, deadline_ns);
  if (!claim) return fail(claim.error());
  auto impl = std::make_unique<Impl>(std::move(*segment), *claim, options.wait);
  if (const Result<> opened = impl->open(); !opened) return fail(opened.error());
  return Client{std::move(impl)};
}

AgentId Client::id() const {
  return impl_->endpoint.id();
}

// ---- agents ----------------------------------------------------------------------------------

Result<std::vector<AgentId>> Client::create(std::string_view type, std::size_t count,
                                            const AgentOptions& options,
                                            std::chrono::nanoseconds timeout) {
  return create(type, count, options, timeout, {});
}

Result<std::vector<AgentId>> Client::create(std::string_view type, std::size_t count,
                                            const AgentOptions& options,
                                            std::chrono::nanoseconds timeout,
                                            const std::function<void(std::size_t)>& on_progress) {
  impl_->tidy();
  return shm::create_agents(*impl_, type, count, options, timeout, on_progress);
}

Result<> Client::stop(AgentId agent, std::chrono::nanoseconds timeout) {
  return stop(agent, StopOptions{}, timeout);
}

// One that is being ended is asked all the same: a caller whose time was up may come again.
Result<> Client::stop(AgentId agent, const StopOptions& options, std::chrono::nanoseconds timeout) {
  if (options.reason.size() > shm::kMaxReasonBytes) return fail(Errc::invalid_argument);
  if (!impl_->segment.exists(agent)) return impl_->refuse({Errc::not_found});
  shm::StopRequest request{.with_children = options.children ? 1U : 0U,
                           .reason_length = static_cast<std::uint32_t>(options.reason.size())};
  std::copy(options.reason.begin(), options.reason.end(), request.reason.begin());
  const auto payload = std::as_bytes(std::span{&request, 1});
  if (!options.children) return impl_->order(Kind::stop, agent, payload, timeout);
  const std::int64_t deadline_ns = shm::deadline_after(timeout);
  std::vector<AgentId> descendants = shm::descendants_of(impl_->segment, agent);
  const Result<> ended = impl_->order(Kind::stop, agent, payload, timeout);
  if (!ended && ended.error().code != Errc::handler_failed) return ended;
  // The answer speaks for the agent's own shard: no shard waits for another.
  const auto are_gone = [&] {
    while (!descendants.empty() && !impl_->segment.exists(descendants.back()))
      descendants.pop_back();
    return descendants.empty();
  };
  const shm::Waited waited = impl_->waiter.until(deadline_ns, shm::ClientWaiter::kUnrung, are_gone);
  if (waited != shm::Waited::done) return fail(error_of(waited, Errc::timed_out));
  return ended;
}

Result<> Client::restart(AgentId agent, const RestartOptions& options,
                         std::chrono::nanoseconds timeout) {
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  const shm::RestartRequest request{.keep_state = options.keep_state ? 1U : 0U};
  const auto head = std::as_bytes(std::span{&request, 1});
  std::vector<std::byte> payload(head.begin(), head.end());
  const std::span<const std::byte> initial = options.initial.bytes();
  payload.insert(payload.end(), initial.begin(), initial.end());
  return impl_->order(Kind::restart, agent, payload, timeout);
}

std::vector<Result<>> Client::stop_agents(std::span<const AgentId> agents,
                                          std::chrono::nanoseconds timeout) {
  impl_->tidy();
  return shm::stop_many(*impl_, agents, shm::deadline_after(timeout));
}

AgentList Client::find_agents(const AgentFilter& filter) const {
  return shm::find_agents(impl_->segment, filter);
}

std::uint64_t Client::count_agents(const AgentFilter& filter) const {
  return shm::count_agents(impl_->segment, filter);
}

Result<> Client::suspend(AgentId agent, std::chrono::nanoseconds timeout) {
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  return impl_->order(Kind::suspend, agent, {}, timeout);
}

Result<> Client::resume(AgentId agent, std::chrono::nanoseconds timeout) {
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  return impl_->order(Kind::resume, agent, {}, timeout);
}

Result<AgentId> Client::find(std::string_view name) const {
  const Result<AgentId> named = impl_->segment.find_agent(name);
  if (named) return named;
  const std::optional<AgentId> id = parse_agent_id(name);
  if (!id || !impl_->segment.exists(*id)) return fail(Errc::not_found);
  return *id;
}

void Client::set_tracing(const Tracing& tracing) {
  impl_->tracer.set(tracing);
}

std::optional<TraceContext> Client::last_trace() const {
  return impl_->tracer.last();
}

Result<Symbol> Client::symbol(std::string_view name) {
  return impl_->intern(name);
}

// ---- messages --------------------------------------------------------------------------------

Result<ClientReply> Client::call(AgentId agent, std::string_view action, const PayloadRef& payload,
                                 std::chrono::nanoseconds timeout) {
  const Result<Symbol> symbol = impl_->intern(action);
  if (!symbol) return fail(symbol.error());
  return call(agent, *symbol, payload, timeout);
}

Result<ClientReply> Client::call(AgentId agent, Symbol action, const PayloadRef& payload,
                                 std::chrono::nanoseconds timeout) {
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  Outgoing question{Kind::request, Priority::normal, {}, payload.bytes()};
  question.header.symbol = action;
  question.header.content = static_cast<std::uint32_t>(payload.content());
  question.header.target = agent.value();
  return impl_->ask(question, timeout);
}

Result<> Client::call_many(std::span<const AgentId> agents, std::string_view action,
                           const PayloadRef& payload, std::chrono::nanoseconds timeout,
                           const OnAnswer& on_answer) {
  const Result<Symbol> symbol = impl_->symbols.intern(action);
  if (!symbol) return fail(symbol.error());
  impl_->tidy();
  Outgoing form{Kind::request, Priority::normal, {}, payload.bytes()};
  form.header.symbol = *symbol;
  form.header.content = static_cast<std::uint32_t>(payload.content());
  shm::call_many(*impl_, agents, form, {}, shm::deadline_after(timeout), on_answer);
  return {};
}

Result<std::vector<Result<ClientReply>>> Client::update_states(std::span<const AgentId> agents,
                                                               std::string_view action,
                                                               const PayloadOf& payload_of,
                                                               std::chrono::nanoseconds timeout) {
  const Result<Symbol> symbol = impl_->symbols.intern(action);
  if (!symbol) return fail(symbol.error());
  impl_->tidy();
  std::vector<PayloadRef> payloads;
  payloads.reserve(agents.size());
  for (std::size_t i = 0; i < agents.size(); ++i)
    payloads.push_back(payload_of(i));
  Outgoing form{Kind::request, Priority::normal, {}, {}};
  form.header.symbol = *symbol;
  std::vector<Result<ClientReply>> answers(agents.size());
  shm::call_many(
      *impl_, agents, form, payloads, shm::deadline_after(timeout),
      [&](std::size_t index, Result<ClientReply>& answer) { answers[index] = std::move(answer); });
  return answers;
}

Result<std::vector<Result<ClientReply>>> Client::call_many(std::span<const AgentId> agents,
                                                           std::string_view action,
                                                           const PayloadRef& payload,
                                                           std::chrono::nanoseconds timeout) {
  std::vector<Result<ClientReply>> answers(agents.size());
  const auto keep = [&](std::size_t index, Result<ClientReply>& answer) {
    answers[index] = std::move(answer);
  };
  const Result<> called = call_many(agents, action, payload, timeout, keep);
  if (!called) return fail(called.error());
  return answers;
}

Result<std::size_t> Client::send_many(std::span<const AgentId> agents, std::string_view signal,
                                      const PayloadRef& payload, SendOptions options,
                                      std::chrono::nanoseconds wait) {
  const Result<Symbol> symbol = impl_->symbols.intern(signal);
  if (!symbol) return fail(symbol.error());
  Outgoing form{Kind::signal, options.priority, {}, payload.bytes()};
  form.header.symbol = *symbol;
  form.header.content = static_cast<std::uint32_t>(payload.content());
  form.header.deadline_ns = shm::end_of_wait(options.deadline);
  return shm::send_many(*impl_, agents, form, patience(options.when_full, wait));
}

Result<std::size_t> Client::send_matching(const AgentFilter& filter, std::string_view signal,
                                          const PayloadRef& payload, SendOptions options,
                                          std::chrono::nanoseconds wait) {
  std::vector<AgentId> ids;
  for (const AgentView& agent : find_agents(filter).agents)
    ids.push_back(agent.id);
  return send_many(ids, signal, payload, options, wait);
}

Result<> Client::send(AgentId agent, std::string_view signal, const PayloadRef& payload,
                      SendOptions options, std::chrono::nanoseconds wait) {
  const Result<Symbol> symbol = impl_->intern(signal);
  if (!symbol) return fail(symbol.error());
  return send(agent, *symbol, payload, options, wait);
}

Result<> Client::send(AgentId agent, Symbol signal, const PayloadRef& payload, SendOptions options,
                      std::chrono::nanoseconds wait) {
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  Outgoing message{Kind::signal, options.priority, {}, payload.bytes()};
  message.header.symbol = signal;
  message.header.content = static_cast<std::uint32_t>(payload.content());
  message.header.target = agent.value();
  message.header.deadline_ns = shm::end_of_wait(options.deadline);
  return accept(impl_->send(message, patience(options.when_full, wait)), options.when_full);
}

// ---- events ----------------------------------------------------------------------------------

Result<> Client::emit(std::string_view topic, const PayloadRef& payload,
                      std::chrono::nanoseconds wait) {
  const Result<Symbol> symbol = impl_->emitter.topic(topic);
  if (!symbol) return impl_->refuse(symbol.error());
  return emit(*symbol, payload, wait);
}

Result<> Client::emit(Symbol topic, const PayloadRef& payload, std::chrono::nanoseconds wait) {
  return impl_->emit(topic, payload, shm::end_of_wait(wait));
}

Result<> Client::emit(std::string_view topic, const PayloadRef& payload, const EmitOptions& options,
                      std::chrono::nanoseconds wait) {
  const Result<Symbol> symbol = impl_->emitter.topic(topic);
  if (!symbol) return impl_->refuse(symbol.error());
  return accept(impl_->emit(*symbol, payload, patience(options.when_full, wait)),
                options.when_full);
}

Result<> Client::replay(AgentId agent, const HistoryEvent& event, std::chrono::nanoseconds wait) {
  const Result<Symbol> topic = impl_->emitter.topic(event.topic);
  if (!topic) return impl_->refuse(topic.error());
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  Outgoing message{Kind::event, Priority::normal, {}, event.payload};
  message.header.symbol = *topic;
  message.header.content = static_cast<std::uint32_t>(event.content);
  message.header.target = agent.value();
  message.header.correlation = event.source ? event.source.value() : id().value();
  return impl_->send(message, shm::end_of_wait(wait));
}

DeliveryStatus Client::wait_delivered(std::chrono::nanoseconds timeout) {
  impl_->emitter.ring_readers_behind();
  (void)impl_->waiter.until(shm::deadline_after(timeout), shm::ClientWaiter::kUnrung,
                            [this] { return impl_->emitter.is_delivered(); });
  return impl_->emitter.status();
}

Result<> Client::subscribe(std::string_view pattern) {
  return subscribe(pattern, {});
}

Result<> Client::subscribe(std::string_view pattern, const SubscribeOptions& options) {
  const Result<> subscribed = impl_->events.subscribe(pattern, options);
  if (!subscribed) return impl_->refuse(subscribed.error());
  return {};
}

Result<> Client::unsubscribe(std::string_view pattern) {
  return impl_->events.unsubscribe(pattern, nullptr);
}

Result<> Client::unsubscribe(std::string_view pattern, const SubscribeOptions& options) {
  return impl_->events.unsubscribe(pattern, &options);
}

Result<std::size_t> Client::poll_events(const std::function<void(const EventView&)>& handler,
                                        std::size_t limit, std::chrono::nanoseconds wait) {
  impl_->tidy();
  const std::int64_t deadline_ns = shm::deadline_after(wait);
  for (;;) {
    const std::size_t count = impl_->events.poll(handler, limit);
    if (count != 0 || limit == 0) return count;
    // Looked at here too: events that nobody wants may keep coming.
    if (shm::monotonic_ns() >= deadline_ns) {
      if (impl_->waiter.is_gone() && !impl_->events.has_more()) return fail(Errc::not_running);
      return std::size_t{0};
    }
    const shm::Waited waited = impl_->waiter.until(deadline_ns, shm::ClientWaiter::kSlice,
                                                   [this] { return impl_->events.has_more(); });
    if (waited == shm::Waited::gone) return fail(Errc::not_running);
  }
}

std::uint64_t Client::events_missed() const {
  return impl_->events.missed();
}

}  // namespace mabeam
