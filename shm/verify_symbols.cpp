// Verify: the symbols, and the subscriptions, which are made of them.
#include "shm/clock.hpp"
#include "shm/snapshots.hpp"
#include "shm/topics.hpp"
#include "shm/verify_pass.hpp"

namespace mabeam::shm {
namespace {

void verify_subscription(VerifyPass& pass, std::uint32_t endpoint, std::uint32_t index,
                         const Symbols& symbols) {
  const Segment& segment = pass.segment();
  const Subscription& entry = segment.subscriptions(endpoint)[index];
  const bool is_shard = segment.is_shard(endpoint);
  const auto before =
      is_shard ? settled_turn(segment.turn(endpoint - 1)) : std::optional<std::uint64_t>{};
  const std::uint64_t value = entry.word.load(std::memory_order_acquire);
  if (value == 0) return;
  const SubscriptionWord word = SubscriptionWord::unpack(value);
  const auto where = [&] {
    return endpoint_name(segment, endpoint) + ", subscription " + std::to_string(index);
  };
  const std::string pattern{symbols.text(word.pattern)};
  pass.expect(check_pattern(pattern).has_value(), where, "its pattern is none",
              static_cast<std::uint64_t>(word.pattern));
  const std::uint64_t since_ns = entry.since_ns.load(std::memory_order_acquire);
  const auto created_ns = static_cast<std::uint64_t>(segment.header().created_ns);
  const bool is_possible = since_ns >= created_ns &&
                           (pass.is_live() ? since_ns <= static_cast<std::uint64_t>(monotonic_ns())
                                           : since_ns >> 62U == 0);
  pass.expect(is_possible || entry.word.load(std::memory_order_acquire) != value, where,
              "it began before the segment, or ahead of the clock", since_ns);
  const AgentId source{entry.source.load(std::memory_order_acquire)};
  pass.expect(static_cast<std::uint32_t>(source.endpoint()) < segment.endpoints(), where,
              "its source is of no endpoint", source.value());
  if (!is_shard) {
    pass.expect(word.slot == AgentId::kClientSlot, where, "a client's subscription names an agent",
                word.slot);
    return;
  }
  const AgentTable agents = segment.agents(endpoint - 1);
  const bool has_slot = word.slot < agents.size();
  pass.expect(has_slot, where, "it is for no agent slot", word.slot);
  if (!has_slot) return;
  const auto agent =
      SlotWord::unpack(agents.record(word.slot).slot_word.load(std::memory_order_acquire));
  const bool is_same = before && settled_turn(segment.turn(endpoint - 1)) == before;
  pass.expect(agent.lifecycle != 0 || !is_same, where, "it is for an agent that is gone",
              word.slot);
}

}  // namespace

bool is_known(const Symbols& symbols, Symbol symbol) {
  return !symbols.text(symbol).empty();
}

void verify_symbols(VerifyPass& pass) {
  const Symbols symbols = pass.segment().symbols();
  const std::uint32_t damaged = symbols.damaged();
  pass.expect(
      damaged == 0, [] { return std::string{"symbols"}; },
      "slots that point nowhere, or at another text", damaged);
  int misses = 0;
  for (std::uint32_t index = 0; index < symbols.capacity() && misses < VerifyPass::kMostMisses;
       ++index) {
    const auto symbol = static_cast<Symbol>(kFirstSymbol + index);
    const std::string text{symbols.text(symbol)};
    if (text.empty() || symbols.find(text) == symbol) continue;
    ++misses;
    pass.find("symbol slot " + std::to_string(index), "its text is not found under its own id",
              kFirstSymbol + index);
  }
  pass.count_bytes(pass.segment().layout()[Region::symbols].bytes);
}

void verify_subscriptions(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  const Symbols symbols = segment.symbols();
  for (std::uint32_t endpoint = 1; endpoint < segment.endpoints(); ++endpoint) {
    const auto size = static_cast<std::uint32_t>(segment.subscriptions(endpoint).size());
    for (std::uint32_t index = 0; index < size; ++index) {
      verify_subscription(pass, endpoint, index, symbols);
    }
    pass.count_bytes(size * sizeof(Subscription));
  }
}

}  // namespace mabeam::shm
