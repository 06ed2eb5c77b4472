// The breaker against a model of it, and between processes that ask, tell and die.
#include "tests/shm/breaker_support.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <deque>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

/// What the breaker should do, with no thought of words.
class BreakerModel {
 public:
  explicit BreakerModel(std::int64_t now) : now_(now) {}

  bool ask(std::int64_t now) {
    now_ = now;
    if (state != BreakerState::closed && now >= deadline_) begin_trial();
    if (state == BreakerState::closed) return true;
    if (state == BreakerState::open || given_ == kRules.half_open_max_calls) return false;
    ++given_;
    return true;
  }

  void succeed(int generation) {
    if (generation != generation_ || state != BreakerState::half_open) return;
    if (++succeeded_ >= kRules.half_open_max_calls) move(BreakerState::closed);
  }

  void fail(int generation, std::int64_t now) {
    if (generation != generation_ || state == BreakerState::open) return;
    if (state == BreakerState::half_open) {
      open_for_ *= 2;
    } else {
      failures_.push_back(now / kTenth);
      while (failures_.front() + 10 <= now / kTenth)
        failures_.pop_front();
      if (failures_.size() < kRules.failure_threshold) return;
      open_for_ = kRules.recovery_timeout_ns;
    }
    deadline_ = now + std::min(open_for_, 600 * kSecond);
    move(BreakerState::open);
  }

  [[nodiscard]] int generation() const { return generation_; }

  BreakerState state = BreakerState::closed;
  std::set<std::pair<BreakerState, BreakerState>> seen;

 private:
  static constexpr std::int64_t kTenth = kRules.window_ns / 10;

  void begin_trial() {
    given_ = succeeded_ = 0;
    deadline_ = now_ + kRules.recovery_timeout_ns;
    move(BreakerState::half_open);
  }

  void move(BreakerState to) {
    seen.emplace(state, to);
    state = to;
    failures_.clear();
    ++generation_;
  }

  std::int64_t now_;
  std::int64_t deadline_ = 0;
  std::int64_t open_for_ = 0;
  std::deque<std::int64_t> failures_;
  std::uint32_t given_ = 0;
  std::uint32_t succeeded_ = 0;
  int generation_ = 0;
};

TEST(BreakerModel, BreakerDoesWhatItsModelDoes) {
  BreakerSlot slot{};
  Breaker breaker{slot};
  std::int64_t now = 1000 * kSecond;
  std::minstd_rand random(7);  // NOLINT(cert-msc51-cpp): the same on every run
  const auto below = [&](std::uint32_t most) {
    return static_cast<std::uint32_t>(random() % most);
  };
  BreakerModel model(now);
  std::vector<std::pair<BreakerPermit, int>> permits;
  for (int step = 0; step < 100'000; ++step) {
    now += below(8) == 0 ? below(5000) * kMs : below(3) * kMs;
    if (permits.empty() || below(3) == 0) {
      const BreakerAdmission admission = breaker.ask(kRules, now);
      ASSERT_EQ(admission.permit.has_value(), model.ask(now)) << "step " << step;
      if (admission.permit) permits.emplace_back(*admission.permit, model.generation());
    } else {
      const std::size_t which = below(static_cast<std::uint32_t>(permits.size()));
      const auto [permit, generation] = permits[which];
      permits.erase(permits.begin() + static_cast<std::ptrdiff_t>(which));
      const std::uint32_t what = below(8);  // what is left over: its holder has died
      if (what < 3) {
        breaker.succeed(permit, kRules);
        model.succeed(generation);
      } else if (what < 6) {
        breaker.fail(permit, kRules, now, kMiddle);
        model.fail(generation, now);
      }
    }
    ASSERT_EQ(breaker.word().state, model.state) << "step " << step;
  }
  EXPECT_EQ(model.seen.size(), 5U) << "closed-open-half_open, back to open, anew, and closed";
}

/// A breaker that processes share, and what they count.
struct Shared {
  BreakerSlot slot{};
  std::atomic<std::int64_t> now_ns{1000 * kSecond};
  std::array<std::atomic<std::uint32_t>, 4096> permits{};  // of half-open times, by generation
};

class SharedBreaker : public ::testing::Test {
 protected:
  SharedBreaker() {
    void* at =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared_ = new (at) Shared;
  }

  ~SharedBreaker() override { ::munmap(shared_, sizeof(Shared)); }

  static void wait_for(pid_t child) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
  }

  Shared* shared_;
};

/// Asks and tells in any order, and moves the clock.
void play(Shared& shared, unsigned seed) {
  std::minstd_rand random(seed);
  Breaker breaker{shared.slot};
  for (int step = 0; step < 20'000; ++step) {
    const std::int64_t now =
        shared.now_ns.fetch_add(static_cast<std::int64_t>(random() % 300) * kMs);
    const BreakerWord before = breaker.word();
    const auto permit = breaker.ask(kRules, now).permit;
    if (!permit) continue;
    // Of a trial for certain: the state was half-open before and is of that generation.
    const bool is_trial =
        before.state == BreakerState::half_open && before.generation == permit->generation;
    if (is_trial) shared.permits[permit->generation % shared.permits.size()].fetch_add(1);
    if (random() % 4 == 0) continue;  // as if it had died
    if (random() % 3 != 0) {
      breaker.succeed(*permit, kRules);
    } else {
      breaker.fail(*permit, kRules, now, kMiddle);
    }
  }
}

TEST_F(SharedBreaker, NoTrialGivesMorePermitsThanItMayWhoeverAsksAndDies) {
  std::vector<pid_t> children;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    const pid_t child = ::fork();
    if (child == 0) {
      play(*shared_, seed);
      ::_exit(0);
    }
    children.push_back(child);
  }
  ::kill(children.front(), SIGKILL);
  for (const pid_t child : children)
    wait_for(child);
  const std::uint32_t last = Breaker{shared_->slot}.current().generation;
  ASSERT_GT(last, 20U);
  ASSERT_LT(last, shared_->permits.size()) << "two generations would share a count";
  std::uint32_t trials = 0;
  for (const auto& count : shared_->permits) {
    EXPECT_LE(count.load(), kRules.half_open_max_calls);
    trials += count.load() != 0 ? 1U : 0U;
  }
  EXPECT_GT(trials, 5U);
}

TEST_F(SharedBreaker, ProberThatIsKilledWithItsPermitHoldsNobodyUp) {
  Breaker breaker{shared_->slot};
  std::int64_t now = shared_->now_ns;
  for (int i = 0; i < 3; ++i)
    breaker.fail(breaker.current(), kRules, now, kMiddle);
  now += 4 * kSecond;
  const pid_t prober = ::fork();
  if (prober == 0) {
    Breaker{shared_->slot}.ask(kRules, now);
    Breaker{shared_->slot}.ask(kRules, now);
    ::raise(SIGKILL);
  }
  wait_for(prober);
  const BreakerAdmission refused = breaker.ask(kRules, now);
  ASSERT_FALSE(refused.permit) << "both permits are with the dead";
  now += refused.retry_after_ns;
  const auto permit = breaker.ask(kRules, now).permit;
  ASSERT_TRUE(permit);
  breaker.succeed(*permit, kRules, 2);
  EXPECT_EQ(breaker.word().state, BreakerState::closed);
}

}  // namespace
}  // namespace mabeam::shm
