// Works without a break, of its own accord, once it is told to: each time for as long as it says.
#include "mabeam/mabeam.hpp"

#include <chrono>

namespace {

struct Busy {
  static constexpr mabeam::AgentType type{.name = "busy"};

  struct State {};

  mabeam::Result<> on_signal(mabeam::Context& context, State&, const mabeam::Signal&) const {
    constexpr std::chrono::milliseconds kAtOnce{1};
    const auto timer = context.set_timer("work", kAtOnce, kAtOnce);
    if (!timer) return mabeam::fail(timer.error());
    return {};
  }

  mabeam::Result<> on_timer(mabeam::Context&, State&, const mabeam::Timer&) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds{600};
    while (std::chrono::steady_clock::now() < end) {
    }
    return {};
  }
};

}  // namespace

MABEAM_MODULE(Busy)
