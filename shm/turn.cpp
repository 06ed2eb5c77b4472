#include "shm/turn.hpp"

#include <bit>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kMix1 = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kMix2 = 0xD6E8FEB86659FD93;

}  // namespace

std::uint64_t checksum_of(const RedoList& list, std::uint32_t count) noexcept {
  std::uint64_t sum = list.turn * kMix1 ^ (std::uint64_t{count} << 1U | list.bumps_epoch) * kMix2;
  for (std::uint64_t i = 0; i < count; ++i) {
    const RedoEntry& entry = list.entries[i];
    sum += (entry.key ^ i * kMix1) * kMix2 ^ std::rotl(entry.value * kMix1, 31);
  }
  return sum;
}

void Turn::seal(std::uint64_t number) const noexcept {
  RedoList& list = *list_;
  list.turn = number;
  list.count = count_;
  list.bumps_epoch = bumps_epoch_ ? 1 : 0;
  list.checksum = checksum_of(list, count_);
}

void Turn::commit(const TurnWords& words) noexcept {
  const std::uint64_t next = number();
  seal(next);
  region_->committed.store(next, std::memory_order_release);  // COMMIT
  apply(words);
  region_->applied.store(next, std::memory_order_release);
}

void Turn::apply(const TurnWords& words) noexcept {
  bool bump = bumps_epoch_;
  for (const Staged& entry : std::span{staged_.get(), count_}) {
    if (bump && !is_structure(entry.kind)) {
      words.bump_epoch();
      bump = false;
    }
    entry.word->store(entry.value, std::memory_order_release);  // APPLY
  }
  if (bump) words.bump_epoch();
}

Result<bool> Turn::recover(const TurnWords& words) {
  const std::uint64_t committed = region_->committed.load(std::memory_order_acquire);  // COMMIT
  const std::uint64_t applied = region_->applied.load(std::memory_order_acquire);
  if (committed == applied) return false;
  if (committed != applied + 1) return fail(Errc::corrupt);
  const RedoList& list = region_->lists[committed & 1U];
  const std::uint32_t count = list.count;  // each value is read once: another may change it
  if (list.turn != committed || count > kRedoEntries || list.bumps_epoch > 1 ||
      list.checksum != checksum_of(list, count)) {
    return fail(Errc::corrupt);
  }
  begin();
  bumps_epoch_ = list.bumps_epoch != 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const RedoEntry entry = list.entries[i];
    const Result<Word*> word = words.resolve(entry);
    if (!word) return fail(word.error());
    staged_[count_++] = {*word, entry.value, entry.kind()};
  }
  apply(words);
  region_->applied.store(committed, std::memory_order_release);
  return true;
}

}  // namespace mabeam::shm
