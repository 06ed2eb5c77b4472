// Verify: the shards' parking logs: header, positions, and for whom each message waits.
#include "shm/verify_pass.hpp"

namespace mabeam::shm {
namespace {

void verify_parked(VerifyPass& pass, std::uint32_t shard, const std::string& where,
                   const WalkedRecord& record) {
  const auto here = [&] { return at_position(where, record.position); };
  const auto kind = kind_of(record.header.kind);
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
  walk_ring(pass, where, pass.segment().parking(shard),
            [&](const WalkedRecord& record) { verify_parked(pass, shard, where, record); });
}

}  // namespace

void verify_parking(VerifyPass& pass) {
  for (std::uint32_t shard = 0; shard < pass.segment().dimensions().shards; ++shard) {
    verify_log(pass, shard);
  }
}

}  // namespace mabeam::shm
