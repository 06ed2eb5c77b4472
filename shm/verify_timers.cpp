// Verify: the shards' tables of timers.
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <string>

namespace mabeam::shm {
namespace {

void verify_timer(VerifyPass& pass, std::uint32_t shard, std::uint32_t index,
                  const Symbols& symbols) {
  const Segment& segment = pass.segment();
  const TimerRecord& timer = segment.timers(shard)[index];
  const auto before = settled_turn(segment.turn(shard));
  const std::uint64_t value = timer.word.load(std::memory_order_acquire);
  if (value == 0) return;
  const auto where = [&] {
    return "shard " + std::to_string(shard) + ", timer " + std::to_string(index);
  };
  const TimerWord word = TimerWord::unpack(value);
  const AgentTable agents = segment.agents(shard);
  pass.expect(word.slot < agents.size(), where, "it is for no agent", word.slot);
  if (word.slot >= agents.size()) return;
  const std::uint64_t due_ns = timer.due_ns.load(std::memory_order_acquire);
  pass.expect(is_timer_time(due_ns), where, "it is due at no time", due_ns);
  const TimerLabel label = TimerLabel::unpack(timer.label.load(std::memory_order_acquire));
  const std::uint64_t period_ns = timer.period_ns.load(std::memory_order_acquire);
  pass.expect(label.is_call() || is_timer_time(period_ns), where, "its period is no time",
              period_ns);
  pass.expect(is_known(symbols, label.name), where, "its name is no symbol",
              static_cast<std::uint64_t>(label.name));
  const std::uint64_t asked = timer.asked.load(std::memory_order_acquire);
  const TaskWord task = TaskWord::unpack(asked);
  const bool is_of_call = task.is_task || task.has_overflowed;
  pass.expect(task.pack() == asked && (!is_of_call || label.is_call()), where,
              "it is no coroutine's call", asked);
  // An agent's timers stay behind it (timers.hpp, 1), yet none is there before it.
  const auto agent =
      SlotWord::unpack(agents.record(word.slot).slot_word.load(std::memory_order_acquire));
  const bool is_still = before && settled_turn(segment.turn(shard)) == before;
  pass.expect(!is_still || word.generation <= agent.generation, where,
              "it is for an agent that was never made", word.generation);
}

}  // namespace

void verify_timers(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  const Symbols symbols = segment.symbols();
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    for (std::uint32_t index = 0; index < segment.dimensions().timers_per_shard; ++index) {
      verify_timer(pass, shard, index, symbols);
    }
  }
  pass.count_bytes(segment.layout()[Region::timers].bytes);
}

}  // namespace mabeam::shm
