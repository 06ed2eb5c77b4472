// Subscriptions: one table an endpoint, written only by its owner, read by every publisher.
//
//      +-------------------------------+---------------+---------------+
//      |  pattern symbol  |    slot    |   since_ns    |    source     |   one entry; word 0 = free
//      +-------------------------------+---------------+---------------+
//
// A publisher matches a topic against these tables once per change of any of them (the epoch), and
// only to know whom to wake; who is served is decided by the reader. An agent is served an event
// only if it was subscribed before the event was sent, and only of its source, where it has one:
// both are written before the word. A client keeps its own filters, in its own memory.
#pragma once

#include "shm/words.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace mabeam::shm {

inline constexpr std::uint32_t kClientSubscriptions = 1024;

struct Subscription {
  Word word;      ///< SubscriptionWord
  Word since_ns;  ///< CLOCK_MONOTONIC
  Word source;    ///< AgentId: only what this agent or client emits; 0: whoever does
};

static_assert(sizeof(Subscription) == 24);

using SubscriptionTable = std::span<Subscription>;

/// A set of endpoints, by index.
struct EndpointSet {
  std::array<std::uint64_t, 4> words{};

  void insert(std::uint32_t endpoint) {
    words[endpoint / 64] |= std::uint64_t{1} << (endpoint % 64);
  }

  void erase(std::uint32_t endpoint) {
    words[endpoint / 64] &= ~(std::uint64_t{1} << (endpoint % 64));
  }

  [[nodiscard]] bool contains(std::uint32_t endpoint) const {
    return (words[endpoint / 64] >> (endpoint % 64) & 1U) != 0;
  }

  [[nodiscard]] bool empty() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }

  void clear() { words = {}; }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::uint32_t i = 0; i < words.size(); ++i) {
      for (std::uint64_t rest = words[i]; rest != 0; rest &= rest - 1) {
        visit(i * 64 + static_cast<std::uint32_t>(__builtin_ctzll(rest)));
      }
    }
  }
};

}  // namespace mabeam::shm
