#include "supervisor/restart.hpp"

#include <algorithm>
#include <array>

namespace mabeam::supervisor {
namespace {

constexpr Time kHealthyTime = std::chrono::minutes{1};
constexpr double kJitter = 0.2;
constexpr std::array<std::int32_t, 3> kFinalCodes{64, 77, 78};
/// Doublings that take even a nanosecond past a day, the longest backoff_max.
constexpr std::uint32_t kMostDoublings = 47;

Time doubled(Time least, std::uint32_t doublings, Time most) {
  while (doublings > 0 && least < most) {
    least *= 2;
    --doublings;
  }
  return std::min(least, most);
}

}  // namespace

bool is_failure(const Ending& ending) {
  if (ending.was_planned) return false;
  return !ending.code || (*ending.code != 0 && *ending.code != kTryAgain);
}

bool is_final(const Ending& ending) {
  if (ending.was_planned || !ending.code) return false;
  return std::find(kFinalCodes.begin(), kFinalCodes.end(), *ending.code) != kFinalCodes.end();
}

Decision RestartPlan::decide(const Ending& ending, Time now, double chance,
                             const RestartConfig& config) {
  if (is_final(ending)) return {Verdict::fail};
  if (ending.was_planned) return {Verdict::restart};
  const bool failed = is_failure(ending);
  if (config.policy == RestartPolicy::temporary) return {failed ? Verdict::fail : Verdict::leave};
  if (config.policy == RestartPolicy::transient && ending.code == 0) return {Verdict::leave};
  return {Verdict::restart, next_delay(ending, now, chance, config)};
}

Time RestartPlan::next_delay(const Ending& ending, Time now, double chance,
                             const RestartConfig& config) {
  const bool was_healthy =
      ending.was_ready && (!last_failure_ || now - *last_failure_ >= kHealthyTime);
  last_failure_ = now;
  if (was_healthy) {
    doublings_ = 0;
    return Time{0};
  }
  const Time delay = doubled(config.backoff_min, doublings_, config.backoff_max);
  doublings_ = std::min(doublings_ + 1, kMostDoublings);
  const auto cut = static_cast<std::int64_t>(static_cast<double>(delay.count()) * kJitter * chance);
  return std::max(std::min(config.backoff_min, config.backoff_max), delay - Time{cut});
}

bool RestartIntensity::is_exceeded(Time now, const RestartConfig& config) {
  while (!restarts_.empty() && now - restarts_.front() > config.period)
    restarts_.pop_front();
  if (restarts_.size() >= config.intensity) return true;
  restarts_.push_back(now);
  return false;
}

}  // namespace mabeam::supervisor
