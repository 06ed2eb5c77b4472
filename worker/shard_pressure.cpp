// What a shard tells of those who read too slowly (backpressure.on), and that it is over
// (backpressure.off): of a ring that has become congested, so that messages to it become dead
// letters, and has drained; of a reader of its log that it has evicted, and that has come back:
//
// A shard's blocks are told of like a ring.
//
//   {"from":"shard 0","to":"client 1","priority":"low","used_bytes":65472,"capacity_bytes":65536}
//   {"blocks":"shard 0","used_bytes":1048640,"capacity_bytes":1048640}
//   {"log":"shard 0","reader":"shard 1","used_bytes":262080,"capacity_bytes":262144}
//
// Emitted where somebody is subscribed. Without room in the log it is told later; what has ended
// before it was told is not told at all.
#include "shm/snapshots.hpp"
#include "worker/shard.hpp"

#include <array>
#include <string>

namespace mabeam::worker {
namespace {

std::string payload_of(const shm::Segment& segment, std::uint32_t from,
                       const Outbox::PressureChange& change) {
  static constexpr std::array<std::string_view, shm::kPriorities> kNames{"high", "normal", "low"};
  std::string json;
  if (change.ring == Blockage::kLog) {
    json = R"({"log":")" + shm::endpoint_name(segment, from);
    json += R"(","reader":")" + shm::endpoint_name(segment, change.reader);
  } else if (change.ring == Blockage::kBlocks) {
    json = R"({"blocks":")" + shm::endpoint_name(segment, from);
  } else {
    json = R"({"from":")" + shm::endpoint_name(segment, from);
    json += R"(","to":")" + shm::endpoint_name(segment, change.ring / 4);
    json += R"(","priority":")";
    json += kNames[change.ring % 4];
  }
  json += R"(","used_bytes":)" + std::to_string(change.used_bytes);
  json += R"(,"capacity_bytes":)" + std::to_string(change.capacity_bytes) + "}";
  return json;
}

}  // namespace

void Shard::tell_pressure() {
  outbox_.look_at_pressure();
  std::vector<Outbox::PressureChange>& changes = outbox_.pressure();
  while (!changes.empty()) {
    const Outbox::PressureChange change = changes.front();
    const Result<Symbol> topic =
        symbols_.intern(change.is_on ? "backpressure.on" : "backpressure.off");
    if (topic && outbox_.has_readers(*topic)) {
      begin_message(0);
      shm::MessageHeader header;
      header.symbol = *topic;
      header.content = static_cast<std::uint32_t>(Content::json);
      header.source = AgentId{static_cast<EndpointId>(endpoint_), AgentId::kClientSlot, 0}.value();
      header.sent_ns = shm::monotonic_ns();
      const std::string json = payload_of(segment_, endpoint_, change);
      const Result<> emitted = outbox_.emit(header, std::as_bytes(std::span{json}));
      if (!emitted) {
        outbox_.undo_message();
        return;
      }
    }
    changes.erase(changes.begin());
  }
}

}  // namespace mabeam::worker
