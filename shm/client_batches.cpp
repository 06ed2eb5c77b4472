// Batches of a client: claimed together, published and announced once for each ring.
#include "shm/client_batch.hpp"
#include "shm/client_impl.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace mabeam {

using shm::ClientWaiter;
using shm::Kind;
using shm::Outgoing;
using shm::Waited;

namespace {

using Results = std::vector<Result<>>;

// ---- events ----------------------------------------------------------------------------------

/// All events of one batch go into one log.
class Emission {
 public:
  Emission(shm::ClientCore& core, std::span<const EventItem> events, const BatchOptions& options)
      : core_(core),
        events_(events),
        until_ns_(shm::end_of_wait(options.wait)),
        results_(events.size()) {}

  Results run(Atomic atomic) {
    core_.tidy_sometimes();
    if (core_.waiter.is_gone()) {
      refuse_from(0, {Errc::not_running});
    } else if (atomic == Atomic::yes) {
      emit_at_once();
    } else {
      emit_what_fits();
    }
    core_.emitter.publish();
    return std::move(results_);
  }

 private:
  Result<> take_rate(std::size_t count) {
    return core_.rates.take(shm::RateKind::event_emission, count);
  }

  void emit_what_fits() {
    for (std::size_t i = 0; i < events_.size(); ++i) {
      Result<> claimed = take_rate(1);
      if (claimed) claimed = core_.emitter.claim(events_[i].topic, events_[i].payload);
      while (!claimed && claimed.error().code == Errc::backpressure) {
        core_.emitter.publish();  // its readers have to make room
        if (!waits_for(room_of(events_[i]))) return refuse_from(i, {why_});
        claimed = core_.emitter.claim(events_[i].topic, events_[i].payload);
      }
      if (!claimed) results_[i] = core_.refuse(claimed.error());
      if (core_.emitter.has_claimed_much()) core_.emitter.publish();
    }
  }

  void emit_at_once() {
    shm::Room room;
    for (const EventItem& event : events_)
      room += room_of(event);
    if (core_.emitter.is_too_much(room)) return refuse_from(0, {Errc::message_too_large});
    if (const Result<> may = take_rate(events_.size()); !may) return refuse_from(0, may.error());
    for (Result<> claimed = claim_all(); !claimed; claimed = claim_all()) {
      core_.emitter.discard();
      if (claimed.error().code != Errc::backpressure) return refuse_from(0, claimed.error());
      if (!waits_for(room)) return refuse_from(0, {why_});
    }
  }

  [[nodiscard]] shm::Room room_of(const EventItem& event) const {
    return core_.emitter.room_of(event.payload.bytes().size());
  }

  Result<> claim_all() {
    for (const EventItem& event : events_) {
      const Result<> claimed = core_.emitter.claim(event.topic, event.payload);
      if (!claimed) return claimed;
    }
    return {};
  }

  bool waits_for(const shm::Room& room) {
    why_ = Errc::backpressure;
    if (until_ns_ == 0 || core_.emitter.is_held_by_itself()) return false;
    const Waited waited = core_.waiter.until(until_ns_, ClientWaiter::kUnrung,
                                             [&] { return core_.emitter.make_room(room); });
    why_ = error_of(waited, Errc::backpressure);
    return waited == Waited::done;
  }

  void refuse_from(std::size_t first, Error error) {
    for (std::size_t i = first; i < results_.size(); ++i)
      results_[i] = core_.refuse(error);
  }

  shm::ClientCore& core_;
  std::span<const EventItem> events_;
  std::int64_t until_ns_;
  Results results_;
  Errc why_{};
};

// ---- signals ---------------------------------------------------------------------------------

class Sending {
 public:
  Sending(shm::ClientCore& core, std::span<const SignalItem> signals, const BatchOptions& options)
      : core_(core),
        signals_(signals),
        options_(options),
        until_ns_(shm::end_of_wait(options.wait)),
        deadline_ns_(shm::end_of_wait(options.deadline)),
        results_(signals.size()),
        closed_(shm::kMaxEndpoints) {}

  Results run() {
    core_.tidy_sometimes();
    if (core_.waiter.is_gone()) {
      for (Result<>& result : results_)
        result = core_.refuse({Errc::not_running});
    } else if (options_.atomic == Atomic::yes) {
      send_by_ring();
    } else {
      for (std::size_t i = 0; i < signals_.size(); ++i)
        results_[i] = send_one(i);
    }
    core_.sender.publish();
    return std::move(results_);
  }

 private:
  [[nodiscard]] std::uint32_t shard_of(std::size_t i) const {
    return static_cast<std::uint32_t>(signals_[i].agent.endpoint());
  }

  [[nodiscard]] Outgoing message(std::size_t i) const {
    const SignalItem& item = signals_[i];
    Outgoing message{Kind::signal, options_.priority, {}, item.payload.bytes()};
    message.header.symbol = item.signal;
    message.header.content = static_cast<std::uint32_t>(item.payload.content());
    message.header.target = item.agent.value();
    message.header.deadline_ns = deadline_ns_;
    return message;
  }

  Result<> claim(std::size_t i) {
    if (!core_.is_agent(signals_[i].agent)) return fail(Errc::not_found);
    return core_.sender.claim(message(i), now_ns_);
  }

  [[nodiscard]] shm::Room room_of(std::size_t i) const {
    return core_.sender.room_of(Kind::signal, options_.priority,
                                signals_[i].payload.bytes().size());
  }

  Result<> send_one(std::size_t i) {
    if (closed_[shard_of(i)]) return core_.refuse({Errc::backpressure});
    Result<> claimed = claim(i);
    while (!claimed && claimed.error().code == Errc::backpressure) {
      core_.sender.publish();  // who waits for room must not be waited for
      if (!waits(shard_of(i), room_of(i))) {
        closed_[shard_of(i)] = true;
        return core_.refuse({why_});
      }
      claimed = claim(i);
    }
    if (!claimed) return core_.refuse(claimed.error());
    return claimed;
  }

  void send_by_ring() {
    std::vector<std::size_t> order(signals_.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [this](std::size_t a, std::size_t b) { return shard_of(a) < shard_of(b); });
    for (std::size_t first = 0; first < order.size();) {
      std::size_t last = first;
      while (last < order.size() && shard_of(order[last]) == shard_of(order[first]))
        ++last;
      const std::span ring{order.data() + first, last - first};
      const Result<> sent = send_at_once(ring);
      for (const std::size_t i : ring)
        if (!sent) results_[i] = core_.refuse(sent.error());
      first = last;
    }
  }

  Result<> send_at_once(std::span<const std::size_t> ring) {
    const std::uint32_t shard = shard_of(ring.front());
    shm::Room room;
    for (const std::size_t i : ring)
      room += room_of(i);
    for (;;) {
      const bool has_room = core_.sender.has_room_for(shard, options_.priority, room);
      const Result<> claimed = claim_all(ring);
      if (claimed) return claimed;
      core_.sender.discard(shard, options_.priority);
      if (claimed.error().code != Errc::backpressure) return claimed;
      if (has_room) return fail(Errc::message_too_large);  // than an empty ring
      core_.sender.publish();
      if (!waits(shard, room)) return fail(why_);
    }
  }

  Result<> claim_all(std::span<const std::size_t> ring) {
    for (const std::size_t i : ring) {
      const Result<> claimed = claim(i);
      if (!claimed) return claimed;
    }
    return {};
  }

  bool waits(std::uint32_t shard, const shm::Room& room) {
    why_ = Errc::backpressure;
    if (until_ns_ == 0) return false;
    const Waited waited = core_.waiter.until(until_ns_, ClientWaiter::kUnrung, [&] {
      return core_.sender.has_room_for(shard, options_.priority, room);
    });
    why_ = error_of(waited, Errc::backpressure);
    now_ns_ = shm::monotonic_ns();
    return waited == Waited::done;
  }

  shm::ClientCore& core_;
  std::span<const SignalItem> signals_;
  const BatchOptions& options_;
  std::int64_t until_ns_;
  std::int64_t deadline_ns_;
  std::int64_t now_ns_ = shm::monotonic_ns();
  Results results_;
  std::vector<bool> closed_;  // by shard: an earlier one found its ring full
  Errc why_{};
};

}  // namespace

Results Client::emit_batch(std::span<const EventItem> events, const BatchOptions& options) {
  return Emission{*impl_, events, options}.run(options.atomic);
}

Results Client::send_batch(std::span<const SignalItem> signals, const BatchOptions& options) {
  return Sending{*impl_, signals, options}.run();
}

// ---- calls -----------------------------------------------------------------------------------

namespace {

/// Why the calls to each shard cannot be sent together, or at all; by endpoint.
std::vector<Result<>> refusals_by_shard(shm::ClientCore& core, std::span<const CallItem> calls,
                                        const std::function<Result<>(const CallItem&)>& check) {
  std::vector<Result<>> refusals(shm::kMaxEndpoints);
  std::vector<std::uint32_t> counts(shm::kMaxEndpoints);
  std::vector<shm::Room> rooms(shm::kMaxEndpoints);
  for (const CallItem& call : calls) {
    const auto shard = static_cast<std::size_t>(call.agent.endpoint());
    Result<> checked = check(call);
    rooms[shard] +=
        core.sender.room_of(Kind::request, Priority::normal, call.payload.bytes().size());
    const bool is_too_much = ++counts[shard] > core.calls.credits() ||
                             core.sender.is_too_much(Priority::normal, rooms[shard]);
    if (checked && is_too_much) checked = fail(Errc::message_too_large);
    if (refusals[shard] && !checked) refusals[shard] = checked;
  }
  for (std::uint32_t shard = 0; shard < refusals.size(); ++shard) {
    if (counts[shard] != 0 && refusals[shard]) refusals[shard] = core.breakers.ask(shard);
  }
  return refusals;
}

}  // namespace

std::vector<Result<ClientReply>> Client::call_batch(std::span<const CallItem> calls,
                                                    std::chrono::nanoseconds timeout,
                                                    Atomic atomic) {
  impl_->tidy();
  const std::int64_t deadline_ns = shm::deadline_after(timeout);
  std::vector<Result<ClientReply>> answers(calls.size());
  const auto check = [this](const CallItem& call) -> Result<> {
    if (!impl_->is_agent(call.agent)) return fail(Errc::not_found);
    const std::size_t most = impl_->sender.max_payload(Priority::normal);
    if (call.payload.bytes().size() > most) return fail(Errc::payload_too_large);
    return {};
  };
  std::vector<Result<>> refusals(shm::kMaxEndpoints);
  if (atomic == Atomic::yes) refusals = refusals_by_shard(*impl_, calls, check);
  shm::ClientBatch batch{*impl_, {Kind::request, Priority::normal, {}, {}}};
  if (atomic == Atomic::yes) batch.make_atomic();
  Result<> all_may;
  if (atomic == Atomic::yes) {
    const auto type_of = [&](std::size_t i) { return impl_->segment.type_of(calls[i].agent); };
    all_may = impl_->rates.take_all(shm::RateKind::action_execution, calls.size(), type_of);
  }
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const CallItem& call = calls[i];
    Result<> may = refusals[static_cast<std::size_t>(call.agent.endpoint())];
    if (may) may = check(call);
    if (may) may = atomic == Atomic::yes ? all_may : impl_->may_call(call.agent);
    if (!may) {
      answers[i] = impl_->refuse(may.error());
      continue;
    }
    asked.push_back(i);
    batch.add({call.agent, call.payload.bytes(), 1, call.action, call.payload.content()});
  }
  // What is not answered is told to each question, too.
  (void)batch.run(deadline_ns, [&](std::size_t number, Result<ClientReply>& answer) {
    answers[asked[number]] = std::move(answer);
    return true;
  });
  return answers;
}

}  // namespace mabeam
