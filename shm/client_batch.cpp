#include "shm/client_batch.hpp"

#include <utility>

namespace mabeam::shm {

ClientBatch::ClientBatch(ClientCore& core, const Outgoing& form)
    : core_(core),
      form_(form),
      queues_(core.segment.dimensions().shards) {
}

ClientBatch::~ClientBatch() {
  abandon_all();
}

void ClientBatch::add(const Question& question) {
  queue_of(question.target).numbers.push_back(asked_.size());
  asked_.push_back({question});
  ++unsent_;
}

Result<> ClientBatch::run(std::int64_t deadline_ns, const OnAnswer& on_answer) {
  form_.header.deadline_ns = deadline_ns;
  for (;;) {
    if (unsent_ != 0) {
      if (const Result<> sent = send_what_fits(); !sent) return give_up(sent.error(), on_answer);
    }
    if (in_flight_ == 0 && unsent_ == 0) return {};
    const auto slice = blocked_ ? ClientWaiter::kUnrung : ClientWaiter::kSlice;
    const Waited waited = core_.waiter.until(deadline_ns, slice, [this] { return has_progress(); });
    collect(on_answer);
    if (waited != Waited::done) return give_up({error_of(waited, Errc::timed_out)}, on_answer);
  }
}

Result<> ClientBatch::send_what_fits() {
  if (core_.waiter.is_gone()) return core_.refuse({Errc::not_running});
  blocked_.reset();
  for (std::uint32_t shard = 0; shard < queues_.size(); ++shard) {
    Queue& queue = queues_[shard];
    while (queue.next < queue.numbers.size()) {
      const std::size_t number = queue.numbers[queue.next];
      const std::uint32_t rooms = asked_[number].question.rooms;
      if (!core_.calls.has_credit(Segment::endpoint_of_shard(shard), rooms)) break;
      const Result<bool> sent = send_one(number);
      if (!sent) return fail(sent.error());
      if (!*sent) break;
      ++queue.next;
      --unsent_;
    }
  }
  return {};
}

Result<bool> ClientBatch::send_one(std::size_t number) {
  Asked& asked = asked_[number];
  Outgoing message = form_;
  message.header.target = asked.question.target.value();
  message.payload = asked.question.payload;
  asked.correlation =
      core_.calls.begin(message.kind, message.target(), {asked.question.rooms, &inbox_, number});
  message.header.correlation = asked.correlation;
  const Result<> sent = core_.sender.try_send(message);
  if (sent) {
    ++queue_of(asked.question.target).in_flight;
    ++in_flight_;
    return true;
  }
  core_.calls.forget(std::exchange(asked.correlation, 0));
  if (sent.error().code != Errc::backpressure) return core_.refuse(sent.error());
  blocked_ = message;
  return false;
}

bool ClientBatch::has_progress() {
  for (std::uint32_t shard = 0; shard < queues_.size(); ++shard) {
    if (queues_[shard].in_flight != 0) core_.calls.poll(Segment::endpoint_of_shard(shard));
  }
  return !inbox_.empty() || (blocked_ && core_.sender.has_room(*blocked_));
}

void ClientBatch::collect(const OnAnswer& on_answer) {
  const ClientCalls::Inbox arrived = std::exchange(inbox_, {});
  for (const ClientCalls::Arrival& arrival : arrived) {
    Asked& asked = asked_[arrival.number];
    asked.correlation = 0;
    asked.is_answered = true;
    --queue_of(asked.question.target).in_flight;
    --in_flight_;
    Result<ClientReply> answer = core_.calls.take(arrival.correlation);
    if (!on_answer(arrival.number, answer)) drop_unsent();
  }
}

void ClientBatch::drop_unsent() {
  for (Queue& queue : queues_) {
    for (std::size_t i = queue.next; i < queue.numbers.size(); ++i)
      asked_[queue.numbers[i]].is_answered = true;  // as good as
    queue.numbers.resize(queue.next);
  }
  unsent_ = 0;
  blocked_.reset();
}

void ClientBatch::abandon_all() {
  for (Asked& asked : asked_) {
    if (asked.correlation != 0) core_.calls.abandon(std::exchange(asked.correlation, 0));
  }
  in_flight_ = 0;
}

Result<> ClientBatch::give_up(Error error, const OnAnswer& on_answer) {
  abandon_all();
  for (std::size_t number = 0; number < asked_.size(); ++number) {
    if (std::exchange(asked_[number].is_answered, true)) continue;
    Result<ClientReply> answer = fail(error);
    (void)on_answer(number, answer);
  }
  return fail(error);
}

}  // namespace mabeam::shm
