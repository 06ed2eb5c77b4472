// What is noted of agents, and how it changes: by a word of the turn, or plainly where the agent is
// being made by the current message, since nobody reads a free slot.
#include "worker/agents.hpp"

namespace mabeam::worker {

bool Agents::is_being_made(std::uint32_t slot) const noexcept {
  const std::uint64_t word = table_.record(slot).slot_word.load(std::memory_order_relaxed);
  return shm::SlotWord::unpack(word).lifecycle == 0;
}

std::string_view Agents::metadata(std::uint32_t slot) noexcept {
  const shm::Word& word = table_.profile(slot).metadata;
  return metadata_.text_of(changes_.value_of(word).value_or(word.load(std::memory_order_relaxed)));
}

Result<bool> Agents::set_metadata(std::uint32_t slot, std::string_view text) {
  if (!shm::is_metadata(text)) return fail(Argument::metadata);
  shm::Word& word = table_.profile(slot).metadata;
  const std::uint64_t before = word.load(std::memory_order_relaxed);
  const std::optional<std::uint64_t> staged = changes_.value_of(word);
  const std::uint64_t now = staged.value_or(before);
  if (metadata_.text_of(now) == text) return false;
  const bool is_new = is_being_made(slot);
  if ((staged || is_new) && metadata_.is_record(now) && !text.empty()) {
    metadata_.rewrite(now, text);
    return true;
  }
  const std::size_t taken_before = metadata_.taken();
  const Result<std::uint64_t> next = metadata_.write(before, text);
  if (!next) return fail(next.error());
  if (is_new) {
    word.store(*next, std::memory_order_relaxed);
  } else if (const Result<> changed =
                 changes_.stage(shm::WordKind::agent_metadata, slot, word, *next);
             !changed) {
    metadata_.give_back(taken_before);
    return fail(changed.error());
  }
  metadata_.release(now);
  return true;
}

// By now its word is what the turn has made of it.
void Agents::settle_metadata() {
  if (!metadata_.is_used()) return;
  for (const std::uint32_t slot : slots_ended_)
    metadata_.release(table_.profile(slot).metadata.load(std::memory_order_relaxed));
  metadata_.settle();
}

}  // namespace mabeam::worker
