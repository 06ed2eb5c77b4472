// Interest: for a publisher, which endpoints have a subscriber for a topic: whom to wake.
//
//   epoch ---- unchanged ----> cached set of the topic        one load, two indexed reads, a
//   compare
//         \--- changed ------> scan of all tables, once  ---> patterns, deduplicated
//                              topic's set, on its next use:  literal by its symbol, wildcards
//                              matched
//
// A set may hold an endpoint too many (who is served is decided by the reader), never one too few:
// a subscriber stores its word, then raises the epoch, then looks at the logs; a publisher stores
// its tail, fences, then loads the epoch. So either the publisher sees the new table, or the
// subscriber's look sees the event.
//
// A pattern without a wildcard matches exactly one topic, and equal text is equal symbol, so it is
// found by its symbol; only wildcards are matched by their text.
#pragma once

#include "shm/segment.hpp"
#include "shm/subscriptions.hpp"
#include "shm/symbols.hpp"

#include "mabeam/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace mabeam::shm {

class Interest {
 public:
  /// `segment` outlives this.
  explicit Interest(const Segment& segment);

  /// The endpoints that have a subscription which matches `topic`. Valid until the next call.
  [[nodiscard]] const EndpointSet& of(Symbol topic) {
    const std::uint64_t epoch = epoch_->load(std::memory_order_acquire);
    const std::uint32_t index = static_cast<std::uint32_t>(topic) - kFirstSymbol;
    if (index < places_.size()) [[likely]] {
      const Known& known = known_[places_[index]];
      if (known.epoch == epoch) [[likely]]
        return known.readers;
    }
    return look_up(topic, epoch);
  }

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// What is known of one topic, as of one epoch. Entry 0 is nobody's and never current.
  struct Known {
    std::uint64_t epoch = kNever;
    EndpointSet readers;
  };

  struct Wildcard {
    Symbol pattern{};
    EndpointSet readers;
  };

  const EndpointSet& look_up(Symbol topic, std::uint64_t epoch);
  void scan_tables(std::uint64_t epoch);
  void scan_table(std::uint32_t endpoint);

  const Segment* segment_;
  Symbols symbols_;
  const Word* epoch_;
  std::vector<std::uint32_t> places_;  // by symbol: where in known_; 0: not yet
  std::vector<Known> known_;
  std::uint64_t scanned_epoch_ = kNever;
  std::unordered_map<Symbol, EndpointSet> literals_;
  std::unordered_map<Symbol, EndpointSet> found_;  // of the scan under way
  std::vector<Wildcard> wildcards_;
};

}  // namespace mabeam::shm
