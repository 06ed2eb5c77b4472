#include "shm/client_calls.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

namespace mabeam::shm {
namespace {

constexpr std::size_t kFirstCalls = 256;   // a power of two
constexpr std::uint32_t kPollLimit = 256;  // records a look at a ring

std::uint64_t random_start() {
  std::random_device random;
  return std::uint64_t{random()} << 32U | random();
}

}  // namespace

ClientCalls::ClientCalls(const Segment& segment, const ClientEndpoint& endpoint,
                         ClientTracer& tracer)
    : segment_(segment),
      endpoint_(endpoint),
      tracer_(tracer),
      breakers_(segment),
      rings_(segment.dimensions().shards),
      outstanding_(segment.dimensions().shards),
      calls_(kFirstCalls),
      next_correlation_(random_start()),
      credits_(static_cast<std::uint32_t>(std::min<std::uint64_t>(
          kMostPerShard, segment.dimensions().ring_bytes[static_cast<std::size_t>(Priority::high)] /
                             kReplyRoom))) {
}

Result<> ClientCalls::open() {
  for (std::uint32_t shard = 0; shard < rings_.size(); ++shard) {
    for (std::uint32_t p = 0; p < kPriorities; ++p) {
      const auto ring = RingConsumer::open(segment_.ring(
          Segment::endpoint_of_shard(shard), endpoint_.index(), static_cast<Priority>(p)));
      if (!ring) return fail(ring.error());
      rings_[shard][p] = *ring;
    }
  }
  return {};
}

bool ClientCalls::has_credit(std::uint32_t shard, std::uint32_t rooms) const {
  return outstanding_[shard - 1] + rooms <= credits_;
}

ClientCalls::Call* ClientCalls::find(std::uint64_t correlation) {
  Call& call = calls_[correlation & (calls_.size() - 1)];
  return call.state != State::free && call.correlation == correlation ? &call : nullptr;
}

const ClientCalls::Call* ClientCalls::find(std::uint64_t correlation) const {
  const Call& call = calls_[correlation & (calls_.size() - 1)];
  return call.state != State::free && call.correlation == correlation ? &call : nullptr;
}

// Numbers that differ modulo a size differ modulo its double, so every call finds its new place
// free.
void ClientCalls::grow() {
  std::vector<Call> more(calls_.size() * 2);
  for (Call& call : calls_) {
    if (call.state != State::free) more[call.correlation & (more.size() - 1)] = std::move(call);
  }
  calls_ = std::move(more);
}

Errc ClientCalls::refusal_of(std::uint16_t code) {
  const auto named = static_cast<Errc>(code);
  return code_name(named) == "unknown" ? Errc::corrupt : named;
}

std::uint64_t ClientCalls::begin(Kind kind, std::uint32_t shard, const Entry& entry) {
  for (std::size_t tries = 0;; ++tries) {
    if (tries == calls_.size()) {
      grow();
      tries = 0;
    }
    const std::uint64_t correlation = ++next_correlation_;
    Call& call = calls_[correlation & (calls_.size() - 1)];
    // An abandoned call gives way once the table has gone round: it was remembered long enough.
    const bool is_free = call.state == State::free || call.state == State::abandoned;
    if (correlation == 0 || !is_free) continue;
    call = {correlation, shard, kind, State::waiting, Errc{}, entry, {}};
    outstanding_[shard - 1] += entry.rooms;
    return correlation;
  }
}

void ClientCalls::release(Call& call) {
  if (call.state == State::waiting) outstanding_[call.shard - 1] -= call.entry.rooms;
  call.state = State::free;
}

void ClientCalls::forget(std::uint64_t correlation) {
  tracer_.answered(correlation, Errc::timed_out);
  if (Call* call = find(correlation)) release(*call);
}

void ClientCalls::abandon(std::uint64_t correlation) {
  tracer_.answered(correlation, Errc::timed_out);
  Call* call = find(correlation);
  if (call == nullptr) return;
  release(*call);
  if (call->kind == Kind::create) call->state = State::abandoned;
}

bool ClientCalls::is_answered(std::uint64_t correlation) const {
  const Call* call = find(correlation);
  return call != nullptr && call->state == State::answered;
}

Result<ClientReply> ClientCalls::take(std::uint64_t correlation) {
  Call* call = find(correlation);
  if (call == nullptr || call->state != State::answered) return fail(Errc::timed_out);
  release(*call);
  if (call->refusal != Errc{}) return fail(call->refusal);
  return std::exchange(call->reply, {});
}

void ClientCalls::poll(std::uint32_t shard) {
  poll_ring(shard, static_cast<std::uint32_t>(Priority::high));
}

void ClientCalls::poll_all() {
  for (std::uint32_t shard = 0; shard < rings_.size(); ++shard) {
    for (std::uint32_t p = 0; p < kPriorities; ++p)
      poll_ring(Segment::endpoint_of_shard(shard), p);
  }
}

void ClientCalls::poll_ring(std::uint32_t shard, std::uint32_t priority) {
  RingConsumer& ring = rings_[shard - 1][priority];
  const Result<std::uint32_t> polled =
      ring.poll([&](const Record& record) { receive(shard, priority, record); }, kPollLimit);
  if (polled) return;
  ring.skip_all();
  ring.release();
  endpoint_.count_refused();
}

// A reply whose payload cannot be found is answered as damage, not waited for until the deadline.
void ClientCalls::receive(std::uint32_t shard, std::uint32_t priority, const Record& record) {
  std::optional<Received> message = parse(record);
  const BlockUse use{ring_path(endpoint_.index(), priority), record.end};
  if (message && !find_payload(segment_.blocks(shard), use, *message)) {
    message->payload = {};
    message->flags = static_cast<std::uint16_t>(Errc::corrupt);
  }
  const bool is_ours =
      message && message->kind == Kind::reply && message->header.target == endpoint_.id().value();
  if (is_ours && deliver(shard, *message)) {
    endpoint_.count_delivered();
  } else {
    endpoint_.count_refused();
  }
}

bool ClientCalls::deliver(std::uint32_t shard, const Received& reply) {
  Call* call = find(reply.header.correlation);
  if (call == nullptr || call->shard != shard || call->state == State::answered) return false;
  breakers_.note_answer(shard, reply.header.sent_ns);
  if (call->state == State::abandoned) {
    call->state = State::free;
    if (reply.flags != 0) return false;
    const auto made = created_agents(segment_, shard, reply.payload);
    if (made) orphans_.insert(orphans_.end(), made->begin(), made->end());
    return false;
  }
  outstanding_[shard - 1] -= call->entry.rooms;
  call->state = State::answered;
  call->refusal = refusal_of(reply.flags);
  tracer_.answered(call->correlation, reply.flags == 0 ? Errc{} : call->refusal);
  call->reply.bytes.assign(reply.payload.begin(), reply.payload.end());
  call->reply.content = static_cast<Content>(reply.header.content);
  if (call->entry.inbox != nullptr) {
    call->entry.inbox->push_back({call->correlation, call->entry.number});
  }
  return true;
}

Result<std::vector<AgentId>> created_agents(const Segment& segment, std::uint32_t shard,
                                            std::span<const std::byte> ids) {
  const std::size_t count = ids.size() / sizeof(std::uint64_t);
  if (count == 0 || count > kMostInOneMessage || ids.size() % sizeof(std::uint64_t) != 0) {
    return fail(Errc::corrupt);
  }
  std::vector<AgentId> agents(count);
  std::memcpy(agents.data(), ids.data(), ids.size());
  const bool are_there = std::all_of(agents.begin(), agents.end(), [&](AgentId agent) {
    return static_cast<std::uint32_t>(agent.endpoint()) == shard &&
           agent.slot() < segment.dimensions().agents_per_shard;
  });
  if (!are_there) return fail(Errc::corrupt);
  return agents;
}

}  // namespace mabeam::shm
