#include "shm/limits.hpp"

namespace mabeam::shm {

std::string_view rate_name(RateKind kind) {
  static constexpr std::array<std::string_view, kRates> kNames{"agent_creation", "action_execution",
                                                               "event_emission"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace mabeam::shm
