// Changes: the words of structure that one message changes, and which value each shall have. Each
// word once: the last value counts.
#pragma once

#include "shm/turn.hpp"
#include "shm/wire.hpp"
#include "shm/words.hpp"

#include "mabeam/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace mabeam::worker {

struct Change {
  shm::WordKind kind;
  std::uint32_t index;
  shm::Word* word;
  std::uint64_t value;
};

class Changes {
 public:
  static constexpr std::size_t kMost = shm::kMostChangesOfMessage;

  Changes() { changes_.reserve(kMost); }

  /// Errors: too_many_changes.
  Result<> stage(shm::WordKind kind, std::uint32_t index, shm::Word& word, std::uint64_t value) {
    std::uint16_t& place = place_of(&word);
    if (place != 0) {
      changes_[place - 1U].value = value;
      return {};
    }
    if (changes_.size() >= kMost) return fail(Errc::too_many_changes);
    changes_.push_back({kind, index, &word, value});
    place = static_cast<std::uint16_t>(changes_.size());
    return {};
  }

  [[nodiscard]] bool has(const shm::Word& word) noexcept { return place_of(&word) != 0; }

  /// What a word shall have; nothing if it is not on the list.
  [[nodiscard]] std::optional<std::uint64_t> value_of(const shm::Word& word) noexcept {
    const std::uint16_t place = place_of(&word);
    if (place == 0) return std::nullopt;
    return changes_[place - 1U].value;
  }

  /// Forgets the words behind the first `size`.
  void cut(std::size_t size) noexcept {
    changes_.resize(size);
    places_.fill(0);
    for (std::size_t i = 0; i < size; ++i)
      place_of(changes_[i].word) = static_cast<std::uint16_t>(i + 1);
  }

  void clear() noexcept { cut(0); }

  [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }

  [[nodiscard]] std::size_t size() const noexcept { return changes_.size(); }

  [[nodiscard]] auto begin() noexcept { return changes_.begin(); }

  [[nodiscard]] auto end() noexcept { return changes_.end(); }

 private:
  static constexpr std::size_t kPlaces = 1024;
  static_assert(kPlaces >= 2 * kMost, "so that a search always ends at a free place");

  /// Where a word is in the list, counted from 1; 0 is the place to enter it at.
  std::uint16_t& place_of(const shm::Word* word) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(word);
    std::size_t i = (address * 0x9E3779B97F4A7C15U) >> 54U;
    while (places_[i] != 0 && changes_[places_[i] - 1U].word != word)
      i = (i + 1) % kPlaces;
    return places_[i];
  }

  std::vector<Change> changes_;
  std::array<std::uint16_t, kPlaces> places_{};
};

}  // namespace mabeam::worker
