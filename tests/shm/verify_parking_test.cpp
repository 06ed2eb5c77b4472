// Every rule of verify, broken once: each must be told, at its place. Here: parking logs.
#include "shm/clock.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "tests/shm/damage_support.hpp"

namespace mabeam::shm {
namespace {

RingHeader& parking_header(const Segment& segment) {
  return *reinterpret_cast<RingHeader*>(segment.parking(1).data());
}

/// Parks a message for an agent of the second shard. Returns the record.
RecordHeader& park(const Segment& segment) {
  auto ring = RingProducer::open(segment.parking(1)).value();
  MessageHeader message;
  message.source = AgentId{EndpointId{3}, AgentId::kClientSlot, 0}.value();
  message.target = AgentId{EndpointId{2}, 0, 1}.value();
  message.sent_ns = monotonic_ns();
  compose(ring.claim(sizeof message, static_cast<std::uint16_t>(Kind::event)).value(), message, {});
  ring.publish();
  return *reinterpret_cast<RecordHeader*>(segment.parking(1).data() + sizeof(RingHeader));
}

MessageHeader& parked(const Segment& segment) {
  return *reinterpret_cast<MessageHeader*>(&park(segment) + 1);
}

TEST(VerifyParking, WhatWaitsIsWhole) {
  const tests::TestSegment segment;
  tests::SegmentFiller{segment.get()}.fill();
  const std::uint64_t before = verify_segment(segment.get(), false).records;
  park(segment.get());
  const VerifyView view = verify_segment(segment.get(), false);
  EXPECT_EQ(view.damage_total, 0U);
  EXPECT_EQ(view.records, before + 1);
}

TEST(VerifyParking, Damage) {
  const std::string where = "shard 1, parking log";
  const std::string at_0 = where + ", position 0";
  check({
      {where, "its magic", [](const Segment& s) { parking_header(s).magic ^= 1; }},
      {where, "its capacity", [](const Segment& s) { parking_header(s).capacity *= 2; }},
      {where, "its head", [](const Segment& s) { parking_header(s).head.store(64); }},
      {at_0, "it is nothing that may wait",
       [](const Segment& s) { park(s).kind = static_cast<std::uint16_t>(Kind::stop); }},
      {at_0, "a record passes", [](const Segment& s) { park(s).length = 1U << 20U; }},
      {at_0, "its source's endpoint", [](const Segment& s) { parked(s).source = ~0ULL; }},
      {at_0, "it is for no agent",
       [](const Segment& s) { parked(s).target ^= std::uint64_t{1} << 56U; }},
      {at_0, "it is for no agent",
       [](const Segment& s) { parked(s).target |= 0xFFFFFFULL << 32U; }},
      {at_0, "it was sent", [](const Segment& s) { parked(s).sent_ns = -1; }},
  });
}

}  // namespace
}  // namespace mabeam::shm
