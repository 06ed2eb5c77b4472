// ClientSubscriptions: what a client is subscribed to: its entries in its endpoint's table, which
// tell emitters whom to wake, and the private rest: sources, and how events are delivered.
//
//   table    {pattern, the client}     one entry a pattern, however many sources
//   private  {pattern, source, endpoint, delivery, since}   decides what is handed out
#pragma once

#include "shm/segment.hpp"
#include "shm/subscriptions.hpp"
#include "shm/symbols.hpp"
#include "shm/wire.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::shm {

class ClientSubscriptions {
 public:
  /// `segment` outlives this.
  ClientSubscriptions(const Segment& segment, std::uint32_t endpoint);

  /// Puts a subscription in force, from now on; one of another delivery is changed. The cursors
  /// that it needs are there already. Errors: bad_topic, symbols_full, subscriptions_full.
  Result<> add(std::string_view pattern, const SubscribeOptions& options);

  /// Ends all subscriptions to a pattern; with options, the one of that source.
  /// Errors: not_found.
  Result<> remove(std::string_view pattern, const SubscribeOptions* options);

  [[nodiscard]] bool has(Delivery delivery) const;

  /// True if an event is to be handed out by that delivery. What is wanted by both comes reliably.
  [[nodiscard]] bool wants(const MessageHeader& event, Delivery delivery);

 private:
  struct Entry {
    std::string pattern;
    SubscribeOptions options;
    std::int64_t since_ns = 0;
  };

  [[nodiscard]] static bool is_filtered(const SubscribeOptions& options) {
    return options.source || options.endpoint;
  }

  [[nodiscard]] static std::size_t index_of(Delivery delivery) {
    return static_cast<std::size_t>(delivery);
  }

  [[nodiscard]] Subscription* find_entry(std::uint64_t word) const;
  [[nodiscard]] std::int64_t wanted_since(const MessageHeader& event, Delivery delivery);
  [[nodiscard]] std::int64_t topic_since(Symbol topic, std::string_view text, Delivery delivery);
  void forget_matches();

  const Segment& segment_;
  std::uint32_t endpoint_;
  Symbols symbols_;
  std::vector<Entry> entries_;
  std::size_t filtered_ = 0;  // of them, those that name a source
  /// By delivery and topic: from when on, by those that name no source; kUnknown: not matched yet.
  std::array<std::vector<std::int64_t>, 2> wanted_;
};

}  // namespace mabeam::shm
