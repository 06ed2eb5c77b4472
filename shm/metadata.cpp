#include "shm/metadata.hpp"

#include "shm/registry.hpp"

namespace mabeam::shm {

std::string read_metadata(const AgentTable& agents, MetadataTable records, std::uint32_t slot) {
  const Word& life = agents.record(slot).slot_word;
  const Word& word = agents.profile(slot).metadata;
  for (int tries = 0; tries < kReadTries; ++tries) {
    const std::uint64_t alive = life.load(std::memory_order_acquire);
    const std::uint64_t named = word.load(std::memory_order_acquire);  // APPLY
    const std::uint32_t record = MetadataWord::unpack(named).record;
    if (record >= records.size()) return {};
    const MetadataRecord copy = records[record];
    std::atomic_thread_fence(std::memory_order_acquire);
    if (word.load(std::memory_order_relaxed) == named &&
        life.load(std::memory_order_relaxed) == alive) {
      return std::string{copy.view()};
    }
  }
  return {};
}

}  // namespace mabeam::shm
