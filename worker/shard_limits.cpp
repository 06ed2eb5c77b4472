// What a worker's first shard tells of the worker: that it is over its soft memory limit and takes
// no new agents (worker.degraded), and that it is under it again (worker.recovered):
//
//   {"worker":0,"memory_bytes":60817408,"soft_bytes":57042534}
//
// Emitted where somebody is subscribed. Without room in the log it is told later.
#include "shm/limits.hpp"
#include "worker/shard.hpp"

#include <string>

namespace mabeam::worker {

void Shard::tell_limits() {
  const Result<Symbol> topic =
      symbols_.intern(*limits_news_ ? "worker.degraded" : "worker.recovered");
  const std::uint64_t worker =
      segment_.endpoint(endpoint_).placement.load(std::memory_order_relaxed) - 1;
  if (topic && outbox_.has_readers(*topic) && worker < shm::kMaxWorkers) {
    const shm::WorkerLimits& limits = segment_.limits().workers[worker];
    begin_message(0);
    shm::MessageHeader header{};
    header.symbol = *topic;
    header.content = static_cast<std::uint32_t>(Content::json);
    header.source = AgentId{static_cast<EndpointId>(endpoint_), AgentId::kClientSlot, 0}.value();
    header.sent_ns = shm::monotonic_ns();
    const std::string json =
        R"({"worker":)" + std::to_string(worker) + R"(,"memory_bytes":)" +
        std::to_string(limits.memory_bytes.load(std::memory_order_relaxed)) + R"(,"soft_bytes":)" +
        std::to_string(limits.memory_soft_bytes.load(std::memory_order_relaxed)) + "}";
    if (!outbox_.emit(header, std::as_bytes(std::span{json}))) {
      outbox_.undo_message();
      return;
    }
  }
  limits_news_.reset();
}

}  // namespace mabeam::worker
