// TransientStates: what agents that are not durable remember, in this process's memory. Two halves
// a slot, each a header and a state as in the segment, so that touching, undoing and committing are
// the same; which half counts is a bool here instead of a version there.
#pragma once

#include "shm/registry.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace mabeam::worker {

class TransientStates {
 public:
  /// Forgets everything. Any state takes up to `most` bytes.
  void open(std::uint32_t slots, std::uint32_t most) {
    slots_ = slots;
    most_ = most;
    states_.clear();
  }

  /// True if no slot has ever had any.
  [[nodiscard]] bool empty() const noexcept { return states_.empty(); }

  [[nodiscard]] bool has(std::uint32_t slot) const noexcept {
    return slot < states_.size() && states_[slot].halves != nullptr;
  }

  /// Gives a slot room for two halves of up to `bytes`, neither of which holds anything.
  void give(std::uint32_t slot, std::uint32_t bytes) {
    if (states_.empty()) states_.resize(slots_);
    State& state = states_[slot];
    state.room = bytes < most_ ? bytes : most_;
    state.stride = shm::half_stride(state.room);
    state.halves = std::make_unique_for_overwrite<std::byte[]>(2 * state.stride);
    state.current = 0;
    for (const std::uint64_t half : {0U, 1U}) {
      auto* header = reinterpret_cast<shm::StateHeader*>(state.halves.get() + half * state.stride);
      std::construct_at(header)->state_version = kNoVersion;
    }
  }

  void drop(std::uint32_t slot) noexcept {
    if (has(slot)) states_[slot].halves.reset();
  }

  // ---- of a slot that has()

  [[nodiscard]] std::byte* current(std::uint32_t slot) const noexcept {
    return states_[slot].halves.get() + states_[slot].current * states_[slot].stride;
  }

  [[nodiscard]] std::byte* idle(std::uint32_t slot) const noexcept {
    return states_[slot].halves.get() + (1 - states_[slot].current) * states_[slot].stride;
  }

  /// What a state may take of each half.
  [[nodiscard]] std::uint32_t room(std::uint32_t slot) const noexcept { return states_[slot].room; }

  /// What was idle counts from now on.
  void flip(std::uint32_t slot) noexcept { states_[slot].current = 1 - states_[slot].current; }

 private:
  static constexpr std::uint32_t kNoVersion = 0xFFFFFFFF;

  struct State {
    std::unique_ptr<std::byte[]> halves;
    std::uint64_t stride = 0;
    std::uint32_t room = 0;
    std::uint32_t current = 0;
  };

  std::uint32_t slots_ = 0;
  std::uint32_t most_ = 0;
  std::vector<State> states_;  // by slot; empty until one is given
};

}  // namespace mabeam::worker
