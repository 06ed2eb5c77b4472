#include "shm/running.hpp"

#include "shm/spsc_ring.hpp"
#include "shm/timers.hpp"
#include "shm/turn.hpp"
#include "shm/wire.hpp"

namespace mabeam::shm {
namespace {

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

std::optional<AgentId> in_slot(const Segment& segment, std::uint32_t shard, std::uint32_t slot) {
  const AgentTable table = segment.agents(shard);
  if (slot >= table.size()) return std::nullopt;
  const auto word = SlotWord::unpack(table.record(slot).slot_word.load(std::memory_order_acquire));
  return AgentId{static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), slot, word.generation};
}

std::optional<AgentId> of_timer(const Segment& segment, std::uint32_t shard, std::uint64_t index) {
  const TimerTable timers = segment.timers(shard);
  if (index >= timers.size()) return std::nullopt;
  const auto word = TimerWord::unpack(timers[index].word.load(std::memory_order_acquire));
  return AgentId{static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), word.slot,
                 word.generation};
}

// What runs has not been given back, so its record lies at the first such position from the head
// on.
std::optional<AgentId> of_message(const Segment& segment, std::uint32_t shard, const Named& named) {
  if (named.endpoint == 0 || named.endpoint >= segment.endpoints() ||
      named.priority >= kPriorities) {
    return std::nullopt;
  }
  const auto priority = static_cast<Priority>(named.priority);
  auto ring =
      RingConsumer::open(segment.ring(named.endpoint, Segment::endpoint_of_shard(shard), priority));
  if (!ring) return std::nullopt;
  const std::uint64_t head = ring->position();
  ring->advance(head + ((named.place - head / 8) & Named::kPlaces) * 8);
  (void)ring->refresh();
  Record record;
  Received message;
  if (ring->look(record) != RingConsumer::Look::found || !parse(record, message)) {
    return std::nullopt;
  }
  const bool has_handler =
      message.kind == Kind::request || message.kind == Kind::signal || message.kind == Kind::reply;
  if (!has_handler) return std::nullopt;
  return AgentId{message.header.target};
}

}  // namespace

std::optional<AgentId> running_agent(const Segment& segment, std::uint32_t shard) {
  const Word& witness = segment.turn(shard).witness;
  const std::uint64_t word = witness.load(std::memory_order_acquire);
  if (word == 0) return std::nullopt;
  const Named named{word};
  std::optional<AgentId> agent;
  if (named.what == Witness::What::message) agent = of_message(segment, shard, named);
  if (named.what == Witness::What::timer) agent = of_timer(segment, shard, named.place);
  if (named.what == Witness::What::event || named.what == Witness::What::parked ||
      named.what == Witness::What::upgrade || named.what == Witness::What::start) {
    agent = in_slot(segment, shard, named.slot);
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  if (witness.load(std::memory_order_relaxed) != word) return std::nullopt;
  return agent;
}

}  // namespace mabeam::shm
