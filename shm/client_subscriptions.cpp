#include "shm/client_subscriptions.hpp"

#include "shm/clock.hpp"
#include "shm/topics.hpp"

#include <algorithm>
#include <limits>

namespace mabeam::shm {
namespace {

constexpr std::int64_t kUnknown = -1;
constexpr std::int64_t kNotWanted = std::numeric_limits<std::int64_t>::max();

bool is_same_source(const SubscribeOptions& a, const SubscribeOptions& b) {
  return a.source == b.source && a.endpoint == b.endpoint;
}

bool is_from(const SubscribeOptions& options, AgentId source) {
  if (options.source && options.source != source) return false;
  return !options.endpoint || *options.endpoint == static_cast<std::uint32_t>(source.endpoint());
}

}  // namespace

ClientSubscriptions::ClientSubscriptions(const Segment& segment, std::uint32_t endpoint)
    : segment_(segment),
      endpoint_(endpoint),
      symbols_(segment.symbols()) {
}

/// The entry that holds `word`; 0 finds a free one.
Subscription* ClientSubscriptions::find_entry(std::uint64_t word) const {
  for (Subscription& entry : segment_.subscriptions(endpoint_)) {
    if (entry.word.load(std::memory_order_relaxed) == word) return &entry;
  }
  return nullptr;
}

void ClientSubscriptions::forget_matches() {
  filtered_ = static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return is_filtered(entry.options); }));
  for (std::vector<std::int64_t>& wanted : wanted_)
    wanted.assign(symbols_.capacity(), kUnknown);
}

Result<> ClientSubscriptions::add(std::string_view pattern, const SubscribeOptions& options) {
  if (const Result<> checked = check_pattern(pattern); !checked) return fail(checked.error());
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.pattern == pattern && is_same_source(entry.options, options);
  });
  if (known != entries_.end()) {
    if (known->options.delivery == options.delivery) return {};
    known->options = options;
    known->since_ns = monotonic_ns();
    forget_matches();
    return {};
  }
  const Result<Symbol> symbol = symbols_.intern(pattern);
  if (!symbol) return fail(symbol.error());
  const std::uint64_t word = SubscriptionWord{*symbol, AgentId::kClientSlot}.pack();
  const bool is_new = find_entry(word) == nullptr;
  Subscription* entry = is_new ? find_entry(0) : nullptr;
  if (is_new && entry == nullptr) return fail(Errc::subscriptions_full);
  const std::int64_t now = monotonic_ns();
  entries_.push_back({std::string{pattern}, options, now});
  forget_matches();
  if (!is_new) return {};
  entry->since_ns.store(static_cast<std::uint64_t>(now), std::memory_order_relaxed);
  entry->word.store(word, std::memory_order_release);
  segment_.header().subscription_epoch.fetch_add(1, std::memory_order_seq_cst);
  return {};
}

Result<> ClientSubscriptions::remove(std::string_view pattern, const SubscribeOptions* options) {
  const std::size_t removed = std::erase_if(entries_, [&](const Entry& entry) {
    return entry.pattern == pattern &&
           (options == nullptr || is_same_source(entry.options, *options));
  });
  if (removed == 0) return fail(Errc::not_found);
  forget_matches();
  const bool is_used = std::any_of(entries_.begin(), entries_.end(),
                                   [&](const Entry& entry) { return entry.pattern == pattern; });
  if (is_used) return {};
  const Symbol symbol = symbols_.find(pattern);
  Subscription* entry = find_entry(SubscriptionWord{symbol, AgentId::kClientSlot}.pack());
  if (symbol == Symbol::none || entry == nullptr) return {};  // damage
  entry->word.store(0, std::memory_order_release);
  segment_.header().subscription_epoch.fetch_add(1, std::memory_order_seq_cst);
  return {};
}

bool ClientSubscriptions::has(Delivery delivery) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return entry.options.delivery == delivery; });
}

// ---- matching --------------------------------------------------------------------------------

/// The oldest subscription without a source that matches.
std::int64_t ClientSubscriptions::topic_since(Symbol topic, std::string_view text,
                                              Delivery delivery) {
  const std::uint32_t index = static_cast<std::uint32_t>(topic) - kFirstSymbol;
  std::int64_t& since = wanted_[index_of(delivery)][index];
  if (since != kUnknown) return since;
  since = kNotWanted;
  for (const Entry& entry : entries_) {
    if (entry.options.delivery != delivery || is_filtered(entry.options)) continue;
    if (matches(entry.pattern, text)) since = std::min(since, entry.since_ns);
  }
  return since;
}

std::int64_t ClientSubscriptions::wanted_since(const MessageHeader& event, Delivery delivery) {
  const std::uint32_t index = static_cast<std::uint32_t>(event.symbol) - kFirstSymbol;
  if (index >= wanted_[index_of(delivery)].size()) return kNotWanted;
  const std::string_view text = symbols_.text(event.symbol);
  if (text.empty()) return kNotWanted;  // nobody made this symbol, so far
  std::int64_t since = topic_since(event.symbol, text, delivery);
  if (filtered_ == 0) return since;
  for (const Entry& entry : entries_) {
    if (entry.options.delivery != delivery || !is_filtered(entry.options)) continue;
    if (!is_from(entry.options, AgentId{event.source}) || entry.since_ns >= since) continue;
    if (matches(entry.pattern, text)) since = entry.since_ns;
  }
  return since;
}

bool ClientSubscriptions::wants(const MessageHeader& event, Delivery delivery) {
  if (wanted_since(event, delivery) > event.sent_ns) return false;
  return delivery == Delivery::reliable || wanted_since(event, Delivery::reliable) > event.sent_ns;
}

}  // namespace mabeam::shm
