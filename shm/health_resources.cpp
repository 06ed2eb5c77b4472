// Health of what fills up, opens or piles up: rings, parking logs, limits, names, breakers, dead
// letters; and whether the last reload was taken.
#include "shm/breaker.hpp"
#include "shm/health.hpp"
#include "shm/letters.hpp"
#include "shm/snapshots.hpp"
#include "shm/spsc_ring.hpp"

#include <algorithm>

namespace mabeam::shm {
namespace {

using Status = HealthView::Status;

constexpr std::int64_t kMinuteNs = 60'000'000'000;

/// What is worth saying about the rings that lead to shards: how many are in trouble, and one.
class Rings {
 public:
  Rings(const Segment& segment, std::uint64_t full_from)
      : segment_(segment),
        full_from_(full_from) {
    for (std::uint32_t source = 1; source < segment.endpoints(); ++source) {
      for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
        look(source, Segment::endpoint_of_shard(shard));
      }
    }
  }

  [[nodiscard]] Verdict verdict() const {
    if (damaged_ != 0) {
      return {Status::degraded, plural(damaged_, "ring") + " damaged, as from " + example_};
    }
    const std::string percent = std::to_string(percent_) + "%";
    if (full_ == 0) return {Status::healthy, "the fullest is at " + percent};
    return {Status::degraded,
            plural(full_, "ring") + " nearly full, as " + percent + " from " + example_};
  }

 private:
  void look(std::uint32_t source, std::uint32_t target) {
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      const std::span<const std::byte> ring = segment_.ring(source, target, priority);
      const auto positions = snapshot_positions(ring);
      if (!positions) continue;  // moves all the time: it is well
      const std::uint64_t capacity = ring.size() - sizeof(RingHeader);
      const std::uint64_t used = positions->tail - positions->head;
      if (positions->head > positions->tail || used > capacity) {
        if (damaged_++ == 0) name(source, target);
        continue;
      }
      const std::uint64_t percent = used * 100 / capacity;
      full_ += percent >= full_from_ ? 1U : 0U;
      if (percent <= percent_) continue;
      percent_ = percent;
      if (damaged_ == 0) name(source, target);
    }
  }

  void name(std::uint32_t source, std::uint32_t target) {
    example_ = endpoint_name(segment_, source) + " to " + endpoint_name(segment_, target);
  }

  const Segment& segment_;
  std::uint64_t full_from_;
  std::uint64_t damaged_ = 0;
  std::uint64_t full_ = 0;
  std::uint64_t percent_ = 0;
  std::string example_;
};

/// Names what is near its limit or over. Of less than ten, 90% are all: a runtime that was made for
/// one client is not ill when it has one.
class Limits {
 public:
  Limits(const LimitsView& view, std::uint64_t near_from) : near_from_(near_from) {
    look("agents", view.agents);
    look("clients", view.clients);
    look("memory of all workers", view.memory);
    for (const WorkerLimitsView& worker : view.workers) {
      const std::string of = " of worker " + std::to_string(worker.index);
      look("memory" + of, worker.memory);
      look("processes" + of, worker.processes);
      look("open files" + of, {worker.files.value_or(0), worker.files_limit});
    }
    for (const TableView& table : view.tables)
      look(table.name, table.usage);
  }

  [[nodiscard]] Verdict verdict() const {
    if (near_.empty()) {
      return {Status::healthy, "nothing is at " + std::to_string(near_from_) + "% of its limit"};
    }
    return {Status::degraded, near_ + ": what is new is refused at 100%; see `mabeam limits`"};
  }

 private:
  void look(const std::string& what, const Usage& usage) {
    if (usage.limit < kJudgedFrom || usage.percent() < near_from_) return;
    near_ += near_.empty() ? "" : "; ";
    near_ +=
        what + " at " + std::to_string(usage.percent()) + "% of " + std::to_string(usage.limit);
  }

  static constexpr std::uint64_t kJudgedFrom = 10;

  std::uint64_t near_from_;
  std::string near_;
};

}  // namespace

std::string plural(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

Verdict judge_rings(const Segment& segment, bool was_full) {
  return Rings{segment, full_from(was_full)}.verdict();
}

Verdict judge_parking(const Segment& segment, bool was_full) {
  std::uint64_t highest = 0;
  std::uint32_t fullest = 0;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const std::span<const std::byte> log = segment.parking(shard);
    const auto positions = snapshot_positions(log);
    if (!positions || positions->head > positions->tail) continue;  // verify tells of damage
    const std::uint64_t used = positions->tail - positions->head;
    const std::uint64_t percent = used * 100 / parking_room(log.size() - sizeof(RingHeader));
    if (percent <= highest) continue;
    highest = percent;
    fullest = shard;
  }
  if (highest == 0) return {Status::healthy, "nothing waits for suspended agents"};
  const std::string fullness = "what waits for suspended agents takes " + std::to_string(highest) +
                               "% of its room on shard " + std::to_string(fullest);
  if (highest < full_from(was_full)) return {Status::healthy, fullness};
  return {Status::degraded, fullness + ": resume or stop them; see `mabeam agents`"};
}

Verdict judge_limits(const LimitsView& limits, bool was_near) {
  return Limits{limits, full_from(was_near)}.verdict();
}

Verdict judge_names(const Symbols& names, bool was_full) {
  const std::uint64_t count = names.count();
  const std::string fullness = std::to_string(count) + " of " + std::to_string(names.capacity()) +
                               " names, " + std::to_string(names.text_used()) + " of " +
                               std::to_string(names.text_bytes()) + " bytes of their text";
  const std::uint64_t from = full_from(was_full);
  const bool is_nearly_full = count * 100 >= names.capacity() * from ||
                              names.text_used() * 100 >= names.text_bytes() * from;
  if (!is_nearly_full) return {Status::healthy, fullness};
  return {Status::degraded, "nearly full: " + fullness +
                                "; names are never taken back: use fewer different topics, actions "
                                "and types, and start the runtime anew"};
}

Verdict judge_breakers(const Segment& segment) {
  std::string open;
  std::uint64_t closed = 0;
  for (BreakerSlot& slot : segment.named_breakers()) {
    const std::uint64_t name = slot.name.load(std::memory_order_acquire);
    if (name == 0 || name > UINT32_MAX) continue;
    const BreakerState state = Breaker::acting(Breaker{slot}.word());
    if (state == BreakerState::closed) {
      ++closed;
      continue;
    }
    open += open.empty() ? "" : ", ";
    open += std::string{segment.symbols().text(static_cast<Symbol>(name))} + " is " +
            std::string{to_string(state)};
  }
  if (!open.empty()) return {Status::degraded, open + "; see `mabeam breakers`"};
  if (closed == 0) return {Status::healthy, "agents have none"};
  return {Status::healthy, std::to_string(closed) + " of agents, closed"};
}

Verdict judge_dead_letters(const Segment& segment, std::int64_t now_ns, bool were_many) {
  std::uint64_t total = 0;
  std::uint64_t lately = 0;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const std::uint64_t count = snapshot_record(segment.turn(shard)).dead_lettered;
    total += count;
    if (count == 0) continue;
    for (const Letter& letter : read_letters(segment.dead_letters(shard)).waiting)
      lately += now_ns - bounded_time(letter.buried_ns) < kMinuteNs ? 1U : 0U;
  }
  if (total == 0) return {Status::healthy, "none"};
  const std::string since_start = std::to_string(total) + " since the start";
  if (lately < (were_many ? kStillMany : kManyLetters)) return {Status::healthy, since_start};
  return {Status::degraded, std::to_string(lately) + " of the last minute wait to be settled, " +
                                since_start + "; see `mabeam deadletters`"};
}

Verdict judge_reload(const ReloadsView& reloads) {
  if (reloads.is_last_refused) {
    return {Status::degraded,
            "the last one failed and the old settings are in force; `mabeam reload --dry-run` and "
            "the supervisor's log say why"};
  }
  if (reloads.taken == 0) return {Status::healthy, "as it was started"};
  return {Status::healthy, "taken, the last of " + std::to_string(reloads.taken)};
}

}  // namespace mabeam::shm
