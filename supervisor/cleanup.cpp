#include "supervisor/cleanup.hpp"

#include "shm/call_breakers.hpp"
#include "supervisor/stale_files.hpp"

#include <string>

namespace mabeam::supervisor {
namespace {

/// A segment is built, and removed, within moments; a supervisor that takes longer is stopped.
constexpr std::chrono::seconds kStaleAfter{60};

}  // namespace

void Cleanup::scan(Time now, Time interval) {
  if (last_ != Time{0} && now < last_ + interval) return;
  last_ = now;
  for (const std::string& file : remove_stale_segments("/dev/shm", kStaleAfter)) {
    log_.info("a segment that was half built or half removed is cleared away", {{"file", file}});
  }
  const int groups = workers_.remove_idle_groups();
  if (groups != 0) {
    log_.info("control groups of workers that are gone are removed", {{"groups", groups}});
  }
  const int breakers = close_idle_breakers(now);
  if (breakers != 0) {
    log_.info("circuit breakers of shards that are served again are closed",
              {{"breakers", breakers}});
  }
}

int Cleanup::close_idle_breakers(Time now) const {
  const shm::CallBreakers calls{segment_};
  int closed = 0;
  for (std::uint32_t shard = 0; shard < segment_.dimensions().shards; ++shard)
    closed += calls.close_idle(shard, now.count()) ? 1 : 0;
  return closed;
}

}  // namespace mabeam::supervisor
