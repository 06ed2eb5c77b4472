#include "shm/breaker.hpp"

#include <algorithm>

namespace mabeam::shm {
namespace {

constexpr std::uint32_t kGenerationMask = BreakerWord::kGenerations - 1;
constexpr std::uint64_t kDeadlineMask = (std::uint64_t{1} << 38U) - 1;
constexpr std::uint32_t kMostDoublings = 31;
constexpr std::int64_t kLongestOpen = 600'000'000'000;
constexpr double kJitter = 0.2;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::uint32_t kTrialCountMask = (1U << 23U) - 1;
constexpr std::uint64_t kEpochMask = (std::uint64_t{1} << 23U) - 1;
constexpr std::uint64_t kFailuresMask = (std::uint64_t{1} << 24U) - 1;

std::uint64_t to_ms(std::int64_t ns) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0) + kMillisecond - 1) /
         kMillisecond;
}

std::int64_t left_until(std::uint64_t deadline_ms, std::int64_t now_ns) {
  return static_cast<std::int64_t>(deadline_ms) * kMillisecond - now_ns;
}

std::uint32_t next(std::uint32_t generation) {
  return (generation + 1) & kGenerationMask;
}

struct TrialWord {
  std::uint32_t generation = 0;
  std::uint32_t given = 0;
  std::uint32_t succeeded = 0;

  [[nodiscard]] std::uint64_t pack() const {
    return std::uint64_t{generation} << 47U | std::uint64_t{given} << 23U | succeeded;
  }

  static TrialWord unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 47U),
            static_cast<std::uint32_t>(word >> 23U) & ((1U << 24U) - 1),
            static_cast<std::uint32_t>(word) & kTrialCountMask};
  }
};

struct BucketWord {
  std::uint32_t generation = 0;
  std::uint64_t epoch = 0;
  std::uint64_t failures = 0;

  [[nodiscard]] std::uint64_t pack() const {
    return std::uint64_t{generation} << 47U | epoch << 24U | failures;
  }

  static BucketWord unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 47U), word >> 24U & kEpochMask,
            word & kFailuresMask};
  }
};

/// The number of the tenth of a window that this moment is in.
std::uint64_t epoch_of(const BreakerRules& rules, std::int64_t now_ns) {
  const std::int64_t tenth =
      std::max<std::int64_t>(rules.window_ns / static_cast<std::int64_t>(kBreakerBuckets), 1);
  return static_cast<std::uint64_t>(now_ns / tenth);
}

void count(Word& word, std::uint64_t by = 1) {
  word.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace

std::uint64_t BreakerWord::pack() const {
  return std::uint64_t{static_cast<std::uint8_t>(mode)} << 62U |
         std::uint64_t{static_cast<std::uint8_t>(state)} << 60U | std::uint64_t{doublings} << 55U |
         std::uint64_t{generation} << 38U | (deadline_ms & kDeadlineMask);
}

// The fourth value of a two-bit field is damage; it is taken for the harmless first.
BreakerWord BreakerWord::unpack(std::uint64_t word) {
  const auto mode = static_cast<std::uint8_t>(word >> 62U);
  const auto state = static_cast<std::uint8_t>(word >> 60U & 3U);
  return {static_cast<BreakerMode>(mode == 3 ? 0 : mode),
          static_cast<BreakerState>(state == 3 ? 0 : state),
          static_cast<std::uint32_t>(word >> 55U & kMostDoublings),
          static_cast<std::uint32_t>(word >> 38U) & kGenerationMask, word & kDeadlineMask};
}

std::int64_t breaker_open_time(const BreakerRules& rules, std::uint32_t doublings, double chance) {
  const std::int64_t most = std::max(kLongestOpen, rules.recovery_timeout_ns);
  std::int64_t time = std::max(rules.recovery_timeout_ns, kMillisecond);
  for (std::uint32_t i = 0; i < doublings && time < most; ++i)
    time *= 2;
  time = std::min(time, most);
  return time + static_cast<std::int64_t>(static_cast<double>(time) * kJitter * (2 * chance - 1));
}

// 0: nobody has configured it.
BreakerRules breaker_rules(const Tunables& tunables) {
  static constexpr std::uint64_t kDay = 86'400'000'000'000;
  const auto count = [](const Word& word, std::uint32_t otherwise) {
    const std::uint64_t value = word.load(std::memory_order_relaxed);
    return value == 0 ? otherwise
                      : static_cast<std::uint32_t>(std::min<std::uint64_t>(value, 65'535));
  };
  const auto time = [](const Word& word, std::int64_t otherwise) {
    const std::uint64_t value = word.load(std::memory_order_relaxed);
    return value == 0 ? otherwise : static_cast<std::int64_t>(std::min(value, kDay));
  };
  const BreakerRules none;
  return {count(tunables.breaker_failure_threshold, none.failure_threshold),
          time(tunables.breaker_window_ns, none.window_ns),
          time(tunables.breaker_recovery_ns, none.recovery_timeout_ns),
          count(tunables.breaker_trial_calls, none.half_open_max_calls)};
}

// Slots are taken from the first on and never given back, so who finds a free one has seen all
// names before it, and loses the exchange to at most one new name.
Result<BreakerSlot*> find_breaker(std::span<BreakerSlot> named, Symbol name) noexcept {
  for (BreakerSlot& slot : named) {
    std::uint64_t found = slot.name.load(std::memory_order_acquire);
    if (found == 0 && slot.name.compare_exchange_strong(found, static_cast<std::uint64_t>(name),
                                                        std::memory_order_acq_rel)) {
      return &slot;
    }
    if (found == static_cast<std::uint64_t>(name)) return &slot;
  }
  return mabeam::fail(Errc::breakers_full);
}

double chance_of(std::int64_t now_ns) noexcept {
  const std::uint64_t mixed = static_cast<std::uint64_t>(now_ns) * 0x9E3779B97F4A7C15;
  return static_cast<double>(mixed >> 11U) / static_cast<double>(std::uint64_t{1} << 53U);
}

std::string_view to_string(BreakerState state) {
  static constexpr std::array<std::string_view, 3> kWords{"closed", "open", "half_open"};
  const auto index = static_cast<std::size_t>(state);
  return index < kWords.size() ? kWords[index] : "unknown";
}

BreakerWord Breaker::word() const {
  return BreakerWord::unpack(slot_->state.load(std::memory_order_acquire));
}

BreakerState Breaker::acting(const BreakerWord& word) {
  if (word.mode == BreakerMode::forced_open) return BreakerState::open;
  return word.mode == BreakerMode::forced_closed ? BreakerState::closed : word.state;
}

// MOVE: the one store of a transition.
bool Breaker::move(std::uint64_t& seen, BreakerState state, std::uint32_t doublings,
                   std::int64_t deadline_ns) {
  BreakerWord word = BreakerWord::unpack(seen);
  word.state = state;
  word.doublings = std::min(doublings, kMostDoublings);
  word.generation = next(word.generation);
  word.deadline_ms = to_ms(deadline_ns);
  const bool moved =
      slot_->state.compare_exchange_strong(seen, word.pack(), std::memory_order_acq_rel);
  if (moved && state == BreakerState::open) count(slot_->openings);
  return moved;
}

bool Breaker::is_proved(std::uint32_t generation, const BreakerRules& rules) const {
  const TrialWord trial = TrialWord::unpack(slot_->trial.load(std::memory_order_acquire));
  return trial.generation == generation && trial.succeeded >= rules.half_open_max_calls;
}

// The state is read again behind the trial: if it still is what was seen, the trial is of no later
// generation, and the exchange fails if anybody has begun one since.
Breaker::Take Breaker::take_permit(std::uint64_t seen, const BreakerRules& rules) {
  std::uint64_t word = slot_->trial.load(std::memory_order_acquire);
  if (slot_->state.load(std::memory_order_acquire) != seen) return Take::again;
  const std::uint32_t generation = BreakerWord::unpack(seen).generation;
  TrialWord trial = TrialWord::unpack(word);
  if (trial.generation != generation) trial = {generation, 0, 0};
  if (trial.given >= rules.half_open_max_calls) return Take::none_left;
  ++trial.given;
  return slot_->trial.compare_exchange_strong(word, trial.pack(), std::memory_order_acq_rel)
             ? Take::taken
             : Take::again;
}

void Breaker::begin_trial(const BreakerRules& rules, std::int64_t now_ns) {
  std::uint64_t seen = slot_->state.load(std::memory_order_acquire);
  const BreakerWord word = BreakerWord::unpack(seen);
  if (word.mode != BreakerMode::automatic || word.state != BreakerState::open) return;
  move(seen, BreakerState::half_open, word.doublings, now_ns + rules.recovery_timeout_ns);
}

BreakerAdmission Breaker::ask(const BreakerRules& rules, std::int64_t now_ns) {
  const auto reject = [this](std::int64_t retry_after_ns) {
    count(slot_->rejected);
    return BreakerAdmission{std::nullopt, std::max<std::int64_t>(retry_after_ns, 1)};
  };
  for (;;) {
    std::uint64_t seen = slot_->state.load(std::memory_order_acquire);
    const BreakerWord word = BreakerWord::unpack(seen);
    if (word.mode == BreakerMode::forced_open) return reject(rules.recovery_timeout_ns);
    if (acting(word) == BreakerState::closed) return {BreakerPermit{word.generation}};
    const std::int64_t left = left_until(word.deadline_ms, now_ns);
    if (word.state == BreakerState::half_open && is_proved(word.generation, rules)) {
      move(seen, BreakerState::closed, 0, 0);  // whoever proved it died before it was closed
      continue;
    }
    if (left <= 0) {
      move(seen, BreakerState::half_open, word.doublings, now_ns + rules.recovery_timeout_ns);
      continue;
    }
    if (word.state == BreakerState::open) return reject(left);
    const Take take = take_permit(seen, rules);
    if (take == Take::taken) return {BreakerPermit{word.generation}};
    if (take == Take::none_left) return reject(left);
  }
}

void Breaker::succeed(BreakerPermit permit, const BreakerRules& rules, std::uint32_t times) {
  count(slot_->passed, times);
  for (;;) {
    std::uint64_t seen = slot_->state.load(std::memory_order_acquire);
    const BreakerWord word = BreakerWord::unpack(seen);
    if (word.mode != BreakerMode::automatic) return;
    if (word.generation != permit.generation) {
      count(slot_->stale);
      return;
    }
    if (word.state != BreakerState::half_open) return;
    std::uint64_t before = slot_->trial.load(std::memory_order_acquire);
    if (slot_->state.load(std::memory_order_acquire) != seen) continue;
    TrialWord trial = TrialWord::unpack(before);
    if (trial.generation != word.generation) trial = {word.generation, 0, 0};
    trial.succeeded =
        std::min(trial.succeeded + std::min(times, kTrialCountMask / 2), kTrialCountMask / 2);
    if (!slot_->trial.compare_exchange_strong(before, trial.pack(), std::memory_order_acq_rel)) {
      continue;
    }
    if (trial.succeeded >= rules.half_open_max_calls) move(seen, BreakerState::closed, 0, 0);
    return;
  }
}

std::uint64_t Breaker::count_failure(std::uint32_t generation, const BreakerRules& rules,
                                     std::int64_t now_ns) {
  const std::uint64_t epoch = epoch_of(rules, now_ns);
  Word& bucket = slot_->buckets[epoch % kBreakerBuckets];
  std::uint64_t seen = bucket.load(std::memory_order_acquire);
  for (;;) {
    BucketWord word = BucketWord::unpack(seen);
    const bool is_current = word.generation == generation && word.epoch == (epoch & kEpochMask);
    if (!is_current) word = {generation, epoch & kEpochMask, 0};
    word.failures = std::min(word.failures + 1, kFailuresMask);
    if (bucket.compare_exchange_weak(seen, word.pack(), std::memory_order_acq_rel)) break;
  }
  return failures_in_window(generation, rules, now_ns);
}

std::uint64_t Breaker::failures_in_window(std::uint32_t generation, const BreakerRules& rules,
                                          std::int64_t now_ns) const {
  const std::uint64_t epoch = epoch_of(rules, now_ns);
  std::uint64_t failures = 0;
  for (const Word& bucket : slot_->buckets) {
    const BucketWord word = BucketWord::unpack(bucket.load(std::memory_order_acquire));
    const bool is_recent = ((epoch - word.epoch) & kEpochMask) < kBreakerBuckets;
    if (word.generation == generation && is_recent) failures += word.failures;
  }
  return failures;
}

bool Breaker::fail(BreakerPermit permit, const BreakerRules& rules, std::int64_t now_ns,
                   double chance, bool may_open) {
  count(slot_->failed);
  bool is_counted = false;
  for (;;) {
    std::uint64_t seen = slot_->state.load(std::memory_order_acquire);
    const BreakerWord word = BreakerWord::unpack(seen);
    if (word.mode != BreakerMode::automatic) return false;
    if (word.generation != permit.generation || word.state == BreakerState::open) {
      count(slot_->stale);
      return false;
    }
    std::uint32_t doublings = word.doublings + 1;
    if (word.state == BreakerState::closed) {
      doublings = 0;
      const std::uint64_t failures = is_counted ? failures_in_window(word.generation, rules, now_ns)
                                                : count_failure(word.generation, rules, now_ns);
      is_counted = true;
      if (failures < rules.failure_threshold) return false;
      if (!may_open) {
        count(slot_->withheld);
        return false;
      }
    }
    const std::int64_t time = breaker_open_time(rules, doublings, chance);
    if (move(seen, BreakerState::open, doublings, now_ns + time)) return true;
  }
}

void Breaker::set_mode(BreakerMode mode, std::int64_t now_ns) {
  std::uint64_t seen = slot_->state.load(std::memory_order_acquire);
  for (;;) {
    const BreakerWord old = BreakerWord::unpack(seen);
    if (old.mode == mode) return;
    BreakerWord word{mode, BreakerState::closed, 0, next(old.generation), 0};
    if (mode == BreakerMode::forced_open) word.state = BreakerState::open;
    if (mode == BreakerMode::automatic && old.mode == BreakerMode::forced_open) {
      word.state = BreakerState::open;
      word.deadline_ms = to_ms(now_ns);
    }
    if (slot_->state.compare_exchange_weak(seen, word.pack(), std::memory_order_acq_rel)) return;
  }
}

void Breaker::reset() {
  std::uint64_t seen = slot_->state.load(std::memory_order_acquire);
  BreakerWord word;
  do {
    word.generation = next(BreakerWord::unpack(seen).generation);
  } while (!slot_->state.compare_exchange_weak(seen, word.pack(), std::memory_order_acq_rel));
}

BreakerView Breaker::view(const BreakerRules& rules, std::int64_t now_ns) const {
  const BreakerWord now = word();
  BreakerView view{now.mode, acting(now)};
  view.failures = failures_in_window(now.generation, rules, now_ns);
  const bool waits = now.mode == BreakerMode::automatic && now.state == BreakerState::open;
  if (waits) view.retry_after_ns = std::max<std::int64_t>(left_until(now.deadline_ms, now_ns), 0);
  view.openings = slot_->openings.load(std::memory_order_relaxed);
  view.rejected = slot_->rejected.load(std::memory_order_relaxed);
  return view;
}

}  // namespace mabeam::shm
