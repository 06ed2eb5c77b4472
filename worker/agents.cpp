#include "worker/agents.hpp"

#include "worker/hooks.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace mabeam::worker {

using shm::SlotWord;
using shm::WordKind;

Agents::Agents(const shm::Segment& segment, std::uint32_t shard)
    : shard_(shard),
      most_state_bytes_(segment.dimensions().max_state_bytes),
      table_(segment.agents(shard)),
      subscription_table_(segment.subscriptions(shm::Segment::endpoint_of_shard(shard))),
      pre_image_(sizeof(shm::StateHeader) + kLargestPreImage),
      metadata_(segment, shard),
      subscriptions_(subscription_table_) {
}

void Agents::open() {
  stamps_.assign(table_.size(), 0);
  stamp_ = 0;
  free_slots_.clear();
  free_slots_.reserve(table_.size());
  for (std::uint32_t slot = table_.size(); slot-- > 0;) {
    const SlotWord word =
        SlotWord::unpack(table_.record(slot).slot_word.load(std::memory_order_relaxed));
    if (word.lifecycle == 0) free_slots_.push_back(slot);
  }
  children_.open(table_, shm::Segment::endpoint_of_shard(shard_));
  subscriptions_.open(table_.size());
  metadata_.open(table_);
  transient_.open(table_.size(), static_cast<std::uint32_t>(table_.max_state_bytes()));
  ++version_;
  begin_turn();
}

// ---- states ----------------------------------------------------------------------------------

void Agents::begin_turn() noexcept {
  ++stamp_;
  if (stamp_ == 0) {  // the counter has wrapped: no old stamp may look new
    std::fill(stamps_.begin(), stamps_.end(), 0U);
    stamp_ = 1;
  }
  touched_.clear();
  begin_message();
}

void Agents::forget_changes() noexcept {
  changes_.clear();
  subscriptions_.give_back_all();
  metadata_.undo_message();
  slots_taken_ = 0;
  slots_ended_.clear();
  subscription_changes_ = created_ = ended_ = 0;
}

void Agents::undo_message() noexcept {
  for (std::size_t i = touched_before_; i < touched_.size(); ++i)
    stamps_[touched_[i]] = stamp_ - 1;
  touched_.resize(touched_before_);
  if (pre_image_slot_) {
    std::memcpy(idle_half(*pre_image_slot_), pre_image_.data(), pre_image_bytes_);
  }
  begin_message();
}

// ---- structure -------------------------------------------------------------------------------

Result<std::uint32_t> Agents::take_slot() const {
  if (slots_taken_ >= free_slots_.size()) return fail(Errc::too_many_agents);
  return free_slots_[free_slots_.size() - 1 - slots_taken_];
}

Result<> Agents::write_record(std::uint32_t slot, const Plan& plan) {
  shm::AgentRecord& agent = table_.record(slot);
  const shm::CreateRequest& request = plan.request;
  agent.type = plan.type;
  agent.state_bytes = plan.descriptor->state_bytes;
  agent.capability_count = static_cast<std::uint8_t>(request.capability_count);
  table_.write_name(slot, {request.name.data(), request.name_length});
  shm::AgentProfile& profile = table_.profile(slot);
  profile.parent = plan.parent.value();
  profile.created_unix_ns = plan.created_unix_ns;
  profile.capabilities = request.capabilities;
  profile.metadata.store(0, std::memory_order_relaxed);
  agent.storage = storage_of(*plan.descriptor);
  agent.reserved = 0;
  const std::uint64_t version = agent.version.load(std::memory_order_relaxed);
  std::byte* idle = table_.half(slot, version + 1);
  auto* header = std::construct_at(reinterpret_cast<shm::StateHeader*>(idle));
  transient_.drop(slot);
  if (!plan.descriptor->type.durable) {
    header->state_version = plan.descriptor->type.state_version;
    header = give_transient(slot, *plan.descriptor);
  }
  const Result<> made = make_afresh(*plan.descriptor, *header, most_state_bytes_);
  if (!made || plan.initial.empty()) return made;
  return take_given(*plan.descriptor, *header, plan.initial, most_state_bytes_);
}

Result<> Agents::enter_name(std::uint32_t slot, std::string_view name) {
  const shm::AgentTable::NamePlace place = table_.place_name(name);
  if (place.taken) return fail(Errc::name_taken);
  if (!place.free || changes_.has(table_.name_word(*place.free)))
    return fail(Errc::too_many_agents);
  const auto tag = static_cast<std::uint32_t>(shm::hash_name(name) >> 32U);
  return changes_.stage(WordKind::name, *place.free, table_.name_word(*place.free),
                        shm::NameWord{tag, slot}.pack());
}

// A tombstone lets probes go on behind it. Where nothing is behind it, there needs to be none, nor
// before it.
Result<> Agents::leave_name(std::uint32_t index) {
  const std::uint32_t mask = table_.name_slots() - 1;
  shm::Word& next = table_.name_word((index + 1) & mask);
  if (next.load(std::memory_order_relaxed) != 0 || changes_.has(next)) {
    return changes_.stage(WordKind::name, index, table_.name_word(index), shm::kTombstone);
  }
  Result<> staged = changes_.stage(WordKind::name, index, table_.name_word(index), 0);
  for (std::uint32_t step = 1; staged && step <= kMostTombstones; ++step) {
    const std::uint32_t before = (index - step) & mask;
    shm::Word& word = table_.name_word(before);
    if (word.load(std::memory_order_relaxed) != shm::kTombstone || changes_.has(word)) break;
    staged = changes_.stage(WordKind::name, before, word, 0);
  }
  return staged;
}

Result<AgentId> Agents::create(const Plan& plan, std::int64_t now_ns) {
  const shm::CreateRequest& request = plan.request;
  if (plan.descriptor->state_bytes > most_state_bytes_) return fail(Errc::state_too_large);
  if (request.name_length > shm::kMaxNameBytes ||
      request.capability_count > shm::kMaxCapabilities ||
      request.subscription_count > shm::kMaxCreateSubscriptions) {
    return fail(Errc::invalid_argument);
  }
  const Result<std::uint32_t> slot = take_slot();
  if (!slot) return fail(slot.error());
  if (const Result<> written = write_record(*slot, plan); !written) return fail(written.error());
  const std::size_t texts_before = metadata_.taken();
  if (const Result<bool> noted = set_metadata(*slot, plan.metadata); !noted) {
    return fail(noted.error());
  }
  shm::AgentRecord& agent = table_.record(*slot);
  const std::size_t changes_before = changes_.size();
  const std::uint32_t subscriptions_before = subscription_changes_;
  const std::size_t entries_before = subscriptions_.taken();
  const SlotWord old = SlotWord::unpack(agent.slot_word.load(std::memory_order_relaxed));
  const SlotWord born{old.generation + 1, static_cast<std::uint8_t>(Lifecycle::ready)};
  Result<> staged = changes_.stage(WordKind::agent_version, *slot, agent.version,
                                   agent.version.load(std::memory_order_relaxed) + 1);
  if (staged) staged = changes_.stage(WordKind::agent_slot, *slot, agent.slot_word, born.pack());
  if (staged && request.name_length != 0) {
    staged = enter_name(*slot, {request.name.data(), request.name_length});
  }
  for (std::uint32_t i = 0; staged && i < request.subscription_count; ++i) {
    staged = subscribe(*slot, request.subscriptions[i], now_ns);
  }
  if (!staged) {  // all of these words are new to the list, so cutting it undoes them
    changes_.cut(changes_before);
    subscriptions_.give_back(entries_before);
    subscription_changes_ = subscriptions_before;
    metadata_.give_back(texts_before);
    return fail(staged.error());
  }
  stamps_[*slot] = stamp_;  // its idle half is what this turn changes
  ++slots_taken_;
  ++created_;
  return AgentId{static_cast<EndpointId>(shm::Segment::endpoint_of_shard(shard_)), *slot,
                 born.generation};
}

Result<> Agents::end(std::uint32_t slot) {
  shm::AgentRecord& agent = table_.record(slot);
  const SlotWord word = SlotWord::unpack(agent.slot_word.load(std::memory_order_relaxed));
  Result<> staged = changes_.stage(WordKind::agent_slot, slot, agent.slot_word,
                                   SlotWord{word.generation, 0}.pack());
  if (staged && agent.name_length != 0 && agent.name_length < shm::kNameRoom) {
    const auto name = table_.name(slot);
    const auto place = table_.place_name({name.data(), agent.name_length});
    if (place.taken) staged = leave_name(*place.taken);
  }
  if (staged && (subscriptions_.has_any(slot) || subscription_changes_ != 0)) {
    staged = unsubscribe(slot, Symbol::none);
  }
  if (!staged) return staged;
  slots_ended_.push_back(slot);
  ++ended_;
  return {};
}

Result<> Agents::mark_terminating(std::uint32_t slot) {
  shm::AgentRecord& agent = table_.record(slot);
  SlotWord word = SlotWord::unpack(agent.slot_word.load(std::memory_order_relaxed));
  word.lifecycle = static_cast<std::uint8_t>(Lifecycle::terminating);
  return changes_.stage(WordKind::agent_slot, slot, agent.slot_word, word.pack());
}

AgentId Agents::id_of(std::uint32_t slot) const {
  const auto word = SlotWord::unpack(table_.record(slot).slot_word.load(std::memory_order_relaxed));
  return {static_cast<EndpointId>(shm::Segment::endpoint_of_shard(shard_)), slot, word.generation};
}

Result<> Agents::set_lifecycle(std::uint32_t slot, Lifecycle lifecycle, Errc reason) {
  shm::Word& word = table_.record(slot).slot_word;
  const SlotWord now = SlotWord::unpack(word.load(std::memory_order_relaxed));
  touch(slot)->reason = static_cast<std::uint16_t>(reason);
  if (transient_.has(slot)) {
    if (const Result<> kept = keep_reason(slot, reason); !kept) return kept;
  }
  return changes_.stage(WordKind::agent_slot, slot, word,
                        SlotWord{now.generation, static_cast<std::uint8_t>(lifecycle)}.pack());
}

void Agents::stage(shm::Turn& turn) {
  for (const std::uint32_t slot : touched_) {
    if (transient_.has(slot)) [[unlikely]]
      continue;
    shm::Word& version = table_.record(slot).version;
    turn.stage(WordKind::agent_version, slot, version, version.load(std::memory_order_relaxed) + 1);
  }
  for (const WordKind kind : {WordKind::agent_version, WordKind::agent_slot, WordKind::name,
                              WordKind::subscription, WordKind::agent_metadata}) {
    for (const Change& change : changes_) {
      if (change.kind == kind) turn.stage(kind, change.index, *change.word, change.value);
    }
  }
  if (subscription_changes_ != 0) turn.bump_epoch();
}

void Agents::settle() {
  if (!transient_.empty()) [[unlikely]]
    settle_transient();
  if (changes_.empty()) return;
  for (std::size_t i = 1; i <= slots_taken_; ++i)
    children_.add(free_slots_[free_slots_.size() - i]);
  for (const std::uint32_t slot : slots_ended_)
    children_.remove(slot);
  for_each_lifecycle([this](std::uint32_t slot, Lifecycle lifecycle) {
    if (lifecycle == Lifecycle::terminating) children_.leave_foreign(slot);
  });
  settle_metadata();
  free_slots_.resize(free_slots_.size() - slots_taken_);
  free_slots_.insert(free_slots_.end(), slots_ended_.begin(), slots_ended_.end());
  if (subscription_changes_ == 0) return;
  subscriptions_.forget_taken();
  for (const Change& change : changes_) {
    if (change.kind == WordKind::subscription) subscriptions_.update(change.index);
  }
  ++version_;
}

}  // namespace mabeam::worker
