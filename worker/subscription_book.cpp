#include "worker/subscription_book.hpp"

namespace mabeam::worker {

using shm::SubscriptionWord;

void SubscriptionBook::open(std::uint32_t agents) {
  in_force_.clear();
  free_.clear();
  free_.reserve(table_.size());
  taken_ = 0;
  first_.assign(agents, kNone);
  next_.assign(table_.size(), kNone);
  place_.assign(table_.size(), kNone);
  for (auto index = static_cast<std::uint32_t>(table_.size()); index-- > 0;)
    update(index);
}

void SubscriptionBook::update(std::uint32_t index) {
  if (place_[index] != kNone) remove(index);
  const std::uint64_t word = table_[index].word.load(std::memory_order_relaxed);
  if (word == 0) {
    free_.push_back(index);
  } else if (SubscriptionWord::unpack(word).slot < first_.size()) {
    enter(index, word);
  }
}

void SubscriptionBook::enter(std::uint32_t index, std::uint64_t word) {
  const SubscriptionWord entry = SubscriptionWord::unpack(word);
  const std::uint64_t since = table_[index].since_ns.load(std::memory_order_relaxed);
  const AgentId source{table_[index].source.load(std::memory_order_relaxed)};
  place_[index] = static_cast<std::uint32_t>(in_force_.size());
  in_force_.push_back({entry.pattern, entry.slot, static_cast<std::int64_t>(since), index, source});
  next_[index] = first_[entry.slot];
  first_[entry.slot] = index;
}

void SubscriptionBook::remove(std::uint32_t index) {
  const std::uint32_t place = place_[index];
  std::uint32_t* link = &first_[in_force_[place].slot];
  while (*link != index)
    link = &next_[*link];
  *link = next_[index];
  in_force_[place] = in_force_.back();
  place_[in_force_[place].index] = place;
  in_force_.pop_back();
  place_[index] = kNone;
}

}  // namespace mabeam::worker
