#include "worker/bereaved.hpp"

namespace mabeam::worker {

void Bereaved::open(const shm::Segment& segment, std::uint32_t shard) {
  waiting_.clear();
  const auto endpoint = static_cast<EndpointId>(shm::Segment::endpoint_of_shard(shard));
  const shm::AgentTable table = segment.agents(shard);
  begin_marking(kReason);
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
    const auto word = shm::SlotWord::unpack(table.record(slot).slot_word.load());
    const AgentId parent{table.profile(slot).parent};
    const bool is_ending = word.lifecycle == static_cast<std::uint8_t>(Lifecycle::terminating);
    if (!is_ending || !parent || parent.endpoint() == endpoint) continue;
    if (!segment.exists(parent)) mark({endpoint, slot, word.generation});
  }
  settle();
}

void Bereaved::begin_marking(std::string_view reason) {
  marked_.clear();
  if (!marked_for_ || *marked_for_ != reason) {
    marked_for_ = std::make_shared<const std::string>(reason);
  }
}

void Bereaved::settle() {
  for (const AgentId id : marked_)
    waiting_.push_back({id, marked_for_});
  marked_.clear();
}

Bereaved::Batch Bereaved::next(const shm::AgentTable& table) {
  taken_.clear();
  batch_.clear();
  while (!waiting_.empty() && taken_.size() < shm::kMostInOneMessage) {
    Entry& entry = waiting_.back();
    if (table.is_terminating(entry.id)) {
      if (!taken_.empty() && entry.reason != taken_.front().reason) break;
      batch_.push_back(entry.id);
      taken_.push_back(std::move(entry));
    }
    waiting_.pop_back();
  }
  Batch batch{batch_, {}, waiting_.empty()};
  if (taken_.empty()) return batch;
  batch.reason = *taken_.front().reason;
  while (!taken_.empty()) {
    waiting_.push_back(std::move(taken_.back()));
    taken_.pop_back();
  }
  return batch;
}

}  // namespace mabeam::worker
