// What the filler puts into rings and logs.
#include "shm/backtraces.hpp"
#include "shm/block_writer.hpp"
#include "shm/clock.hpp"
#include "shm/event_log.hpp"
#include "shm/flight_recorder.hpp"
#include "shm/span_ring.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/support/segment_filler.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

namespace mabeam::tests {

using shm::Segment;
using shm::WordKind;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

}  // namespace

void SegmentFiller::record_a_crash() {
  const std::array fields{shm::LogField{"worker", 1U}, shm::LogField{"code", -1},
                          shm::LogField{"ms", 0.5}, shm::LogField{"cause", "signal SIGSEGV"}};
  shm::FlightRecorder{segment_.recorder()}.write(FactLevel::warn, "worker died", fields);
  shm::FlightRecorder{segment_.recorder(), 1}.write(FactLevel::info, "a fact", {});
  shm::CrashRecord crash{.monotonic_ns = 1,
                         .worker = 1,
                         .incarnation = 1,
                         .signal = 11,
                         .is_whole = 1,
                         .frame_count = 2,
                         .module_count = 1};
  crash.frames = {0x1000, shm::kNoModule << 48U | 0x2000};
  constexpr std::string_view kPath = "/bin/true";
  std::copy(kPath.begin(), kPath.end(), crash.modules[0].path.begin());
  crash.modules[0].build_id_bytes = 20;
  const shm::BacktraceSlots slots{segment_.backtraces()};
  slots.write(slots.begin(), std::bit_cast<shm::BacktraceSlots::Record>(crash));
}

shm::MessageHeader SegmentFiller::header_for(std::uint32_t source, std::string_view symbol_text) {
  shm::MessageHeader header;
  header.symbol = symbol(symbol_text);
  header.content = static_cast<std::uint32_t>(Content::text);
  header.source = AgentId{static_cast<EndpointId>(source), 0, 1}.value();
  header.id = next_id_++;
  header.sent_ns = shm::monotonic_ns();
  return header;
}

void SegmentFiller::emit(std::uint32_t endpoint, std::string_view topic, std::string_view text) {
  auto log = shm::EventLogWriter::open(segment_.log(endpoint), segment_.endpoints()).value();
  shm::MessageHeader header = header_for(endpoint, topic);
  header.id = log.sequence();
  const auto length = static_cast<std::uint32_t>(sizeof header + text.size());
  shm::compose(log.claim(length, static_cast<std::uint16_t>(shm::Kind::event)).value(), header,
               bytes_of(text));
  if (!segment_.is_shard(endpoint)) {
    log.publish();
    shm::Word& published = segment_.endpoint(endpoint).published;
    published.store(published.load() + 1);
    return;
  }
  auto* words = reinterpret_cast<shm::LogHeader*>(segment_.log(endpoint).data());
  turn(
      endpoint - 1, [](shm::Turn&, shm::ShardRecord& record) { ++record.events_published; },
      [&](shm::Turn& turn) {
        turn.stage(WordKind::log_sequence, 0, words->sequence, log.sequence());
        turn.stage(WordKind::log_tail, 0, words->tail, log.claimed());
      });
}

void SegmentFiller::send(std::uint32_t source, AgentId target, Priority priority,
                         std::string_view signal, std::string_view text) {
  const auto endpoint = static_cast<std::uint32_t>(target.endpoint());
  auto ring = shm::RingProducer::open(segment_.ring(source, endpoint, priority)).value();
  shm::MessageHeader header = header_for(source, signal);
  header.target = target.value();
  const auto length = static_cast<std::uint32_t>(sizeof header + text.size());
  shm::compose(ring.claim(length, static_cast<std::uint16_t>(shm::Kind::signal)).value(), header,
               bytes_of(text));
  if (!segment_.is_shard(source)) {
    ring.publish();
    shm::Word& sent = segment_.endpoint(source).sent;
    sent.store(sent.load() + 1);
    return;
  }
  auto* words =
      reinterpret_cast<shm::RingHeader*>(segment_.ring(source, endpoint, priority).data());
  turn(
      source - 1, [](shm::Turn&, shm::ShardRecord& record) { ++record.sent; },
      [&](shm::Turn& turn) {
        turn.stage(WordKind::ring_tail, endpoint * 4 + static_cast<std::uint32_t>(priority),
                   words->tail, ring.claimed());
      });
}

void SegmentFiller::send_in_block(std::uint32_t client, AgentId target, std::string_view signal,
                                  std::string_view text) {
  const auto endpoint = static_cast<std::uint32_t>(target.endpoint());
  auto log = shm::EventLogWriter::open(segment_.log(client), segment_.endpoints()).value();
  auto ring = shm::RingProducer::open(segment_.ring(client, endpoint, Priority::normal)).value();
  shm::BlockWriter blocks{segment_, client};
  blocks.open(log).value();
  shm::MessageHeader header = header_for(client, signal);
  header.target = target.value();
  const auto room = ring.claim(sizeof header + sizeof(shm::BlockHandle),
                               static_cast<std::uint16_t>(shm::Kind::signal) | shm::kInBlock);
  const auto handle =
      blocks.write(bytes_of(text), {shm::ring_path(endpoint, 1), ring.claimed()}).value();
  shm::compose(room.value(), header, std::as_bytes(std::span{&handle, 1}));
  blocks.publish();
  ring.publish();
  shm::Word& sent = segment_.endpoint(client).sent;
  sent.store(sent.load() + 1);
}

void SegmentFiller::receive(std::uint32_t source, std::uint32_t target, Priority priority,
                            std::uint32_t limit) {
  const std::span<std::byte> bytes = segment_.ring(source, target, priority);
  auto ring = shm::RingConsumer::open(bytes).value();
  shm::Record record;
  std::uint32_t count = 0;
  for (; count < limit && ring.peek(record).value(); ++count)
    ring.advance(record.end);
  auto* words = reinterpret_cast<shm::RingHeader*>(bytes.data());
  turn(
      target - 1, [&](shm::Turn&, shm::ShardRecord& counters) { counters.delivered += count; },
      [&](shm::Turn& turn) {
        turn.stage(WordKind::ring_head, source * 4 + static_cast<std::uint32_t>(priority),
                   words->head, ring.position());
      });
}

void SegmentFiller::leave_span(std::uint32_t endpoint, AgentId agent) {
  auto ring = shm::SpanWriter::open(segment_.spans(endpoint)).value();
  shm::Span span;
  span.trace = {7, next_id_};
  span.span = next_id_++;
  span.parent = 1;
  span.agent = agent.value();
  span.owner = shm::Incarnation::of(0, 1).value;
  span.sent_ns = span.started_ns = span.ended_ns = shm::monotonic_ns();
  span.symbol = static_cast<std::uint32_t>(symbol("add"));
  span.kind = static_cast<std::uint16_t>(shm::Kind::signal);
  span.side = segment_.is_shard(endpoint) ? shm::SpanSide::handler : shm::SpanSide::client;
  ring.claim(span);
  if (!segment_.is_shard(endpoint)) return ring.publish();
  turn(
      endpoint - 1, [](shm::Turn&, shm::ShardRecord&) {},
      [&](shm::Turn& turn) {
        turn.stage(WordKind::span_tail, 0, ring.tail_word(), ring.claimed());
      });
}

void SegmentFiller::bury(std::uint32_t shard, shm::DeadReason reason, std::string_view text) {
  auto log = shm::EventLogWriter::open(segment_.dead_letters(shard), 0).value();
  shm::MessageHeader cover = header_for(Segment::endpoint_of_shard(shard), "buried");
  const shm::MessageHeader buried = cover;
  cover.id = log.sequence();
  cover.correlation = static_cast<std::uint64_t>(shm::Kind::signal);
  std::vector<std::byte> payload(sizeof buried + text.size());
  shm::compose(payload, buried, bytes_of(text));
  const auto length = static_cast<std::uint32_t>(sizeof cover + payload.size());
  shm::compose(log.claim(length, static_cast<std::uint16_t>(shm::Kind::dead_letter),
                         static_cast<std::uint16_t>(reason))
                   .value(),
               cover, payload);
  auto* words = reinterpret_cast<shm::LogHeader*>(segment_.dead_letters(shard).data());
  turn(
      shard,
      [&](shm::Turn&, shm::ShardRecord& record) {
        ++record.dead_lettered;
        ++record.buried_for[static_cast<std::size_t>(reason)];
      },
      [&](shm::Turn& turn) {
        turn.stage(WordKind::dead_sequence, 0, words->sequence, log.sequence());
        turn.stage(WordKind::dead_tail, 0, words->tail, log.claimed());
      });
}

void SegmentFiller::settle(std::uint32_t shard, std::uint64_t letter, shm::LetterFate fate) {
  auto log = shm::EventLogWriter::open(segment_.dead_letters(shard), 0).value();
  shm::MessageHeader cover;
  cover.id = log.sequence();
  cover.correlation = letter;
  cover.sent_ns = shm::monotonic_ns();
  shm::compose(log.claim(sizeof cover, static_cast<std::uint16_t>(shm::Kind::settled),
                         static_cast<std::uint16_t>(fate))
                   .value(),
               cover, {});
  auto* words = reinterpret_cast<shm::LogHeader*>(segment_.dead_letters(shard).data());
  turn(
      shard,
      [&](shm::Turn&, shm::ShardRecord& record) {
        ++(fate == shm::LetterFate::replayed ? record.letters_replayed : record.letters_dropped);
      },
      [&](shm::Turn& turn) {
        turn.stage(WordKind::dead_sequence, 0, words->sequence, log.sequence());
        turn.stage(WordKind::dead_tail, 0, words->tail, log.claimed());
      });
}

void SegmentFiller::listen(std::uint32_t reader) {
  for (std::uint32_t i = 0; i < segment_.endpoints(); ++i) {
    shm::EventLogReader::open(segment_.log(i), segment_.endpoints(), reader).value().join();
  }
}

void SegmentFiller::subscribe(std::uint32_t client, std::string_view pattern) {
  for (shm::Subscription& entry : segment_.subscriptions(client)) {
    if (entry.word.load() != 0) continue;
    entry.since_ns.store(static_cast<std::uint64_t>(shm::monotonic_ns()));
    entry.word.store(shm::SubscriptionWord{symbol(pattern), AgentId::kClientSlot}.pack());
    return;
  }
}

}  // namespace mabeam::tests
