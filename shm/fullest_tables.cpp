#include "shm/fullest_tables.hpp"

#include "shm/breaker.hpp"
#include "shm/metadata.hpp"
#include "shm/registry.hpp"
#include "shm/snapshots.hpp"
#include "shm/subscriptions.hpp"
#include "shm/timers.hpp"
#include "shm/type_table.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace mabeam::shm {
namespace {

/// The fullest of several tables of one kind and size.
class Fullest {
 public:
  explicit Fullest(std::uint64_t capacity) : usage_{0, capacity} {}

  void look(std::uint64_t used, std::string name) {
    if (!name_.empty() && used <= usage_.used) return;
    usage_.used = used;
    name_ = std::move(name);
  }

  [[nodiscard]] TableView view() const { return {name_, usage_}; }

 private:
  Usage usage_;
  std::string name_;
};

bool is_set(const Word& word) {
  return word.load(std::memory_order_relaxed) != 0;
}

bool is_running(const AgentTable& agents, const TimerRecord& timer) {
  const std::uint64_t word = timer.word.load(std::memory_order_relaxed);
  const TimerWord owner = TimerWord::unpack(word);
  if (word == 0 || owner.slot >= agents.size()) return false;
  const SlotWord slot =
      SlotWord::unpack(agents.record(owner.slot).slot_word.load(std::memory_order_relaxed));
  return slot.generation == owner.generation && slot.lifecycle != 0;
}

std::uint64_t count_timers(const Segment& segment, std::uint32_t shard) {
  const AgentTable agents = segment.agents(shard);
  const TimerTable timers = segment.timers(shard);
  return static_cast<std::uint64_t>(
      std::count_if(timers.begin(), timers.end(),
                    [&](const TimerRecord& timer) { return is_running(agents, timer); }));
}

std::uint64_t count_metadata(const AgentTable& agents) {
  std::uint64_t count = 0;
  for (std::uint32_t slot = 0; slot < agents.size(); ++slot) {
    const AgentRecord& record = agents.record(slot);
    const bool lives = SlotWord::unpack(record.slot_word.load(std::memory_order_relaxed)).lifecycle;
    const MetadataWord word =
        MetadataWord::unpack(agents.profile(slot).metadata.load(std::memory_order_relaxed));
    count += lives && word.record != MetadataWord::kNone ? 1U : 0U;
  }
  return count;
}

std::uint64_t count_subscriptions(const Segment& segment, std::uint32_t endpoint) {
  const SubscriptionTable table = segment.subscriptions(endpoint);
  return static_cast<std::uint64_t>(std::count_if(
      table.begin(), table.end(), [](const Subscription& entry) { return is_set(entry.word); }));
}

TableView types_of(const Segment& segment) {
  std::uint64_t count = 0;
  while (count < TypeTable::kSlots &&
         segment.types().name(static_cast<std::uint32_t>(count)) != Symbol::none) {
    ++count;
  }
  return {"agent types", {count, TypeTable::kSlots}};
}

TableView breakers_of(const Segment& segment) {
  const auto named = segment.named_breakers();
  const auto count = std::count_if(named.begin(), named.end(),
                                   [](const BreakerSlot& slot) { return is_set(slot.name); });
  return {"named breakers", {static_cast<std::uint64_t>(count), kNamedBreakers}};
}

}  // namespace

// Of a pool of metadata one record is kept for updates.
std::vector<TableView> fullest_tables(const Segment& segment) {
  const Dimensions& d = segment.dimensions();
  Fullest agents{d.agents_per_shard};
  Fullest timers{d.timers_per_shard};
  Fullest metadata{d.metadata_per_shard - 1};
  Fullest subscriptions{d.subscriptions_per_endpoint};
  for (std::uint32_t shard = 0; shard < d.shards; ++shard) {
    const std::string of = " of shard " + std::to_string(shard);
    agents.look(snapshot_record(segment.turn(shard)).agents_live, "agents" + of);
    timers.look(count_timers(segment, shard), "timers" + of);
    metadata.look(count_metadata(segment.agents(shard)), "metadata" + of);
    subscriptions.look(count_subscriptions(segment, Segment::endpoint_of_shard(shard)),
                       "subscriptions" + of);
  }
  return {agents.view(),        timers.view(),     metadata.view(),
          subscriptions.view(), types_of(segment), breakers_of(segment)};
}

}  // namespace mabeam::shm
