#include "shm/limiter.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <ctime>
#include <functional>
#include <new>
#include <stdexcept>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// A setting, and what all who are kept to it share.
struct RateLimit {
  Word setting;
  RateBucket bucket;
};

/// A rate in memory that a child shares, and a clock that stands still.
class LimiterTest : public ::testing::Test {
 protected:
  LimiterTest() {
    void* room = ::mmap(nullptr, sizeof(RateLimit), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    limit_ = new (room) RateLimit{};
  }

  ~LimiterTest() override { ::munmap(limit_, sizeof(RateLimit)); }

  void set(RateSetting setting) { limit_->setting.store(setting.pack()); }

  RateVerdict take(std::uint64_t count = 1) {
    return lease_.take(limit_->setting, limit_->bucket, count, clock_);
  }

  /// How many of one each are allowed, at most `most`.
  std::uint64_t take_all(RateLease& lease, std::uint64_t most) {
    std::uint64_t count = 0;
    while (count < most && lease.take(limit_->setting, limit_->bucket, 1, clock_).is_allowed)
      ++count;
    return count;
  }

  std::int64_t now_ = kSecond;
  std::function<std::int64_t()> clock_ = [this] { return now_; };
  RateLimit* limit_ = nullptr;
  RateLease lease_;
};

TEST_F(LimiterTest, SettingIsOneWord) {
  for (const RateSetting setting : {RateSetting{1, 0, false}, RateSetting{1'000'000'000, 7, true},
                                    RateSetting{1000, 1'000'000'000, false}}) {
    const RateSetting again = RateSetting::unpack(setting.pack());
    EXPECT_EQ(again.rate, setting.rate);
    EXPECT_EQ(again.burst, setting.burst);
    EXPECT_EQ(again.is_shadow, setting.is_shadow);
  }
  EXPECT_EQ((RateSetting{0, 5, true}).pack(), 0U) << "off is off";
}

TEST_F(LimiterTest, OffAsksNoClock) {
  clock_ = []() -> std::int64_t { throw std::logic_error("asked"); };
  EXPECT_TRUE(take(1'000'000).is_allowed);
}

TEST_F(LimiterTest, BurstThenTheRate) {
  set({.rate = 10, .burst = 5});
  EXPECT_EQ(take_all(lease_, 100), 6U);
  const RateVerdict refused = take();
  EXPECT_FALSE(refused.is_allowed);
  EXPECT_EQ(refused.retry_after_ns, kSecond / 10);
  now_ += refused.retry_after_ns - 1;
  EXPECT_FALSE(take().is_allowed);
  now_ += 1;
  EXPECT_TRUE(take().is_allowed);
  EXPECT_FALSE(take().is_allowed);
  EXPECT_EQ(limit_->bucket.tally.granted.load(), 7U);
}

TEST_F(LimiterTest, IdleTimeGivesNoMoreThanTheBurst) {
  set({.rate = 10, .burst = 5});
  now_ += 3600 * kSecond;
  EXPECT_EQ(take_all(lease_, 100), 6U);
}

TEST_F(LimiterTest, MoreAtOnceThanTheBurstLeavesADebt) {
  set({.rate = 10, .burst = 5});
  EXPECT_TRUE(take(20).is_allowed);
  EXPECT_EQ(take().retry_after_ns, 2 * kSecond - 5 * (kSecond / 10));
  now_ += kSecond;
  EXPECT_FALSE(take(20).is_allowed) << "not before the bucket is full";
  now_ += kSecond;
  EXPECT_TRUE(take(20).is_allowed);
}

TEST_F(LimiterTest, ShadowCountsAndRefusesNothing) {
  set({.rate = 10, .burst = 5, .is_shadow = true});
  EXPECT_EQ(take_all(lease_, 100), 100U);
  EXPECT_EQ(limit_->bucket.tally.granted.load(), 6U);
  EXPECT_EQ(limit_->bucket.tally.refused.load(), 94U);
}

TEST_F(LimiterTest, AnotherSettingHoldsAtOnce) {
  set({.rate = 1'000'000, .burst = 1'000'000});
  ASSERT_TRUE(take().is_allowed);
  EXPECT_EQ(lease_.left(), 999U);
  set({.rate = 1});
  EXPECT_FALSE(take().is_allowed) << "what was leased under the old one is void";
  set({});
  EXPECT_TRUE(take(1000).is_allowed);
}

TEST_F(LimiterTest, DamagedWordIsTakenForNow) {
  set({.rate = 10, .burst = 5});
  for (const std::uint64_t word : {~0ULL, 1ULL << 63U, 1ULL << 62U}) {
    limit_->bucket.next_ns.store(word);
    EXPECT_EQ(take_all(lease_, 100), 6U) << word;
  }
  limit_->setting.store(~0ULL);
  (void)take();  // whatever it says
  limit_->setting.store(1ULL << 60U);
  EXPECT_TRUE(take().is_allowed) << "a rate of 0 is none";
}

/// Holders that ask again and again get what the rate gives, to a percent or a chunk each.
TEST_F(LimiterTest, RateHoldsAmongSeveralHolders) {
  for (const std::uint32_t rate : {1'000U, 64'000U, 700'000U, 1'000'000U}) {
    limit_->bucket.next_ns.store(0);
    const RateSetting setting{.rate = rate, .burst = 1};
    set(setting);
    std::array<RateLease, 3> holders;
    std::uint64_t granted = 0;
    const std::int64_t end = now_ + kSecond;
    for (; now_ < end; now_ += 70'000) {
      for (RateLease& holder : holders)
        granted += take_all(holder, rate / 5'000 + 1);
    }
    const std::uint64_t chunk = setting.chunk();
    EXPECT_LE(granted, rate + rate / 100 + (2 + holders.size()) * chunk) << rate;
    EXPECT_GE(granted + rate / 100 + (1 + holders.size()) * chunk, rate) << rate;
  }
}

TEST_F(LimiterTest, DeadHolderCostsAChunkAtTheMost) {
  const RateSetting setting{.rate = 1'000'000, .burst = 10'000};
  set(setting);
  const pid_t child = ::fork();
  if (child == 0) {
    RateLease lease;
    (void)lease.take(limit_->setting, limit_->bucket, 1, clock_);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(take_all(lease_, 100'000), setting.depth() - setting.chunk());
}

/// Two processes at once, by the real clock: never more than the time that has passed allows.
TEST_F(LimiterTest, ProcessesThatContendNeverGetMore) {
  const RateSetting setting{.rate = 1'000'000, .burst = 1'000};
  set(setting);
  const auto real = [] {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
  };
  const std::int64_t begin = real();
  const auto spend = [&] {
    RateLease lease;
    while (real() < begin + kSecond / 20)
      (void)lease.take(limit_->setting, limit_->bucket, 1, real);
  };
  const pid_t child = ::fork();
  spend();
  if (child == 0) ::_exit(0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  const auto passed_ns = static_cast<std::uint64_t>(real() - begin);
  const std::uint64_t allowed = passed_ns / 1'000 + setting.depth();
  EXPECT_LE(limit_->bucket.tally.granted.load(), allowed + allowed / 100);
  EXPECT_GT(limit_->bucket.tally.granted.load(), 0U);
  EXPECT_GT(limit_->bucket.tally.refused.load(), 0U);
}

}  // namespace
}  // namespace mabeam::shm
