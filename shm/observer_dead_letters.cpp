// The view of the dead letters: those that wait, and what became of all the others.
#include "shm/clock.hpp"
#include "shm/letters.hpp"
#include "shm/observer_impl.hpp"
#include "shm/snapshots.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mabeam {
namespace {

using shm::Letter;
using shm::Segment;

bool is_wanted(const DeadLetterFilter& filter, const Letter& letter) {
  if (!filter.reason.empty() && filter.reason != dead_reason_name(letter.reason)) return false;
  const std::uint64_t agent = filter.agent.value();
  return agent == 0 || letter.header.source == agent || letter.header.target == agent;
}

/// The letters of all shards, and when each was buried.
class LetterCollector {
 public:
  LetterCollector(const Segment& segment, const DeadLetterFilter& filter)
      : segment_(segment),
        filter_(filter) {}

  void collect(std::uint32_t shard, DeadLetterList& list) {
    shm::Letters letters = shm::read_letters(segment_.dead_letters(shard));
    list.damaged += letters.is_damaged ? 1U : 0U;
    list.waiting += letters.waiting.size();
    for (Letter& letter : letters.waiting) {
      if (is_wanted(filter_, letter)) found_.push_back({shard, std::move(letter)});
    }
  }

  void finish(DeadLetterList& list) {
    std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
      return std::pair{a.letter.buried_ns, a.letter.number} >
             std::pair{b.letter.buried_ns, b.letter.number};
    });
    list.total = found_.size();
    const std::size_t most = filter_.limit == 0 ? found_.size() : filter_.limit;
    for (std::size_t i = 0; i < std::min(most, found_.size()); ++i)
      list.letters.push_back(view_of(found_[i].shard, found_[i].letter));
  }

 private:
  struct Found {
    std::uint32_t shard = 0;
    Letter letter;
  };

  [[nodiscard]] DeadLetterView view_of(std::uint32_t shard, Letter& letter) const {
    DeadLetterView view;
    view.id = {static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), letter.number};
    view.reason = dead_reason_name(letter.reason);
    view.kind = kind_name(letter.kind);
    view.source = AgentId{letter.header.source};
    view.target = AgentId{letter.header.target};
    view.name = symbols_.text(letter.header.symbol);
    view.age_seconds = shm::seconds_since(static_cast<std::uint64_t>(letter.buried_ns), now_ns_);
    view.is_replayable = shm::is_replayable(letter, Segment::endpoint_of_shard(shard));
    view.payload = std::move(letter.payload);
    view.payload_bytes = letter.payload_bytes;
    view.content = static_cast<Content>(letter.header.content);
    return view;
  }

  const Segment& segment_;
  const DeadLetterFilter& filter_;
  shm::Symbols symbols_ = segment_.symbols();
  std::int64_t now_ns_ = shm::monotonic_ns();
  std::vector<Found> found_;
};

void count(const shm::ShardRecord& record, DeadLetterList& list) {
  list.buried += record.dead_lettered;
  list.replayed += record.letters_replayed;
  list.dropped += record.letters_dropped;
  for (std::size_t i = 0; i < list.by_reason.size(); ++i)
    list.by_reason[i].count += record.buried_for[shm::kFirstReason + i];
}

}  // namespace

DeadLetterList Observer::dead_letters(const DeadLetterFilter& filter) const {
  const Segment& segment = impl_->segment;
  DeadLetterList list;
  for (std::uint16_t reason = shm::kFirstReason; reason <= shm::kLastReason; ++reason)
    list.by_reason.push_back(
        {std::string{dead_reason_name(static_cast<shm::DeadReason>(reason))}, 0});
  LetterCollector collector{segment, filter};
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    count(snapshot_record(segment.turn(shard)), list);
    collector.collect(shard, list);
  }
  collector.finish(list);
  // A shard that works may have buried one between its two views.
  const std::uint64_t accounted = list.waiting + list.replayed + list.dropped;
  list.overwritten = list.buried - std::min(list.buried, accounted);
  return list;
}

}  // namespace mabeam
