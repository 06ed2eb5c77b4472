#include "worker/metadata_pool.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::MetadataWord;

void MetadataPool::open(const shm::AgentTable& agents) {
  undo_message();
  used_.assign(records_.size(), false);
  for (std::uint32_t slot = 0; slot < agents.size(); ++slot) {
    const std::uint64_t life = agents.record(slot).slot_word.load(std::memory_order_relaxed);
    if (shm::SlotWord::unpack(life).lifecycle == 0) continue;
    const std::uint64_t word = agents.profile(slot).metadata.load(std::memory_order_relaxed);
    if (is_record(word)) used_[MetadataWord::unpack(word).record] = true;
  }
  free_.clear();
  free_.reserve(records_.size());
  for (auto record = static_cast<std::uint32_t>(records_.size()); record-- > 0;) {
    if (!used_[record]) free_.push_back(record);
  }
}

std::string_view MetadataPool::text_of(std::uint64_t word) const noexcept {
  return is_record(word) ? records_[MetadataWord::unpack(word).record].view() : std::string_view{};
}

Result<std::uint64_t> MetadataPool::write(std::uint64_t word, std::string_view text) {
  MetadataWord next{MetadataWord::unpack(word).serial + 1};
  if (text.empty()) return next.pack();
  const std::size_t kept = is_record(word) ? 0 : 1;
  if (taken_ + kept >= free_.size()) return fail(Errc::metadata_full);
  next.record = free_[free_.size() - 1 - taken_];
  ++taken_;
  fill(next.record, text);
  return next.pack();
}

void MetadataPool::rewrite(std::uint64_t word, std::string_view text) noexcept {
  fill(MetadataWord::unpack(word).record, text);
}

void MetadataPool::fill(std::uint32_t record, std::string_view text) noexcept {
  shm::MetadataRecord& place = records_[record];
  place.length = static_cast<std::uint8_t>(text.size());
  std::copy(text.begin(), text.end(), place.text.begin());
}

void MetadataPool::release(std::uint64_t word) {
  if (is_record(word)) released_.push_back(MetadataWord::unpack(word).record);
}

void MetadataPool::undo_message() noexcept {
  taken_ = 0;
  released_.clear();
}

// In a damaged segment two agents may name one record: it is freed once.
void MetadataPool::settle() {
  for (; taken_ != 0; --taken_) {
    used_[free_.back()] = true;
    free_.pop_back();
  }
  for (const std::uint32_t record : released_) {
    if (used_[record]) free_.push_back(record);
    used_[record] = false;
  }
  released_.clear();
}

}  // namespace mabeam::worker
