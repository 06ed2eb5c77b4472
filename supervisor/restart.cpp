#include "supervisor/restart.hpp"

#include <algorithm>
#include <array>

namespace mabeam::supervisor {
namespace {

constexpr Time kHealthyTime = std::chrono::minutes{1};
constexpr double kJitter = 0.2;
constexpr std::int32_t kPlanned = 99;
constexpr std::array<std::int32_t, 4> kFinalCodes{64, 76, 77, 78};
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
  return takes_others_along(ending) && ending.code != 0;
}

bool is_final(const Ending& ending) {
  if (ending.was_planned || !ending.code) return false;
  return std::find(kFinalCodes.begin(), kFinalCodes.end(), *ending.code) != kFinalCodes.end();
}

bool takes_others_along(const Ending& ending) {
  return !ending.was_planned && ending.code != kTryAgain && ending.code != kPlanned;
}

std::vector<std::uint32_t> restarted_with(std::uint32_t worker, std::uint32_t count,
                                          RestartStrategy strategy) {
  std::vector<std::uint32_t> others;
  if (strategy == RestartStrategy::one_for_one) return others;
  const bool is_everybody = strategy == RestartStrategy::one_for_all;
  for (std::uint32_t other = is_everybody ? 0 : worker + 1; other < count; ++other) {
    if (other != worker) others.push_back(other);
  }
  return others;
}

Decision RestartPlan::decide(const Ending& ending, Time now, double chance,
                             const RestartConfig& config) {
  if (is_final(ending)) return {Verdict::fail};
  if (ending.was_planned) return {Verdict::restart};
  if (ending.code == kPlanned) {
    return {Verdict::restart, ending.was_ready ? Time{0} : next_delay(ending, now, chance, config)};
  }
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
