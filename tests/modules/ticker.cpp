// Ticks every 20 ms, counts, and tells everybody its count.
#include "mabeam/mabeam.hpp"

#include <chrono>
#include <cstdint>

namespace {

struct Ticker {
  static constexpr mabeam::AgentType type{.name = "ticker"};

  struct State {
    std::int64_t count = 0;
  };

  mabeam::Result<> on_start(mabeam::Context& context, State&) const {
    constexpr std::chrono::milliseconds kPeriod{20};
    const auto timer = context.set_timer("tick", kPeriod, kPeriod);
    if (!timer) return mabeam::fail(timer.error());
    return {};
  }

  mabeam::Result<> on_timer(mabeam::Context& context, State& state,
                            const mabeam::Timer& timer) const {
    return context.emit(timer.name(), ++state.count);
  }
};

}  // namespace

MABEAM_MODULE(Ticker)
