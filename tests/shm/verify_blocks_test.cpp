// Every rule of verify, broken once: each must be told, at its place. Here: blocks, and the records
// that name them.
#include "shm/blocks.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "tests/shm/damage_support.hpp"

#include <string>

namespace mabeam::shm {
namespace {

constexpr std::uint32_t kBlockClient = 3;

/// Sends a message of two kilobytes to an agent of the second shard.
void send(const Segment& segment) {
  tests::SegmentFiller{segment}.send_in_block(kBlockClient, AgentId{EndpointId{2}, 0, 1}, "big",
                                              std::string(2000, 'x'));
}

ArenaHeader& header(const Segment& segment) {
  return *reinterpret_cast<ArenaHeader*>(segment.blocks(kBlockClient).data());
}

/// The first block, of a message.
BlockHeader& block(const Segment& segment) {
  send(segment);
  return *reinterpret_cast<BlockHeader*>(&header(segment) + 1);
}

TEST(VerifyBlocks, WhatIsSentIsWhole) {
  const tests::TestSegment segment;
  tests::SegmentFiller{segment.get()}.fill();
  const std::uint64_t before = verify_segment(segment.get(), false).records;
  send(segment.get());
  const VerifyView view = verify_segment(segment.get(), false);
  EXPECT_EQ(view.damage_total, 0U);
  EXPECT_EQ(view.records, before + 1);
}

TEST(VerifyBlocks, Damage) {
  const std::string where = "blocks of client 0";
  const std::string at_0 = where + ", position 0";
  check({
      {where, "its magic", [](const Segment& s) { header(s).magic ^= 1; }},
      {where, "its capacity", [](const Segment& s) { header(s).capacity += 64; }},
      {where, "its oldest", [](const Segment& s) { header(s).oldest.store(1U << 20U); }},
      {where, "its oldest", [](const Segment& s) { header(s).tail.store(8); }},
      {at_0, "it is no block", [](const Segment& s) { block(s).magic ^= 1; }},
      {at_0, "a block passes", [](const Segment& s) { block(s).length = 1U << 20U; }},
      {at_0, "a block passes", [](const Segment& s) { block(s).length += 64; }},
      {at_0, "it is for no ring", [](const Segment& s) { block(s).path = 4U << 20U; }},
      {at_0, "it is for no ring", [](const Segment& s) { block(s).path = 2 * 4 + 3; }},
      {at_0, "a pad is not", [](const Segment& s) { block(s).path = kPadPath; }},
  });
}

TEST(VerifyBlocks, RecordsWithoutTheirBlocks) {
  const tests::TestSegment filled;
  tests::SegmentFiller{filled.get()}.fill();
  const std::uint64_t head =
      reinterpret_cast<RingHeader*>(filled.get().ring(kBlockClient, 2, Priority::normal).data())
          ->tail.load();
  const std::string where = "client 0 to shard 1, normal, position " + std::to_string(head);
  const std::string rule = "its payload is in no block";
  const auto handle = [head](const Segment& segment) {
    send(segment);
    std::byte* ring = segment.ring(kBlockClient, 2, Priority::normal).data() + sizeof(RingHeader);
    return reinterpret_cast<BlockHandle*>(ring + head % 4096 + sizeof(RecordHeader) +
                                          sizeof(MessageHeader));
  };
  check({
      {where, rule, [&](const Segment& s) { handle(s)->position += 64; }},
      {where, rule, [&](const Segment& s) { handle(s)->length -= 1; }},
      {where, rule, [](const Segment& s) { block(s).record_end += 8; }},
      {where, rule, [](const Segment& s) { block(s).path += 4; }},
  });
}

}  // namespace
}  // namespace mabeam::shm
