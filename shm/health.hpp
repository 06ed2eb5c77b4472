// Health: what can be wrong with a runtime, one check each: a reason in words, and how bad it is.
//
// A check only looks at a segment, which nobody need own any more. What has a threshold takes
// whether it was over it before: a part is in trouble from 90% on, and well again under 80%, so
// that what hovers does not come and go.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/observer.hpp"

#include <cstdint>
#include <string>

namespace mabeam::shm {

/// A ring or a table is in trouble from here on, in percent of its capacity ...
inline constexpr std::uint64_t kNearlyFull = 90;
/// ... and one that was in trouble is so down to here.
inline constexpr std::uint64_t kStillFull = 80;

/// So many dead letters of the last minute that nobody has settled are trouble ...
inline constexpr std::uint64_t kManyLetters = 10;
/// ... and are still, if they were before.
inline constexpr std::uint64_t kStillMany = 5;

/// A supervisor looks around four times a second. When it has not for so long, it is in trouble ...
inline constexpr double kSupervisorLateSeconds = 5;
/// ... and does nothing for its runtime any more, which is not live.
inline constexpr double kSupervisorHungSeconds = 30;

/// What is wrong with something, or that nothing is.
struct Verdict {
  HealthView::Status status = HealthView::Status::healthy;
  std::string detail;
};

constexpr std::uint64_t full_from(bool was_full) {
  return was_full ? kStillFull : kNearlyFull;
}

std::string plural(std::uint64_t count, const std::string& noun);

Verdict judge_state(RuntimeState state);
/// `is_live`: not a copy. `sees_processes`: its pids mean something here.
Verdict judge_supervisor(const RuntimeView& runtime, bool is_live, bool sees_processes);
/// Whether the segment can be found.
Verdict judge_name(const Segment& segment);
Verdict judge_worker(const WorkerView& worker, std::uint64_t heartbeat_timeout_ns,
                     bool sees_processes);
Verdict judge_shard(const Segment& segment, std::uint32_t shard, const RuntimeView& runtime,
                    bool sees_processes);

Verdict judge_rings(const Segment& segment, bool was_full);
Verdict judge_parking(const Segment& segment, bool was_full);
Verdict judge_limits(const LimitsView& limits, bool was_near);
Verdict judge_names(const Symbols& names, bool was_full);
Verdict judge_breakers(const Segment& segment);
Verdict judge_dead_letters(const Segment& segment, std::int64_t now_ns, bool were_many);
Verdict judge_reload(const ReloadsView& reloads);

}  // namespace mabeam::shm
