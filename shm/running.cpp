#include "shm/running.hpp"

#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/timers.hpp"

namespace mabeam::shm {
namespace {

constexpr int kMostCounted = 4096;  ///< records before the one that runs

/// The fields of a witness; each may be any number of its width.
struct Named {
  explicit Named(std::uint64_t word)
      : what(Witness::what(word)),
        endpoint(static_cast<std::uint32_t>(word >> 53U & 0xFFU)),
        priority(static_cast<std::uint32_t>(word >> 51U & 3U)),
        slot(static_cast<std::uint32_t>(word >> 27U & 0xFFFFFFU)),
        place(word & kPlaces) {}

  static constexpr std::uint64_t kPlaces = 0x7FFFFFF;

  Witness::What what;
  std::uint32_t endpoint;
  std::uint32_t priority;
  std::uint32_t slot;
  std::uint64_t place;  ///< of a record: its position / 8, as far as it is told
};

AgentId in_slot(const Segment& segment, std::uint32_t shard, std::uint32_t slot) {
  const AgentTable table = segment.agents(shard);
  if (slot >= table.size()) return {};
  const auto word = SlotWord::unpack(table.record(slot).slot_word.load(std::memory_order_acquire));
  return {static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), slot, word.generation};
}

void find_timer(const Segment& segment, std::uint32_t shard, const Named& named, Running& running) {
  const TimerTable timers = segment.timers(shard);
  if (named.place >= timers.size()) return;
  const auto word = TimerWord::unpack(timers[named.place].word.load(std::memory_order_acquire));
  running.agent = {static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), word.slot,
                   word.generation};
  const std::uint64_t label = timers[named.place].label.load(std::memory_order_relaxed);
  running.symbol = TimerLabel::unpack(label).name;
}

/// The first position from `from` on that ends as the witness says.
std::uint64_t position_from(std::uint64_t from, const Named& named) {
  return from + ((named.place - from / 8) & Named::kPlaces) * 8;
}

void take_message(const Record& record, Running& running) {
  Received message;
  if (!parse(record, message)) return;
  running.kind = message.kind;
  running.symbol = message.header.symbol;
  running.agent = AgentId{message.header.target};
}

// What runs has not been given back, so its record lies from the head on.
void find_in_ring(std::span<std::byte> bytes, const Named& named, Running& running) {
  auto ring = RingConsumer::open(bytes);
  if (!ring) return;
  const std::uint64_t position = position_from(ring->position(), named);
  (void)ring->refresh();
  Record record;
  for (int i = 0; i < kMostCounted && ring->position() < position; ++i) {
    if (ring->look(record) != RingConsumer::Look::found) break;
    ring->advance(record.end);
    if (record.end <= position) ++running.before;
  }
  ring->advance(position);
  if (ring->look(record) == RingConsumer::Look::found) take_message(record, running);
}

void find_message(const Segment& segment, std::uint32_t shard, const Named& named,
                  Running& running) {
  if (named.endpoint == 0 || named.endpoint >= segment.endpoints() ||
      named.priority >= kPriorities) {
    return;
  }
  const auto priority = static_cast<Priority>(named.priority);
  find_in_ring(segment.ring(named.endpoint, Segment::endpoint_of_shard(shard), priority), named,
               running);
}

void find_event(const Segment& segment, std::uint32_t shard, const Named& named, Running& running) {
  running.agent = in_slot(segment, shard, named.slot);
  running.kind = Kind::event;
  if (named.endpoint >= segment.endpoints()) return;
  const auto log = check_log(segment.log(named.endpoint), segment.endpoints());
  if (!log) return;
  const std::uint64_t position =
      position_from(log->header->oldest.load(std::memory_order_acquire), named);
  const std::uint64_t tail = log->header->tail.load(std::memory_order_acquire);
  Record record;
  Received event;
  if (position >= tail || tail - position > log->mask + 1) return;
  const Result<bool> found = read_log_record(*log, position, tail, record);
  if (found && *found && parse(record, event)) running.symbol = event.header.symbol;
}

bool has_handler(Kind kind) {
  return kind == Kind::request || kind == Kind::signal || kind == Kind::reply;
}

}  // namespace

std::optional<Running> running_on(const Segment& segment, std::uint32_t shard) {
  const Word& witness = segment.turn(shard).witness;
  const std::uint64_t word = witness.load(std::memory_order_acquire);
  if (word == 0) return std::nullopt;
  const Named named{word};
  Running running;
  running.what = named.what;
  switch (named.what) {
    case Witness::What::message:
      find_message(segment, shard, named, running);
      break;
    case Witness::What::event:
      find_event(segment, shard, named, running);
      break;
    case Witness::What::timer:
      find_timer(segment, shard, named, running);
      break;
    case Witness::What::parked:
      find_in_ring(segment.parking(shard), named, running);
      running.before = 0;  // older ones wait there for their agents
      [[fallthrough]];
    case Witness::What::upgrade:
    case Witness::What::start:
      running.agent = in_slot(segment, shard, named.slot);
      break;
    default:
      break;
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  if (witness.load(std::memory_order_relaxed) != word) return std::nullopt;
  return running;
}

std::optional<AgentId> running_agent(const Segment& segment, std::uint32_t shard) {
  const std::optional<Running> running = running_on(segment, shard);
  if (!running || !running->agent) return std::nullopt;
  if (running->what == Witness::What::message && !has_handler(running->kind)) return std::nullopt;
  return running->agent;
}

}  // namespace mabeam::shm
