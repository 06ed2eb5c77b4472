#include "shm/client_batch.hpp"

#include <algorithm>
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
    const auto slice = waits_for_room() ? ClientWaiter::kUnrung : ClientWaiter::kSlice;
    const Waited waited = core_.waiter.until(deadline_ns, slice, [this] { return has_progress(); });
    collect(on_answer);
    if (waited != Waited::done) return give_up({error_of(waited, Errc::timed_out)}, on_answer);
  }
}

// What fits is published at once. What cannot be sent at all ends the batch, and nothing claimed
// for it is left.
Result<> ClientBatch::send_what_fits() {
  if (core_.waiter.is_gone()) return core_.refuse({Errc::not_running});
  now_ns_ = monotonic_ns();
  for (std::uint32_t shard = 0; shard < queues_.size(); ++shard) {
    if (const Result<> sent = send_to(shard); !sent) {
      core_.sender.discard();
      return sent;
    }
  }
  core_.sender.publish();
  return {};
}

Result<> ClientBatch::send_to(std::uint32_t shard) {
  Queue& queue = queues_[shard];
  queue.is_full = false;
  if (is_atomic_ && !(has_credit_for_all(shard) && has_room_for_all(shard))) return {};
  while (queue.next < queue.numbers.size()) {
    const std::size_t number = queue.numbers[queue.next];
    const std::uint32_t rooms = asked_[number].question.rooms;
    if (!core_.calls.has_credit(Segment::endpoint_of_shard(shard), rooms)) break;
    const Result<bool> sent = send_one(number);
    if (!sent) return fail(sent.error());
    if (!*sent) {
      queue.is_full = true;
      if (is_atomic_) take_back(shard);
      break;
    }
    ++queue.next;
    --unsent_;
  }
  return {};
}

bool ClientBatch::has_credit_for_all(std::uint32_t shard) const {
  std::uint32_t rooms = 0;
  for (const std::size_t number : queues_[shard].numbers)
    rooms += asked_[number].question.rooms;
  return core_.calls.has_credit(Segment::endpoint_of_shard(shard), rooms);
}

bool ClientBatch::has_room_for_all(std::uint32_t shard) {
  Room room;
  for (const std::size_t number : queues_[shard].numbers)
    room += room_of(asked_[number].question);
  return core_.sender.has_room_for(Segment::endpoint_of_shard(shard), form_.priority, room);
}

Room ClientBatch::room_of(const Question& question) const {
  return core_.sender.room_of(form_.kind, form_.priority, question.payload.size());
}

// Nothing of an atomic batch is sent to a shard before all of it is.
void ClientBatch::take_back(std::uint32_t shard) {
  Queue& queue = queues_[shard];
  for (; queue.next != 0; --queue.next, ++unsent_)
    core_.calls.forget(std::exchange(asked_[queue.numbers[queue.next - 1]].correlation, 0));
  in_flight_ -= std::exchange(queue.in_flight, 0);
  core_.sender.discard(Segment::endpoint_of_shard(shard), form_.priority);
}

Result<bool> ClientBatch::send_one(std::size_t number) {
  Asked& asked = asked_[number];
  const Question& question = asked.question;
  Outgoing message = form_;
  message.header.target = question.target.value();
  message.payload = question.payload;
  if (question.symbol != Symbol::none) {
    message.header.symbol = question.symbol;
    message.header.content = static_cast<std::uint32_t>(question.content);
  }
  asked.correlation =
      core_.calls.begin(message.kind, message.target(), {question.rooms, &inbox_, number});
  message.header.correlation = asked.correlation;
  const Result<> sent = core_.sender.claim(message, now_ns_);
  if (sent) {
    ++queue_of(question.target).in_flight;
    ++in_flight_;
    return true;
  }
  core_.calls.forget(std::exchange(asked.correlation, 0));
  if (sent.error().code != Errc::backpressure) return core_.refuse(sent.error());
  return false;
}

// A shard that has been sent nothing is polled, too: the answers to other calls of the client may
// hold the credit that this batch waits for.
bool ClientBatch::has_progress() {
  for (std::uint32_t shard = 0; shard < queues_.size(); ++shard) {
    const Queue& queue = queues_[shard];
    const bool is_unsent = queue.next < queue.numbers.size();
    if (queue.in_flight != 0 || is_unsent) core_.calls.poll(Segment::endpoint_of_shard(shard));
    if (is_unsent && may_send(shard)) return true;
  }
  return !inbox_.empty();
}

// Nobody rings for room.
bool ClientBatch::waits_for_room() const {
  return std::any_of(queues_.begin(), queues_.end(), [this](const Queue& queue) {
    return queue.next < queue.numbers.size() && (is_atomic_ || queue.is_full);
  });
}

bool ClientBatch::may_send(std::uint32_t shard) {
  if (is_atomic_) return has_credit_for_all(shard) && has_room_for_all(shard);
  const Queue& queue = queues_[shard];
  const Question& next = asked_[queue.numbers[queue.next]].question;
  const std::uint32_t endpoint = Segment::endpoint_of_shard(shard);
  if (!core_.calls.has_credit(endpoint, next.rooms)) return false;
  return !queue.is_full || core_.sender.has_room_for(endpoint, form_.priority, room_of(next));
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
}

void ClientBatch::abandon_all() {
  for (Asked& asked : asked_) {
    if (asked.correlation != 0) core_.calls.abandon(std::exchange(asked.correlation, 0));
  }
  in_flight_ = 0;
}

// One for each call that was sent, or that has waited for room all the time.
void ClientBatch::note_silence() {
  for (const Asked& asked : asked_) {
    if (asked.is_answered) continue;
    core_.breakers.note_silence(static_cast<std::uint32_t>(asked.question.target.endpoint()));
  }
}

Result<> ClientBatch::give_up(Error error, const OnAnswer& on_answer) {
  if (error.code == Errc::timed_out) note_silence();
  abandon_all();
  for (std::size_t number = 0; number < asked_.size(); ++number) {
    if (std::exchange(asked_[number].is_answered, true)) continue;
    Result<ClientReply> answer = fail(error);
    (void)on_answer(number, answer);
  }
  return fail(error);
}

}  // namespace mabeam::shm
