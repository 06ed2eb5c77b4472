#include "shm/client_batch.hpp"

#include <algorithm>

namespace mabeam::shm {

ClientBatch::ClientBatch(ClientCore& core, const Outgoing& question)
    : core_(core),
      question_(question),
      queues_(core.segment.dimensions().shards) {
}

void ClientBatch::add(AgentId target) {
  const auto shard = static_cast<std::uint32_t>(target.endpoint());
  if (!core_.segment.is_shard(shard)) return;
  queues_[shard - 1].targets.push_back(target);
  ++unsent_;
}

Result<> ClientBatch::run(std::int64_t deadline_ns, const OnAnswer& on_answer) {
  question_.header.deadline_ns = deadline_ns;
  for (;;) {
    if (unsent_ != 0) {
      if (const Result<> sent = send_what_fits(); !sent) return give_up(sent.error());
    }
    if (in_flight_.empty() && unsent_ == 0) return {};
    const auto slice = blocked_ ? ClientWaiter::kUnrung : ClientWaiter::kSlice;
    const Waited waited = core_.waiter.until(deadline_ns, slice, [this] { return has_progress(); });
    collect(on_answer);
    if (waited != Waited::done) return give_up({error_of(waited, Errc::timed_out)});
  }
}

Result<> ClientBatch::send_what_fits() {
  if (core_.waiter.is_gone()) return fail(Errc::not_running);
  blocked_.reset();
  for (std::uint32_t shard = 0; shard < queues_.size(); ++shard) {
    Queue& queue = queues_[shard];
    while (queue.next < queue.targets.size() &&
           core_.calls.has_credit(Segment::endpoint_of_shard(shard))) {
      const Result<bool> sent = send_one(queue.targets[queue.next]);
      if (!sent) return fail(sent.error());
      if (!*sent) break;
      ++queue.next;
      --unsent_;
    }
  }
  return {};
}

Result<bool> ClientBatch::send_one(AgentId target) {
  Outgoing message = question_;
  message.header.target = target.value();
  message.header.correlation = core_.calls.begin(message.kind, message.target());
  const Result<> sent = core_.sender.try_send(message);
  if (sent) {
    in_flight_.push_back({message.header.correlation, target});
    return true;
  }
  core_.calls.forget(message.header.correlation);
  if (sent.error().code != Errc::backpressure) return core_.refuse(sent.error());
  blocked_ = message;
  return false;
}

bool ClientBatch::has_progress() {
  for (std::uint32_t shard = 0; shard < queues_.size(); ++shard) {
    if (queues_[shard].next != 0) core_.calls.poll(Segment::endpoint_of_shard(shard));
  }
  if (blocked_ && core_.sender.has_room(*blocked_)) return true;
  return std::any_of(in_flight_.begin(), in_flight_.end(), [this](const InFlight& call) {
    return core_.calls.is_answered(call.correlation);
  });
}

void ClientBatch::collect(const OnAnswer& on_answer) {
  for (std::size_t i = 0; i < in_flight_.size();) {
    const InFlight call = in_flight_[i];
    if (!core_.calls.is_answered(call.correlation)) {
      ++i;
      continue;
    }
    in_flight_[i] = in_flight_.back();
    in_flight_.pop_back();
    if (on_answer(call.target, core_.calls.take(call.correlation))) continue;
    for (Queue& queue : queues_)
      queue.targets.resize(queue.next);
    unsent_ = 0;
    blocked_.reset();
  }
}

Result<> ClientBatch::give_up(Error error) {
  for (const InFlight& call : in_flight_)
    core_.calls.abandon(call.correlation);
  in_flight_.clear();
  return fail(error);
}

}  // namespace mabeam::shm
