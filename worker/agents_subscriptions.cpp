// Agents' subscriptions, as a message changes them.
#include "worker/agents.hpp"

#include <algorithm>

namespace mabeam::worker {

using shm::SubscriptionWord;
using shm::WordKind;

bool Agents::is_subscribed(std::uint32_t slot, Symbol pattern, AgentId source) noexcept {
  const std::uint64_t value = SubscriptionWord{pattern, slot}.pack();
  const bool is_made = subscription_changes_ != 0 &&
                       std::any_of(changes_.begin(), changes_.end(), [&](Change& each) {
                         return each.kind == WordKind::subscription && each.value == value &&
                                source_in(each.index) == source;
                       });
  bool is_in_force = false;
  (void)subscriptions_.for_each_of(slot, [&](const Entry& entry) -> Result<> {
    is_in_force = is_in_force || (entry.pattern == pattern && entry.source == source &&
                                  !changes_.has(subscription_table_[entry.index].word));
    return {};
  });
  return is_made || is_in_force;
}

Result<> Agents::subscribe(std::uint32_t slot, Symbol pattern, std::int64_t now_ns,
                           AgentId source) {
  const std::size_t entries_before = subscriptions_.taken();
  const std::optional<std::uint32_t> index = subscriptions_.take();
  if (!index) return fail(Errc::subscriptions_full);
  shm::Subscription& entry = subscription_table_[*index];
  // Free, so nobody reads it: both are in place before the word that puts it in force.
  entry.since_ns.store(static_cast<std::uint64_t>(now_ns), std::memory_order_relaxed);
  entry.source.store(source.value(), std::memory_order_relaxed);
  const Result<> staged = changes_.stage(WordKind::subscription, *index, entry.word,
                                         SubscriptionWord{pattern, slot}.pack());
  if (staged) {
    ++subscription_changes_;
  } else {
    subscriptions_.give_back(entries_before);
  }
  return staged;
}

// Symbol::none takes away all of the agent's subscriptions: those in force, and those that the same
// message made.
Result<> Agents::unsubscribe(std::uint32_t slot, Symbol pattern, std::optional<AgentId> source) {
  const auto is_meant = [&](Symbol of_entry, AgentId its_source) {
    return (pattern == Symbol::none || of_entry == pattern) && (!source || its_source == *source);
  };
  if (subscription_changes_ != 0) {
    for (Change& change : changes_) {
      const SubscriptionWord entry = SubscriptionWord::unpack(change.value);
      const bool is_own = change.kind == WordKind::subscription && change.value != 0;
      if (is_own && entry.slot == slot && is_meant(entry.pattern, source_in(change.index))) {
        change.value = 0;
      }
    }
  }
  return subscriptions_.for_each_of(slot, [&](const Entry& entry) -> Result<> {
    if (!is_meant(entry.pattern, entry.source)) return {};
    ++subscription_changes_;
    return changes_.stage(WordKind::subscription, entry.index,
                          subscription_table_[entry.index].word, 0);
  });
}

}  // namespace mabeam::worker
