// Verify: the agents' records, the headers of their states, and that the shards count them right.
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <cstring>

namespace mabeam::shm {
namespace {

/// More messages than one agent can have handled.
constexpr std::uint64_t kMostHandled = std::uint64_t{1} << 56U;

/// One living agent, as a copy.
class Agent {
 public:
  Agent(VerifyPass& pass, std::uint32_t shard, std::uint32_t slot)
      : pass_(pass),
        shard_(shard),
        slot_(slot),
        table_(pass.segment().agents(shard)),
        symbols_(pass.segment().symbols()) {}

  void verify() {
    const AgentRecord& record = table_.record(slot_);
    const std::uint64_t word = record.slot_word.load(std::memory_order_acquire);
    const SlotWord life = SlotWord::unpack(word);
    expect(life.pack() == word, "bits of its slot word that mean nothing are set", word);
    expect(life.lifecycle <= static_cast<std::uint8_t>(kLastLifecycle), "its lifecycle is none",
           life.lifecycle);
    if (life.lifecycle == 0) return;
    const std::optional<AgentFacts> facts = table_.snapshot(slot_);
    // What snapshot() bounds, and what it leaves out, is constant while the agent lives.
    const std::uint8_t capabilities = record.capability_count;
    const std::uint64_t reserved = record.reserved;
    const std::uint16_t storage = record.storage;
    std::atomic_thread_fence(std::memory_order_acquire);
    if (!facts || record.slot_word.load(std::memory_order_relaxed) != word) return;
    expect(capabilities <= kMaxCapabilities, "it has more capabilities than there is room for",
           capabilities);
    expect(reserved == 0, "a reserved field is set", reserved);
    expect((storage & ~kStorageBits) == 0, "its state is kept in no known way", storage);
    verify_facts(*facts);
    verify_state(*facts);
  }

 private:
  void expect(bool holds, std::string_view rule, std::uint64_t value) {
    pass_.expect(
        holds, [&] { return name(); }, rule, value);
  }

  [[nodiscard]] std::string name() const {
    return "shard " + std::to_string(shard_) + ", agent slot " + std::to_string(slot_);
  }

  void verify_facts(const AgentFacts& facts) {
    expect(facts.name_length <= kMaxNameBytes, "its name is longer than 63 bytes",
           facts.name_length);
    const bool ends = facts.name_length >= kNameRoom || facts.name[facts.name_length] == 0;
    const bool is_text = facts.name_text().find('\0') == std::string_view::npos;
    expect(ends && is_text, "its name does not end where its length says", facts.name_length);
    expect(is_known(symbols_, facts.type), "its type is no symbol",
           static_cast<std::uint64_t>(facts.type));
    for (std::uint8_t i = 0; i < facts.capability_count; ++i) {
      expect(is_known(symbols_, facts.capabilities[i]), "a capability is no symbol",
             static_cast<std::uint64_t>(facts.capabilities[i]));
    }
    const AgentId parent{facts.parent};
    expect(!parent || static_cast<std::uint32_t>(parent.endpoint()) < pass_.segment().endpoints(),
           "its parent's endpoint does not exist", facts.parent);
    expect(facts.state_bytes <= pass_.segment().dimensions().max_state_bytes,
           "its type's state is larger than max_state_bytes", facts.state_bytes);
    expect(code_name(static_cast<Errc>(facts.reason)) != "unknown", "it is suspended for no reason",
           facts.reason);
    expect(facts.handled < kMostHandled, "it has handled more than can be", facts.handled);
  }

  void verify_state(const AgentFacts& facts) {
    const AgentRecord& record = table_.record(slot_);
    StateHeader state{};
    std::memcpy(&state, table_.half(slot_, facts.version), sizeof state);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (record.version.load(std::memory_order_relaxed) != facts.version) return;
    if (record.slot_word.load(std::memory_order_relaxed) != facts.slot_word.pack()) return;
    expect(state.bytes <= pass_.segment().dimensions().max_state_bytes,
           "its state is larger than max_state_bytes", state.bytes);
    expect(state.failures <= state.handled, "it has failed more often than it was asked",
           state.failures);
  }

  VerifyPass& pass_;
  std::uint32_t shard_;
  std::uint32_t slot_;
  AgentTable table_;
  Symbols symbols_;
};

void verify_shard(VerifyPass& pass, std::uint32_t shard) {
  const Segment& segment = pass.segment();
  const TurnRegion& turn = segment.turn(shard);
  const auto before = settled_turn(turn);
  const AgentTable table = segment.agents(shard);
  std::uint64_t living = 0;
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
    Agent{pass, shard, slot}.verify();
    const auto word =
        SlotWord::unpack(table.record(slot).slot_word.load(std::memory_order_acquire));
    if (word.lifecycle == 0) continue;
    ++living;
    pass.count_agent();
  }
  const ShardRecord record = snapshot_record(turn);
  if (!before || settled_turn(turn) != before) return;
  const auto where = [&] { return "shard " + std::to_string(shard); };
  pass.expect(record.agents_live == living, where, "it counts other agents than live in it",
              record.agents_live);
}

}  // namespace

void verify_agents(VerifyPass& pass) {
  for (std::uint32_t shard = 0; shard < pass.segment().dimensions().shards; ++shard) {
    verify_shard(pass, shard);
  }
  pass.count_bytes(pass.segment().layout()[Region::agents].bytes +
                   pass.segment().layout()[Region::states].bytes);
}

}  // namespace mabeam::shm
