#include "bench/two_shards.hpp"

#include "bench/unique_name.hpp"
#include "shm/doorbell.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include <string>

#include <unistd.h>

namespace mabeam::bench {
namespace {

shm::Dimensions dimensions(std::uint32_t max_agents) {
  shm::DimensionRequest request;
  request.workers = 2;
  request.shards = 2;
  request.clients = 1;
  request.max_agents = max_agents;
  return *shm::choose_dimensions(request, 2);
}

}  // namespace

TwoShards::TwoShards(std::span<const TypeDescriptor> types, std::uint32_t max_agents)
    : name_(unique_name()),
      descriptors_(types),
      segment_(shm::Segment::create(name_, dimensions(max_agents)).value()) {
}

TwoShards::~TwoShards() {
  segment_.remove();
}

AgentId TwoShards::create(std::uint32_t shard, std::string_view type) {
  worker::Types types{segment_.symbols()};
  (void)types.add(descriptors_);
  worker::Agents agents{segment_, shard};
  agents.open();
  const shm::SegmentWords words{segment_, shard};
  shm::Turn turn{segment_.turn(shard)};
  turn.begin();
  agents.begin_turn();
  const Symbol symbol = segment_.symbols().find(type);
  const AgentId id = agents.create({symbol, types.find(symbol), {}, {}}, 0).value();
  agents.stage(turn);
  shm::ShardRecord record = turn.record();
  ++record.agents_live;
  turn.stage_record(record);
  turn.commit(words);
  return id;
}

void TwoShards::post(AgentId to, std::string_view name, PayloadRef payload, shm::Kind kind) {
  const std::uint32_t client = segment_.first_client();
  auto ring =
      shm::RingProducer::open(
          segment_.ring(client, static_cast<std::uint32_t>(to.endpoint()), Priority::normal))
          .value();
  shm::MessageHeader header{};
  header.symbol = segment_.symbols().intern(name).value();
  header.content = static_cast<std::uint32_t>(payload.content());
  header.source = AgentId{static_cast<EndpointId>(client), AgentId::kClientSlot, 0}.value();
  header.target = to.value();
  const auto bytes = static_cast<std::uint32_t>(sizeof header + payload.bytes().size());
  const auto room = ring.claim(bytes, static_cast<std::uint16_t>(kind)).value();
  shm::compose(room, header, payload.bytes());
  ring.publish();
  shm::full_fence();
  segment_.announce(client, static_cast<std::uint32_t>(to.endpoint()));
}

const shm::ShardRecord& record_of(const shm::Segment& segment, std::uint32_t shard) {
  const shm::TurnRegion& region = segment.turn(shard);
  return region.record[region.record_version.load(std::memory_order_acquire) & 1U];
}

OwnedShard::OwnedShard(const TwoShards& shards, std::uint32_t shard)
    : segment_(shm::Segment::attach(shards.name(), shm::Access::read_write).value()),
      types_(segment_.symbols()),
      shard_(segment_, types_, clock_, shard) {
  (void)types_.add(shards.descriptors());
  if (!shard_.adopt(shm::Incarnation::of(shard, 1))) ::_exit(1);
}

}  // namespace mabeam::bench
