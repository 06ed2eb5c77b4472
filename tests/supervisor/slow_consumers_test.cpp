#include "supervisor/slow_consumers.hpp"

#include "shm/spsc_ring.hpp"
#include "tests/supervisor/log_pipe.hpp"
#include "tests/support/test_segment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kClient = 3;  // endpoints: two shards, then a client

class SlowConsumersTest : public ::testing::Test {
 protected:
  SlowConsumersTest() {
    slow_.emplace(segment_, log_);
    segment_.endpoint(2).owner.store(shm::Incarnation::of(7, 1).value);
  }

  [[nodiscard]] std::span<std::byte> ring(std::uint32_t to) const {
    return segment_.ring(kClient, to, Priority::normal);
  }

  void fill(std::uint32_t to, int records) {
    auto producer = shm::RingProducer::open(ring(to)).value();
    for (int i = 0; i < records; ++i)
      (void)producer.claim(1000, 1).value();
    producer.publish();
  }

  void take_one(std::uint32_t to) {
    auto consumer = shm::RingConsumer::open(ring(to)).value();
    shm::Record record;
    (void)consumer.refresh();
    ASSERT_EQ(consumer.look(record), shm::RingConsumer::Look::found);
    consumer.advance(record.end);
    reinterpret_cast<shm::RingHeader*>(ring(to).data())->head.store(record.end);
  }

  /// A look every 250 ms for so long.
  std::vector<std::uint32_t> watch(Time time) {
    std::vector<std::uint32_t> found;
    for (const Time end = now_ + time; now_ < end;) {
      now_ += 250ms;
      const std::vector<std::uint32_t> slow = slow_->scan(now_, 1s);
      found.insert(found.end(), slow.begin(), slow.end());
    }
    return found;
  }

  std::string told() { return pipe_.take(); }

  tests::TestSegment holder_;
  const shm::Segment& segment_ = holder_.get();
  LogPipe pipe_;
  Log log_{{.format = LogFormat::journald}, "r", pipe_.fd()};
  std::optional<SlowConsumers> slow_;
  Time now_ = 100s;
};

TEST_F(SlowConsumersTest, IsNamedOnceWithItsWorker) {
  fill(2, 3);
  EXPECT_THAT(watch(3s), IsEmpty());
  EXPECT_EQ(told(), "");
  EXPECT_THAT(watch(1s), ElementsAre(7));
  const std::string line = told();
  EXPECT_THAT(line, HasSubstr("slow consumer"));
  EXPECT_THAT(line, HasSubstr("shard 1"));
  EXPECT_THAT(line, HasSubstr("worker=7"));
  EXPECT_THAT(line, HasSubstr("client 0"));
  EXPECT_THAT(watch(20s), IsEmpty());
  EXPECT_EQ(told(), "");
}

TEST_F(SlowConsumersTest, NextEpisodeIsNamedAgain) {
  fill(2, 3);
  watch(4s);
  (void)told();
  take_one(2);
  take_one(2);
  watch(1s);
  EXPECT_THAT(told(), HasSubstr("caught up"));
  fill(2, 2);
  EXPECT_THAT(watch(4s), ElementsAre(7));
  EXPECT_THAT(told(), HasSubstr("worker=7"));
}

TEST_F(SlowConsumersTest, OneThatMovesOrIsHalfEmptyIsNotSlow) {
  fill(2, 2);
  EXPECT_THAT(watch(10s), IsEmpty());
  for (int i = 0; i < 10; ++i) {
    fill(2, 1);
    EXPECT_THAT(watch(2s), IsEmpty());
    take_one(2);
  }
  EXPECT_EQ(told(), "");
}

TEST_F(SlowConsumersTest, ShardThatNobodyRunsHasNoWorker) {
  fill(1, 3);
  EXPECT_THAT(watch(4s), IsEmpty());
  const std::string line = told();
  EXPECT_THAT(line, HasSubstr("shard 0"));
  EXPECT_THAT(line, ::testing::Not(HasSubstr("worker=")));
}

TEST_F(SlowConsumersTest, DamagedPositionsAreNobodysFault) {
  fill(2, 3);
  reinterpret_cast<shm::RingHeader*>(ring(2).data())->head.store(1U << 20U);
  EXPECT_THAT(watch(10s), IsEmpty());
  EXPECT_EQ(told(), "");
}

}  // namespace
}  // namespace mabeam::supervisor
