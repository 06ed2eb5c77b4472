#include "shm/interest.hpp"

#include "shm/topics.hpp"

#include <string_view>

namespace mabeam::shm {
namespace {

void add(EndpointSet& to, const EndpointSet& more) {
  for (std::size_t i = 0; i < to.words.size(); ++i)
    to.words[i] |= more.words[i];
}

}  // namespace

Interest::Interest(const Segment& segment)
    : segment_(&segment),
      symbols_(segment.symbols()),
      epoch_(&segment.header().subscription_epoch),
      known_(1) {
}

const EndpointSet& Interest::look_up(Symbol topic, std::uint64_t epoch) {
  const std::uint32_t index = static_cast<std::uint32_t>(topic) - kFirstSymbol;
  if (index >= symbols_.capacity()) return (known_[0] = {}).readers;
  if (epoch != scanned_epoch_) scan_tables(epoch);
  if (places_.empty()) places_.resize(symbols_.capacity());
  if (places_[index] == 0) {
    places_[index] = static_cast<std::uint32_t>(known_.size());
    known_.emplace_back();
  }
  Known& known = known_[places_[index]];
  known.epoch = epoch;
  known.readers.clear();
  if (const auto literal = literals_.find(topic); literal != literals_.end()) {
    known.readers = literal->second;
  }
  const std::string_view text = symbols_.text(topic);
  if (text.empty()) return known.readers;  // nobody made this symbol
  for (const Wildcard& wildcard : wildcards_) {
    if (matches(symbols_.text(wildcard.pattern), text)) add(known.readers, wildcard.readers);
  }
  return known.readers;
}

// A table that changes while it is scanned raises the epoch afterwards: it is scanned again.
void Interest::scan_tables(std::uint64_t epoch) {
  found_.clear();
  for (std::uint32_t i = 1; i < segment_->endpoints(); ++i) {
    const bool is_free =
        segment_->is_client(i) && segment_->endpoint(i).claim.load(std::memory_order_acquire) == 0;
    if (!is_free) scan_table(i);
  }
  literals_.clear();
  wildcards_.clear();
  for (const auto& [pattern, readers] : found_) {
    const std::string_view text = symbols_.text(pattern);
    if (!check_pattern(text)) continue;  // damage
    if (text.find_first_of("*>") == std::string_view::npos) {
      literals_.emplace(pattern, readers);
    } else {
      wildcards_.push_back({pattern, readers});
    }
  }
  scanned_epoch_ = epoch;
}

void Interest::scan_table(std::uint32_t endpoint) {
  Symbol last = Symbol::none;  // agents made together subscribe alike
  for (const Subscription& entry : segment_->subscriptions(endpoint)) {
    const std::uint64_t word = entry.word.load(std::memory_order_acquire);
    if (word == 0) continue;
    const Symbol pattern = SubscriptionWord::unpack(word).pattern;
    if (pattern == last) continue;
    found_[pattern].insert(endpoint);
    last = pattern;
  }
}

}  // namespace mabeam::shm
