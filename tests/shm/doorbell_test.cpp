// Doorbell: between two processes, no wake is ever lost, and no sleep is without an end.
#include "shm/doorbell.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include <sys/mman.h>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// What two processes share: a bell and a published number each.
struct SharedBell {
  Doorbell ping_bell;
  Doorbell pong_bell;
  alignas(kLinePair) Word ping;
  alignas(kLinePair) Word pong;
};

class DoorbellTest : public ::testing::Test {
 protected:
  DoorbellTest()
      : shared_(static_cast<SharedBell*>(::mmap(nullptr, sizeof(SharedBell), PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}

  DoorbellTest(const DoorbellTest&) = delete;
  DoorbellTest& operator=(const DoorbellTest&) = delete;

  ~DoorbellTest() override { ::munmap(shared_, sizeof(SharedBell)); }

  SharedBell* shared_;
};

nanoseconds elapsed_since(std::int64_t start_ns) {
  return nanoseconds{monotonic_ns() - start_ns};
}

/// Waits for `number` in `word`, asleep. False if a whole long sleep passed without it: a lost
/// wake.
bool wait_for(Doorbell& bell, const Word& word, std::uint64_t number) {
  const auto has_come = [&] { return word.load(std::memory_order_acquire) >= number; };
  while (!has_come()) {
    const std::int64_t start = monotonic_ns();
    sleep_at(bell, seconds{4}, has_come);
    if (elapsed_since(start) > seconds{3}) return false;
  }
  return true;
}

void publish(Word& word, std::uint64_t number, Doorbell& bell) {
  word.store(number, std::memory_order_release);
  full_fence();
  ring_if_sleeping(bell);
}

// Each waits for the other, so one lost wake stops both: for four seconds, which is seen.
TEST_F(DoorbellTest, NoWakeIsLostIn100000Handshakes) {
  constexpr std::uint64_t kHandshakes = 100'000;
  const pid_t child = ::fork();
  if (child == 0) {
    bool is_good = true;
    for (std::uint64_t i = 1; i <= kHandshakes && is_good; ++i) {
      is_good = wait_for(shared_->pong_bell, shared_->ping, i);
      publish(shared_->pong, i, shared_->ping_bell);
    }
    ::_exit(is_good ? 0 : 1);
  }
  std::uint64_t done = 0;
  while (done < kHandshakes) {
    publish(shared_->ping, ++done, shared_->pong_bell);
    if (!wait_for(shared_->ping_bell, shared_->pong, done)) break;
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(done, kHandshakes);
  EXPECT_EQ(status, 0);
}

// A sender that does not wait meets the sleeper at every point of its way to sleep.
TEST_F(DoorbellTest, NoWakeIsLostToABusySender) {
  constexpr std::uint64_t kPublished = 300'000;
  const pid_t child = ::fork();
  if (child == 0) {
    for (std::uint64_t i = 1; i <= kPublished; ++i) {
      publish(shared_->ping, i, shared_->pong_bell);
      for (std::uint64_t spin = 0; spin < i % 97; ++spin) {
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a loop that stays a loop
      }
    }
    ::_exit(0);
  }
  std::uint64_t seen = 0;
  bool is_good = true;
  while (seen < kPublished && is_good) {
    is_good = wait_for(shared_->pong_bell, shared_->ping, seen + 1);
    seen = shared_->ping.load();
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(is_good);
  EXPECT_EQ(seen, kPublished);
}

TEST_F(DoorbellTest, ASleepEndsAtItsLimit) {
  const std::int64_t start = monotonic_ns();
  sleep_at(shared_->ping_bell, milliseconds{30}, [] { return false; });
  EXPECT_GE(elapsed_since(start), milliseconds{29});
  EXPECT_LT(elapsed_since(start), seconds{3});
  EXPECT_FALSE(is_sleeping(shared_->ping_bell));
}

TEST_F(DoorbellTest, AfterASuccessfulRescanNobodySleeps) {
  const std::int64_t start = monotonic_ns();
  sleep_at(shared_->ping_bell, seconds{4}, [&] {
    EXPECT_TRUE(is_sleeping(shared_->ping_bell));  // the flag is up before the last look
    return true;
  });
  EXPECT_LT(elapsed_since(start), seconds{3});
  EXPECT_FALSE(is_sleeping(shared_->ping_bell));
}

TEST_F(DoorbellTest, ARingDuringTheRescanEndsTheSleep) {
  const std::int64_t start = monotonic_ns();
  sleep_at(shared_->ping_bell, seconds{4}, [&] {
    ring_bell(shared_->ping_bell);
    return false;
  });
  EXPECT_LT(elapsed_since(start), seconds{3});
}

TEST_F(DoorbellTest, NobodyRingsForAnAwakeOne) {
  ring_if_sleeping(shared_->ping_bell);
  EXPECT_EQ(shared_->ping_bell.rings.load(), 0U);
  shared_->ping_bell.sleeping.store(1);
  ring_if_sleeping(shared_->ping_bell);
  EXPECT_EQ(shared_->ping_bell.rings.load(), 1U);
  EXPECT_TRUE(is_sleeping(shared_->ping_bell));  // only the sleeper clears its flag
}

// A sender that dies between the two steps of a ring hides nothing (pitfall 2.2).
TEST_F(DoorbellTest, TheNextSenderWakesWhomADeadOneLeftAsleep) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(wait_for(shared_->pong_bell, shared_->ping, 1) ? 0 : 1);
  while (!is_sleeping(shared_->pong_bell))
    ::usleep(100);
  ::usleep(20'000);
  shared_->ping.store(1, std::memory_order_release);  // published, and here it died
  publish(shared_->ping, 2, shared_->pong_bell);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace mabeam::shm
