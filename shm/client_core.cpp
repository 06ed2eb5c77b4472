#include "shm/client_core.hpp"

#include <utility>

namespace mabeam::shm {

ClientCore::ClientCore(Segment mapped, ClientClaim claim, WaitMode mode)
    : segment(std::move(mapped)),
      endpoint(segment, claim),
      symbols(segment.symbols()),
      blocks(segment, static_cast<std::uint32_t>(endpoint.id().endpoint())),
      tracer(segment, endpoint),
      sender(segment, endpoint, blocks, tracer),
      calls(segment, endpoint, tracer),
      emitter(segment, endpoint, blocks, tracer),
      events(segment, endpoint),
      waiter(segment, endpoint.bell(), mode, [this] { tidy(); }),
      rates(segment, Rates::Holder::client),
      breakers(segment) {
}

Result<> ClientCore::open() {
  if (const Result<> opened = tracer.open(); !opened) return opened;
  if (const Result<> opened = calls.open(); !opened) return opened;
  return emitter.open();
}

tl::unexpected<Error> ClientCore::refuse(Error error) const {
  endpoint.count_refused();
  return fail(error);
}

Result<Symbol> ClientCore::intern(std::string_view name) {
  const Result<Symbol> symbol = symbols.intern(name);
  if (!symbol) return refuse(symbol.error());
  return symbol;
}

Result<> ClientCore::send(const Outgoing& message, std::int64_t until_ns) {
  tidy_sometimes();
  for (;;) {
    if (waiter.is_gone()) return refuse({Errc::not_running});
    const Result<> sent = sender.try_send(message);
    if (sent) return sent;
    if (sent.error().code != Errc::backpressure || until_ns == 0) return refuse(sent.error());
    const Waited waited = waiter.until(until_ns, ClientWaiter::kUnrung, [&] {
      if (sender.has_room(message)) return true;
      emitter.hurry_blocks();
      return false;
    });
    if (waited != Waited::done) return refuse({error_of(waited, Errc::backpressure)});
  }
}

Result<ClientReply> ClientCore::ask(const Outgoing& question, std::chrono::nanoseconds timeout) {
  if (timeout.count() <= 0) return fail(Errc::timed_out);
  const std::int64_t deadline_ns = deadline_after(timeout);
  const Result<std::uint64_t> asked = begin_asking(question, deadline_ns, deadline_ns);
  if (!asked) return fail(asked.error());
  const Waited waited = waiter.until(deadline_ns, ClientWaiter::kSlice, [&] {
    calls.poll(question.target());
    return calls.is_answered(*asked);
  });
  if (waited == Waited::done) return calls.take(*asked);
  if (waited == Waited::gone) {
    calls.abandon(*asked);
    return fail(Errc::not_running);
  }
  give_up(*asked, question.target());
  return fail(Errc::timed_out);
}

Result<> ClientCore::may_call(AgentId agent) {
  if (const Result<> may = breakers.ask(static_cast<std::uint32_t>(agent.endpoint())); !may) {
    return may;
  }
  return rates.take(RateKind::action_execution, 1, [&] { return segment.type_of(agent); });
}

void ClientCore::give_up(std::uint64_t correlation, std::uint32_t shard) {
  calls.abandon(correlation);
  breakers.note_silence(shard);
}

Result<std::uint64_t> ClientCore::begin_asking(Outgoing question, std::int64_t deadline_ns,
                                               std::int64_t until_ns) {
  const std::uint32_t shard = question.target();
  if (!segment.is_shard(shard)) return refuse({Errc::not_found});
  if (!calls.has_credit(shard)) return refuse({Errc::backpressure});
  if (question.kind == Kind::request) {
    if (const Result<> may = may_call(AgentId{question.header.target}); !may) {
      return refuse(may.error());
    }
  }
  const std::uint64_t correlation = calls.begin(question.kind, shard);
  question.header.correlation = correlation;
  question.header.deadline_ns = deadline_ns;
  if (const Result<> sent = send(question, until_ns); !sent) {
    calls.forget(correlation);
    const bool has_waited = until_ns != 0 && sent.error().code == Errc::backpressure;
    if (has_waited) breakers.note_silence(shard);
    return fail(sent.error());
  }
  return correlation;
}

Result<> ClientCore::emit(Symbol topic, const PayloadRef& payload, std::int64_t until_ns) {
  tidy_sometimes();
  if (const Result<> may = rates.take(RateKind::event_emission); !may) return refuse(may.error());
  for (;;) {
    if (waiter.is_gone()) return refuse({Errc::not_running});
    const Result<> emitted = emitter.try_emit(topic, payload);
    if (emitted) return emitted;
    const bool may_wait =
        emitted.error().code == Errc::backpressure && until_ns != 0 && !emitter.is_held_by_itself();
    if (!may_wait) return refuse(emitted.error());
    const Room room = emitter.room_of(payload.bytes().size());
    const Waited waited =
        waiter.until(until_ns, ClientWaiter::kUnrung, [&] { return emitter.make_room(room); });
    if (waited != Waited::done) return refuse({error_of(waited, Errc::backpressure)});
  }
}

void ClientCore::tidy() {
  calls.poll_all();
  std::vector<AgentId>& orphans = calls.orphans();
  while (!orphans.empty()) {
    // One by one: nobody looks at the answers, so none may be for several and ask for some again.
    Outgoing stop{Kind::stop, Priority::normal, {}, {}};
    stop.header.target = orphans.back().value();
    const Result<> sent = sender.try_send(stop);
    if (!sent && sent.error().code == Errc::backpressure) return;  // at the next occasion
    orphans.pop_back();
  }
}

}  // namespace mabeam::shm
