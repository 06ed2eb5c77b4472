// The ring of spans: it keeps the newest, tells a torn one, and believes nothing that it reads.
#include "shm/span_ring.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kRecords = 8;

Span span_of(std::uint64_t number) {
  Span span;
  span.trace = {number, number};
  span.span = span.parent = span.agent = span.source = span.owner = number;
  span.sent_ns = span.started_ns = span.ended_ns = static_cast<std::int64_t>(number);
  return span;
}

class SpanRing : public ::testing::Test {
 protected:
  SpanRing() { create_span_ring(memory_.span()); }

  [[nodiscard]] SpanWriter writer() const { return SpanWriter::open(memory_.span()).value(); }

  [[nodiscard]] std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> numbers;
    const SpansLeft left = read_spans(memory_.span()).value();
    for (const Span& span : left.spans)
      numbers.push_back(span.span);
    return numbers;
  }

  [[nodiscard]] SpanRecord& record(std::uint64_t index) const {
    return reinterpret_cast<SpanRecord*>(memory_.at(sizeof(SpanRingHeader)))[index];
  }

  [[nodiscard]] Word& tail() const { return span_tail(memory_.span()); }

  using Numbers = std::vector<std::uint64_t>;
  Memory memory_{sizeof(SpanRingHeader) + kRecords * sizeof(SpanRecord)};
};

TEST_F(SpanRing, WhatIsPublishedIsSeenInOrder) {
  SpanWriter writer = this->writer();
  writer.claim(span_of(1));
  writer.claim(span_of(2));
  EXPECT_EQ(numbers(), Numbers{});
  writer.publish();
  EXPECT_EQ(numbers(), (Numbers{1, 2}));
}

TEST_F(SpanRing, TheOldestAreOverwritten) {
  SpanWriter writer = this->writer();
  for (std::uint64_t i = 1; i <= 11; ++i) {
    writer.claim(span_of(i));
    writer.publish();
  }
  EXPECT_EQ(numbers(), (Numbers{4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(read_spans(memory_.span()).value().published, 11U);
}

TEST_F(SpanRing, OneTurnMayLeaveMoreThanItHolds) {
  SpanWriter writer = this->writer();
  for (std::uint64_t i = 1; i <= 20; ++i)
    writer.claim(span_of(i));
  writer.publish();
  EXPECT_EQ(numbers(), (Numbers{13, 14, 15, 16, 17, 18, 19, 20}));
}

TEST_F(SpanRing, ATurnLeavesNoMoreThanItsWordMaySay) {
  SpanWriter writer = this->writer();
  for (std::uint64_t i = 0; i < kMostSpansOfTurn + 10; ++i)
    writer.claim(span_of(i));
  EXPECT_EQ(writer.claimed(), kMostSpansOfTurn);
}

TEST_F(SpanRing, WhatIsForgottenIsNeverSeen) {
  SpanWriter writer = this->writer();
  writer.claim(span_of(1));
  const std::uint64_t position = writer.claimed();
  writer.claim(span_of(2));
  writer.rewind(position);
  writer.claim(span_of(3));
  writer.publish();
  EXPECT_EQ(numbers(), (Numbers{1, 3}));
}

// Beyond the tail it has overwritten the oldest, which is gone then.
TEST_F(SpanRing, WhatIsClaimedAndDiesTakesTheOldestAlong) {
  SpanWriter writer = this->writer();
  for (std::uint64_t i = 1; i <= 8; ++i)
    writer.claim(span_of(i));
  writer.publish();
  writer.claim(span_of(9));
  EXPECT_EQ(numbers(), (Numbers{2, 3, 4, 5, 6, 7, 8}));
  SpanWriter next = this->writer();
  EXPECT_EQ(next.claimed(), 8U);
  next.claim(span_of(10));
  next.publish();
  EXPECT_EQ(numbers(), (Numbers{2, 3, 4, 5, 6, 7, 8, 10}));
}

TEST_F(SpanRing, ATornSpanIsLeftOut) {
  SpanWriter writer = this->writer();
  for (std::uint64_t i = 1; i <= 3; ++i)
    writer.claim(span_of(i));
  writer.publish();
  record(1).sequence.store(0);
  EXPECT_EQ(numbers(), (Numbers{1, 3}));
  EXPECT_EQ(read_spans(memory_.span()).value().damaged, 0U);
  record(1).sequence.store(2 + kRecords);  // a later one that is not published
  EXPECT_EQ(read_spans(memory_.span()).value().damaged, 0U);
  for (const std::uint64_t wrong : {std::uint64_t{1}, std::uint64_t{3}, ~std::uint64_t{0}}) {
    record(1).sequence.store(wrong);
    EXPECT_EQ(numbers(), (Numbers{1, 3}));
    EXPECT_EQ(read_spans(memory_.span()).value().damaged, 1U);
  }
}

TEST_F(SpanRing, AnyTailIsRead) {
  SpanWriter writer = this->writer();
  writer.claim(span_of(1));
  writer.publish();
  for (const std::uint64_t value :
       {std::uint64_t{9}, std::uint64_t{1} << 40U, ~std::uint64_t{0}, ~std::uint64_t{0} - 3}) {
    tail().store(value);
    EXPECT_LE(numbers().size(), kRecords);
    SpanWriter next = this->writer();  // goes on from there
    next.claim(span_of(77));
    next.publish();
    EXPECT_LE(numbers().size(), kRecords);
  }
}

TEST_F(SpanRing, ADamagedHeaderIsRefused) {
  auto& header = *reinterpret_cast<SpanRingHeader*>(memory_.at(0));
  for (const std::uint64_t capacity : {std::uint64_t{0}, kRecords - 1, kRecords * 2}) {
    header.capacity = capacity;
    EXPECT_EQ(read_spans(memory_.span()).error().code, Errc::corrupt);
    EXPECT_EQ(SpanWriter::open(memory_.span()).error().code, Errc::corrupt);
  }
  header.capacity = kRecords;
  header.magic ^= 1;
  EXPECT_EQ(read_spans(memory_.span()).error().code, Errc::corrupt);
}

TEST_F(SpanRing, AnyBytesAreRead) {
  std::mt19937_64 random{99};
  for (int round = 0; round < 1000; ++round) {
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      record(i).sequence.store(random() % 32);
      for (Word& word : record(i).words)
        word.store(random());
    }
    tail().store(random() % 32);
    EXPECT_LE(numbers().size(), kRecords);
  }
}

// Two threads over one mapping, for TSan: a span that is read is one that was written.
TEST_F(SpanRing, AReaderSeesWholeSpansWhileTheyAreOverwritten) {
  std::atomic<bool> is_over{false};
  std::thread writing{[&] {
    SpanWriter writer = this->writer();
    for (std::uint64_t i = 1; i <= 20'000; ++i) {
      writer.claim(span_of(i));
      if (i % 3 == 0) writer.publish();
    }
    is_over.store(true);
  }};
  std::uint64_t seen = 0;
  do {
    const SpansLeft left = read_spans(memory_.span()).value();
    for (const Span& span : left.spans) {
      ++seen;
      EXPECT_TRUE(span.trace.high == span.span && span.agent == span.span &&
                  span.owner == span.span && span.ended_ns == static_cast<std::int64_t>(span.span))
          << "torn";
    }
  } while (!is_over.load());
  writing.join();
  EXPECT_GT(seen + numbers().size(), 0U);
}

}  // namespace
}  // namespace mabeam::shm
