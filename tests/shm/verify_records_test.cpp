// Every rule of verify, broken once: each must be told, at its place. Here: rings and logs.
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/verify_pass.hpp"
#include "tests/shm/damage_support.hpp"

namespace mabeam::shm {
namespace {

using tests::SegmentFiller;
using tests::TestSegment;

std::byte* log_records(const Segment& segment, std::uint32_t endpoint) {
  return segment.log(endpoint).data() + log_bytes_for(segment.endpoints(), 0);
}

LogHeader& log_header(const Segment& segment, std::uint32_t endpoint) {
  return *reinterpret_cast<LogHeader*>(segment.log(endpoint).data());
}

LogCursor& log_cursor(const Segment& segment, std::uint32_t endpoint, std::uint32_t reader) {
  return reinterpret_cast<LogCursor*>(segment.log(endpoint).data() + sizeof(LogHeader))[reader];
}

RingHeader& ring_header(const Segment& segment) {
  return *reinterpret_cast<RingHeader*>(segment.ring(1, 1, Priority::high).data());
}

RecordHeader& record_header(std::byte* record) {
  return *reinterpret_cast<RecordHeader*>(record);
}

MessageHeader& message_header(std::byte* record) {
  return *reinterpret_cast<MessageHeader*>(record + sizeof(RecordHeader));
}

TEST(VerifyRecords, Rings) {
  const std::string where = "shard 0 to shard 0, high";
  const auto record = [](const Segment& s) {
    return s.ring(1, 1, Priority::high).data() + sizeof(RingHeader);
  };
  check({
      {where, "its magic", [](const Segment& s) { ring_header(s).magic ^= 1; }},
      {where, "its capacity", [](const Segment& s) { ring_header(s).capacity *= 2; }},
      {where, "its head", [](const Segment& s) { add<std::uint64_t>(ring_header(s).tail, 4096); }},
      {where, "its head", [](const Segment& s) { ring_header(s).head.store(~std::uint64_t{7}); }},
      {where, "its head", [](const Segment& s) { add<std::uint64_t>(ring_header(s).head, 1); }},
  });
  const auto at_0 = where + ", position 0";
  check({
      {at_0, "a record passes",
       [&](const Segment& s) { record_header(record(s)).length = 1U << 20U; }},
      {at_0, "a record is shorter", [&](const Segment& s) { record_header(record(s)).length = 8; }},
      {at_0, "a record is shorter",
       [&](const Segment& s) { record_header(record(s)).length = 1020; }},
      {at_0, "a pad is not", [&](const Segment& s) { record_header(record(s)).kind = 0; }},
      {at_0, "it is no kind", [&](const Segment& s) { record_header(record(s)).kind = 1; }},
      {at_0, "it is no kind", [&](const Segment& s) { record_header(record(s)).kind = 7; }},
      {at_0, "it is for another",
       [&](const Segment& s) { message_header(record(s)).target ^= std::uint64_t{1} << 56U; }},
      {at_0, "its source",
       [&](const Segment& s) { message_header(record(s)).source ^= std::uint64_t{1} << 56U; }},
      {at_0, "its name",
       [&](const Segment& s) { message_header(record(s)).symbol = Symbol::none; }},
      {at_0, "its content", [&](const Segment& s) { message_header(record(s)).content = 7; }},
      {at_0, "it was sent", [&](const Segment& s) { message_header(record(s)).sent_ns = -1; }},
      {at_0, "its deadline", [&](const Segment& s) { message_header(record(s)).deadline_ns = -1; }},
  });
}

TEST(VerifyRecords, Logs) {
  const std::string where = "log of shard 0";
  const auto reader = where + ", reader 1";
  check({
      {where, "its magic", [](const Segment& s) { log_header(s, 1).magic ^= 1; }},
      {where, "its capacity", [](const Segment& s) { log_header(s, 1).capacity *= 2; }},
      {where, "it has evicted", [](const Segment& s) { log_header(s, 1).evicted[200].store(1); }},
      {where, "its oldest", [](const Segment& s) { log_header(s, 1).oldest.store(1U << 20U); }},
      {where, "its oldest", [](const Segment& s) { log_header(s, 1).oldest.store(4); }},
      {where, "its next number is behind",
       [](const Segment& s) { log_header(s, 1).sequence.store(19); }},
      {where, "its next number leaves",
       [](const Segment& s) { log_header(s, 1).sequence.store(21); }},
      {reader, "its evictions", [](const Segment& s) { log_header(s, 1).evicted[1].store(2); }},
      {reader, "its position",
       [](const Segment& s) { log_cursor(s, 1, 1).position.store(1U << 20U); }},
      {reader, "its position", [](const Segment& s) { log_cursor(s, 1, 1).position.store(4); }},
      {reader, "it expects", [](const Segment& s) { log_cursor(s, 1, 1).sequence.store(21); }},
      {reader, "it is to serve", [](const Segment& s) { log_cursor(s, 1, 1).next_slot.store(17); }},
      {where + ", position 0", "it is no event",
       [](const Segment& s) { record_header(log_records(s, 1)).kind = 2; }},
      {where + ", position 0", "its topic",
       [](const Segment& s) { message_header(log_records(s, 1)).symbol = Symbol::none; }},
      {where + ", position 0", "its source",
       [](const Segment& s) { message_header(log_records(s, 1)).source = 0; }},
      {where + ", position 64", "its number",
       [](const Segment& s) { message_header(log_records(s, 1)).id = 5; }},
      {"log of client 0", "its next number is behind",
       [](const Segment& s) { log_header(s, 3).sequence.store(19); }},
  });
}

TEST(VerifyRecords, BrokenChainIsToldOnce) {
  const TestSegment segment;
  SegmentFiller{segment.get()}.fill();
  record_header(log_records(segment.get(), 1) + 64).length = 1U << 30U;
  const VerifyView view = verify_segment(segment.get(), false);
  ASSERT_EQ(view.damage_total, 1U);
  EXPECT_EQ(view.damage[0].where, "log of shard 0, position 64");
}

// What a reader gives back while we look is the writer's again: it may hold anything.
TEST(VerifyRecords, RecordsGivenBackMeanwhileAreNotJudged) {
  const TestSegment segment;
  SegmentFiller{segment.get()}.fill();
  std::byte* records = log_records(segment.get(), 1);
  VerifyPass pass{segment.get(), true};
  Word floor{0};
  std::uint64_t visited = 0;
  const RecordSpan span{{records, segment.get().dimensions().log_bytes}, &floor, 0, 4096};
  const bool is_whole = walk_records(pass, "log", span, [&](const WalkedRecord&) {
    ++visited;
    record_header(records + 64).length = 1U << 30U;
    floor.store(1024);
  });
  EXPECT_FALSE(is_whole);
  EXPECT_EQ(visited, 1U);
  EXPECT_TRUE(pass.findings().empty());
}

TEST(VerifyRecords, ReaderALogBehind) {
  const TestSegment segment;
  SegmentFiller filler{segment.get()};
  filler.start();
  for (int i = 0; i < 700; ++i)
    filler.emit(1, "job.done", std::string(100, 'x'));
  log_cursor(segment.get(), 1, 2).position.store(0);
  const VerifyView view = verify_segment(segment.get(), false);
  ASSERT_EQ(view.damage.size(), 1U);
  EXPECT_EQ(view.damage[0].where, "log of shard 0, reader 2");
  log_header(segment.get(), 1).evicted[2].store(1);  // evicted: it may stand anywhere
  EXPECT_EQ(verify_segment(segment.get(), false).damage_total, 0U);
}

TEST(VerifyRecords, DeadLetters) {
  const auto record = [](const Segment& s) {
    return s.dead_letters(1).data() + log_bytes_for(0, 0);
  };
  const std::string where = "dead letters of shard 1, position 0";
  check({
      {where, "it is no dead letter", [&](const Segment& s) { record_header(record(s)).kind = 1; }},
      {where, "it died for no", [&](const Segment& s) { record_header(record(s)).flags = 0; }},
      {where, "it died for no", [&](const Segment& s) { record_header(record(s)).flags = 8; }},
  });
}

}  // namespace
}  // namespace mabeam::shm
