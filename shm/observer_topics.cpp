// The observer's topics: what the kept history has events of, and who is subscribed to what.
#include "shm/observer_impl.hpp"
#include "shm/past_events.hpp"
#include "shm/topics.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam {
namespace {

using shm::PastEvent;
using shm::PastEvents;
using shm::Segment;

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*>") != std::string_view::npos;
}

class TopicCollector {
 public:
  TopicCollector(const Segment& segment, std::string_view wanted)
      : segment_(segment),
        symbols_(segment.symbols()),
        wanted_(wanted) {}

  TopicsView collect() {
    TopicsView view;
    for (std::uint32_t endpoint = 0; endpoint < segment_.endpoints(); ++endpoint)
      view.gone += count_events(endpoint);
    for (std::uint32_t endpoint = 1; endpoint < segment_.endpoints(); ++endpoint)
      find_subscribers(endpoint);
    settle_patterns();
    find_wildcards();
    for (auto& [name, topic] : topics_) {
      join(topic);
      view.topics.push_back(std::move(topic));
    }
    for (auto& [name, pattern] : patterns_)
      view.patterns.push_back(std::move(pattern));
    return view;
  }

 private:
  std::uint64_t count_events(std::uint32_t endpoint) {
    Result<PastEvents> past = PastEvents::open(segment_, endpoint);
    if (!past) return 0;  // damaged: verify() tells
    PastEvent event;
    Symbol last{};
    TopicView* topic = nullptr;
    while (past->next(event)) {
      if (event.symbol != last) topic = topic_of(event.topic);
      last = event.symbol;
      if (topic == nullptr) continue;
      ++topic->events;
      topic->last_ns = std::max(topic->last_ns, event.emitted_ns);
    }
    return past->gone();
  }

  /// Nothing if it is not wanted.
  TopicView* topic_of(std::string_view name) {
    if (!shm::matches(wanted_, name)) return nullptr;
    TopicView& topic = topics_[std::string{name}];
    if (topic.topic.empty()) topic.topic = name;
    return &topic;
  }

  void find_subscribers(std::uint32_t endpoint) {
    const bool is_client = segment_.is_client(endpoint);
    const shm::EndpointSlot& slot = segment_.endpoint(endpoint);
    if (is_client && slot.claim.load(std::memory_order_acquire) == 0) return;
    for (const shm::Subscription& entry : segment_.subscriptions(endpoint)) {
      const std::uint64_t word = entry.word.load(std::memory_order_acquire);
      if (word == 0) continue;
      const auto subscription = shm::SubscriptionWord::unpack(word);
      const std::string_view text = symbols_.text(subscription.pattern);
      const AgentId id = is_client ? client_id(endpoint) : agent_id(endpoint, subscription.slot);
      if (!id || !shm::check_pattern(text)) continue;
      PatternView& pattern = patterns_[std::string{text}];
      pattern.pattern = text;
      const std::uint64_t since = entry.since_ns.load(std::memory_order_relaxed);
      pattern.subscribers.push_back({id, static_cast<std::int64_t>(since)});
    }
  }

  [[nodiscard]] AgentId client_id(std::uint32_t endpoint) const {
    const std::uint64_t generation =
        segment_.endpoint(endpoint).generation.load(std::memory_order_relaxed);
    return {static_cast<EndpointId>(endpoint), AgentId::kClientSlot,
            static_cast<std::uint32_t>(generation)};
  }

  /// Nobody, if no agent is there: its subscriptions end with it.
  [[nodiscard]] AgentId agent_id(std::uint32_t endpoint, std::uint32_t slot) const {
    if (slot >= segment_.dimensions().agents_per_shard) return {};
    const shm::AgentTable table = segment_.agents(endpoint - 1);
    const auto word =
        shm::SlotWord::unpack(table.record(slot).slot_word.load(std::memory_order_acquire));
    if (word.lifecycle == static_cast<std::uint8_t>(Lifecycle::free)) return {};
    return {static_cast<EndpointId>(endpoint), slot, word.generation};
  }

  // A pattern without a wildcard is a topic that is known, though nobody has emitted it.
  void settle_patterns() {
    for (auto& [name, pattern] : patterns_) {
      std::sort(pattern.subscribers.begin(), pattern.subscribers.end(),
                [](const SubscriberView& a, const SubscriberView& b) {
                  return a.id.value() < b.id.value();
                });
      if (!has_wildcard(name)) (void)topic_of(name);
    }
  }

  /// Who is subscribed to a topic, and by which patterns.
  void join(TopicView& topic) {
    std::vector<std::uint64_t> ids;
    const auto add = [&](PatternView& pattern) {
      topic.patterns.push_back(pattern.pattern);
      if (topic.events != 0) ++pattern.topics;
      for (const SubscriberView& subscriber : pattern.subscribers)
        ids.push_back(subscriber.id.value());
    };
    if (const auto literal = patterns_.find(topic.topic); literal != patterns_.end()) {
      add(literal->second);
    }
    for (PatternView* pattern : wildcards_)
      if (shm::matches(pattern->pattern, topic.topic)) add(*pattern);
    std::sort(ids.begin(), ids.end());
    topic.subscribers =
        static_cast<std::uint64_t>(std::unique(ids.begin(), ids.end()) - ids.begin());
  }

  void find_wildcards() {
    for (auto& [name, pattern] : patterns_)
      if (has_wildcard(name)) wildcards_.push_back(&pattern);
  }

  const Segment& segment_;
  shm::Symbols symbols_;
  std::string_view wanted_;
  std::map<std::string, TopicView> topics_;
  std::map<std::string, PatternView> patterns_;
  std::vector<PatternView*> wildcards_;
};

}  // namespace

Result<TopicsView> Observer::topics(std::string_view pattern) const {
  if (const Result<> checked = shm::check_pattern(pattern); !checked) {
    return fail(checked.error());
  }
  return TopicCollector{impl_->segment, pattern}.collect();
}

}  // namespace mabeam
