// The outside of a TestShard: what is put into its rings, and what is read from where its agents
// send and emit.
#include "shm/doorbell.hpp"
#include "shm/letters.hpp"
#include "worker/testing/test_shard_impl.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace mabeam::testing {

using shm::Kind;
using shm::Received;

namespace {

/// What an agent has said, and not what its calls made of it.
bool is_sent(Kind kind) {
  return kind != Kind::reply && kind != Kind::cancel;
}

constexpr std::uint32_t kShard = 1;  // its endpoint
constexpr std::uint32_t kFirstSender = 2;

[[noreturn]] void refuse(std::string_view what, Error error) {
  throw std::runtime_error("TestShard: " + std::string{what} + ": " + describe(error));
}

}  // namespace

AgentId TestShard::Impl::sender_id(std::uint32_t sender) {
  return {static_cast<EndpointId>(kFirstSender + sender), AgentId::kClientSlot, 0};
}

void TestShard::Impl::publish(std::uint32_t sender, const Posted& message) const {
  const std::uint32_t from = kFirstSender + sender;
  auto ring = shm::RingProducer::open(segment.ring(from, kShard, message.priority)).value();
  const auto bytes = static_cast<std::uint32_t>(sizeof message.header + message.payload.size());
  const auto room = ring.claim(bytes, static_cast<std::uint16_t>(message.kind));
  if (!room) refuse("cannot send " + segment_text(message.header.symbol), room.error());
  shm::compose(*room, message.header, message.payload);
  ring.publish();
  shm::full_fence();
  segment.announce(from, kShard);
}

void TestShard::Impl::publish_event(const Posted& event) const {
  auto log = shm::EventLogWriter::open(segment.log(kFirstSender), segment.endpoints()).value();
  shm::MessageHeader header = event.header;
  header.id = log.sequence();
  const auto bytes = static_cast<std::uint32_t>(sizeof header + event.payload.size());
  const auto room = log.claim(bytes, static_cast<std::uint16_t>(Kind::event));
  if (!room) refuse("cannot emit " + segment_text(header.symbol), room.error());
  shm::compose(*room, header, event.payload);
  log.publish();
  shm::full_fence();
  segment.announce(kFirstSender, kShard);
}

std::string TestShard::Impl::segment_text(Symbol symbol) const {
  return std::string{segment.symbols().text(symbol)};
}

void TestShard::Impl::start_watching() {
  outside.log = shm::EventLogObserver::open(segment.log(kShard), segment.endpoints()).value();
  outside.log->start_at_tail();
  outside.burials = shm::EventLogObserver::open(segment.dead_letters(0), 0).value();
  outside.burials->start_at_tail();
}

Sent TestShard::Impl::copy_of(const Received& message) const {
  return {.name = segment_text(message.header.symbol),
          .from = AgentId{message.header.source},
          .to = AgentId{message.header.target},
          .reason = {},
          .bytes = {message.payload.begin(), message.payload.end()},
          .content = static_cast<Content>(message.header.content)};
}

void TestShard::Impl::collect() {
  for (std::uint32_t sender = 0; sender < kSenders; ++sender)
    collect_for(sender);
  collect_local();
  collect_log(*outside.log, outside.events, false);
  collect_log(*outside.burials, outside.dead_letters, true);
}

void TestShard::Impl::collect_for(std::uint32_t sender) {
  for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
    auto ring =
        shm::RingConsumer::open(segment.ring(kShard, kFirstSender + sender, priority)).value();
    const auto polled = ring.poll(
        [&](const shm::Record& record) {
          const auto message = shm::parse(record);
          if (!message) return;
          if (is_sent(message->kind)) {
            outside.sent.push_back(copy_of(*message));
            return;
          }
          if (message->kind != Kind::reply) return;
          const Sent reply = copy_of(*message);
          Result<ClientReply> answer = ClientReply{reply.bytes, reply.content};
          if (message->flags != 0) answer = fail(static_cast<Errc>(message->flags));
          outside.replies.insert_or_assign(message->header.correlation, answer);
        },
        ~std::uint32_t{0});
    if (!polled) refuse("a ring to the outside", polled.error());
  }
}

// What the last turn left in the shard's ring to itself: read beside its reader, given back by
// nobody.
void TestShard::Impl::collect_local() {
  for (std::uint32_t p = 0; p < shm::kPriorities; ++p) {
    auto ring =
        shm::RingConsumer::open(segment.ring(kShard, kShard, static_cast<Priority>(p))).value();
    ring.advance(std::max(outside.seen_local[p], ring.position()));
    shm::Record record;
    while (ring.look(record) == shm::RingConsumer::Look::found) {
      const auto message = shm::parse(record);
      if (message && is_sent(message->kind)) outside.sent.push_back(copy_of(*message));
      ring.advance(record.end);
    }
    outside.seen_local[p] = ring.position();
  }
}

// A dead letter's payload is the whole message that died, header first.
void TestShard::Impl::collect_log(shm::EventLogObserver& log, std::vector<Sent>& into,
                                  bool are_buried) const {
  shm::RecordHeader header{};
  std::vector<std::byte> body;
  for (;;) {
    const Result<bool> found = log.next(header, body);
    if (!found) refuse("a log of the shard's", found.error());
    if (!*found) return;
    const std::size_t skipped = are_buried ? sizeof(shm::MessageHeader) : 0;
    if (body.size() < skipped + sizeof(shm::MessageHeader)) continue;
    Received message{};
    std::memcpy(&message.header, body.data() + skipped, sizeof message.header);
    message.payload = std::span{body}.subspan(skipped + sizeof(shm::MessageHeader));
    into.push_back(copy_of(message));
    if (are_buried) {
      into.back().reason = shm::dead_reason_name(shm::reason_of(header.flags));
    } else {
      into.back().to = {};
    }
  }
}

}  // namespace mabeam::testing
