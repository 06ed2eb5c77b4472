// Verify: the limits and the rates.
#include "shm/limits.hpp"
#include "shm/verify_pass.hpp"

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 62U;

void verify_rates(VerifyPass& pass, const RateSettings& settings, RateKind kind) {
  const auto where = [&] { return "rate " + std::string{rate_name(kind)}; };
  for (const Word* word : {&settings.runtime, &settings.each_client, &settings.each_type}) {
    const std::uint64_t setting = word->load(std::memory_order_relaxed);
    pass.expect(RateSetting::unpack(setting).pack() == setting, where, "a setting means nothing",
                setting);
  }
}

}  // namespace

void verify_limits(VerifyPass& pass) {
  const LimitsRegion& limits = pass.segment().limits();
  const auto where = [] { return std::string{"limits"}; };
  for (const auto* word : {&limits.runtime.memory_mechanism, &limits.runtime.process_mechanism}) {
    const std::uint32_t mechanism = word->load(std::memory_order_relaxed);
    pass.expect(mechanism <= static_cast<std::uint32_t>(LimitMechanism::rlimit), where,
                "a mechanism is none that there is", mechanism);
  }
  for (std::uint32_t kind = 0; kind < kRates; ++kind)
    verify_rates(pass, limits.settings[kind], static_cast<RateKind>(kind));
  for (std::uint32_t index = 0; index < kMaxWorkers; ++index) {
    const WorkerLimits& worker = limits.workers[index];
    const auto of = [&] { return "limits of worker " + std::to_string(index); };
    const std::uint32_t closed = worker.is_closed.load(std::memory_order_relaxed);
    pass.expect(closed <= 1, of, "whether it is closed is neither 0 nor 1", closed);
    for (const Word* bytes : {&worker.memory_limit_bytes, &worker.memory_soft_bytes}) {
      const std::uint64_t value = bytes->load(std::memory_order_relaxed);
      pass.expect(value <= kMostBytes, of, "a limit is no size", value);
    }
  }
  pass.count_bytes(sizeof(LimitsRegion));
}

}  // namespace mabeam::shm
