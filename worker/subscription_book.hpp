// SubscriptionBook: what a shard derives from its subscription table, so that nothing that it does
// with a few entries walks all of them: which are free, which are in force, and which are whose.
//
//   first_[slot] -> index -> next_[index] -> ... kNone        an agent's own entries
//   place_[index] -> where in_force() has it
#pragma once

#include "shm/subscriptions.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace mabeam::worker {

class SubscriptionBook {
 public:
  /// One subscription that is in force.
  struct Entry {
    Symbol pattern{};
    std::uint32_t slot = 0;
    std::int64_t since_ns = 0;
    std::uint32_t index = 0;  ///< in the table
    AgentId source;           ///< nobody: whoever emits
  };

  explicit SubscriptionBook(shm::SubscriptionTable table) : table_(table) {}

  /// Reads the whole table, for a shard of so many agents. An entry of no agent there is damage: it
  /// is neither free nor in force.
  void open(std::uint32_t agents);

  [[nodiscard]] const std::vector<Entry>& in_force() const noexcept { return in_force_; }

  [[nodiscard]] bool has_any(std::uint32_t slot) const noexcept { return first_[slot] != kNone; }

  [[nodiscard]] std::size_t count_of(std::uint32_t slot) const noexcept {
    std::size_t count = 0;
    for (std::uint32_t index = first_[slot]; index != kNone; index = next_[index])
      ++count;
    return count;
  }

  /// Calls `visit` with each entry of an agent that is in force. Errors: the first of visit's.
  template <class Visit>
  Result<> for_each_of(std::uint32_t slot, Visit&& visit) {
    for (std::uint32_t index = first_[slot]; index != kNone; index = next_[index]) {
      if (const Result<> done = visit(in_force_[place_[index]]); !done) return done;
    }
    return {};
  }

  /// A free entry, which the current message may put in force; nothing if there is none.
  std::optional<std::uint32_t> take() noexcept {
    if (taken_ == free_.size()) return std::nullopt;
    return free_[free_.size() - ++taken_];
  }

  /// How many the current message has taken, and back to as many.
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

  void give_back(std::size_t taken) noexcept { taken_ = taken; }

  void give_back_all() noexcept { taken_ = 0; }

  /// After the commit: what was taken is free no longer, unless update() finds it so.
  void forget_taken() noexcept {
    free_.resize(free_.size() - taken_);
    taken_ = 0;
  }

  /// Reads an entry again whose word has changed.
  void update(std::uint32_t index);

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  void enter(std::uint32_t index, std::uint64_t word);
  void remove(std::uint32_t index);

  shm::SubscriptionTable table_;
  std::vector<Entry> in_force_;
  std::vector<std::uint32_t> free_;   // the last is taken next
  std::vector<std::uint32_t> first_;  // by slot
  std::vector<std::uint32_t> next_;   // by index
  std::vector<std::uint32_t> place_;  // by index; kNone: not in force
  std::size_t taken_ = 0;
};

}  // namespace mabeam::worker
