// Verify: the shards' parking logs: header, positions, and for whom each message waits.
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

namespace mabeam::shm {
namespace {

void verify_parked(VerifyPass& pass, std::uint32_t shard, const std::string& where,
                   const WalkedRecord& record) {
  const auto here = [&] { return at_position(where, record.position); };
  const auto kind = static_cast<Kind>(record.header.kind);
  pass.expect(kind >= Kind::event && kind <= Kind::reply, here, "it is nothing that may wait",
              record.header.kind);
  const auto source = static_cast<std::uint32_t>(AgentId{record.message.source}.endpoint());
  pass.expect(source != 0 && source < pass.segment().endpoints(), here,
              "its source's endpoint does not exist", record.message.source);
  verify_message(pass, where, record, source);
  const AgentId target{record.message.target};
  const bool is_here =
      static_cast<std::uint32_t>(target.endpoint()) == Segment::endpoint_of_shard(shard) &&
      target.slot() < pass.segment().dimensions().agents_per_shard;
  pass.expect(is_here, here, "it is for no agent of this shard", record.message.target);
}

void verify_log(VerifyPass& pass, std::uint32_t shard) {
  const std::string where = "shard " + std::to_string(shard) + ", parking log";
  const auto here = [&] { return where; };
  const std::span<const std::byte> ring = pass.segment().parking(shard);
  const auto& header = *reinterpret_cast<const RingHeader*>(ring.data());
  const std::uint64_t capacity = ring.size() - sizeof(RingHeader);
  pass.count_bytes(sizeof(RingHeader));
  pass.expect(header.magic == kRingMagic, here, "its magic is wrong", header.magic);
  pass.expect(header.capacity == capacity, here, "its capacity is not the layout's",
              header.capacity);
  const std::optional<RingPositions> at = snapshot_positions(ring);
  if (!at) return;  // moves all the time: it works
  const bool is_sane = at->head <= at->tail && at->tail - at->head <= capacity &&
                       at->head % 8 == 0 && at->tail % 8 == 0;
  pass.expect(is_sane, here, "its head is not within its room behind its tail", at->head);
  if (!is_sane) return;
  walk_records(pass, where, {ring.subspan(sizeof(RingHeader)), &header.head, at->head, at->tail},
               [&](const WalkedRecord& record) { verify_parked(pass, shard, where, record); });
}

}  // namespace

void verify_parking(VerifyPass& pass) {
  for (std::uint32_t shard = 0; shard < pass.segment().dimensions().shards; ++shard) {
    verify_log(pass, shard);
  }
}

}  // namespace mabeam::shm
