#include "worker/subscribers.hpp"

#include "shm/topics.hpp"

#include <algorithm>
#include <tuple>

namespace mabeam::worker {

const std::vector<Subscribers::Subscriber>& Subscribers::of(Symbol topic) {
  const std::uint32_t index = static_cast<std::uint32_t>(topic) - shm::kFirstSymbol;
  if (index >= symbols_.capacity()) return nobody_;
  if (index >= matches_.size()) matches_.resize(index + 1);
  Match& match_of_topic = matches_[index];
  if (match_of_topic.version != agents_.subscription_version()) {
    match_of_topic.version = agents_.subscription_version();
    match(symbols_.text(topic), match_of_topic.subscribers);
  }
  return match_of_topic.subscribers;
}

void Subscribers::match(std::string_view topic, std::vector<Subscriber>& result) const {
  result.clear();
  if (topic.empty()) return;
  for (const Agents::Entry& entry : agents_.subscriptions()) {
    const std::string_view pattern = symbols_.text(entry.pattern);
    if (pattern.empty() || !shm::matches(pattern, topic)) continue;
    result.push_back({entry.slot, entry.since_ns, entry.source});
  }
  std::sort(result.begin(), result.end(), [](const Subscriber& a, const Subscriber& b) {
    return std::tie(a.slot, a.source, a.since_ns) < std::tie(b.slot, b.source, b.since_ns);
  });
  const auto is_same = [](const Subscriber& a, const Subscriber& b) {
    return a.slot == b.slot && a.source == b.source;
  };
  result.erase(std::unique(result.begin(), result.end(), is_same), result.end());
}

}  // namespace mabeam::worker
