#include "tools/fact_follower.hpp"

#include "shm/snapshots.hpp"

#include <algorithm>
#include <utility>

namespace mabeam::tools {

namespace {

/// A time ahead of now is damage, and keeps nothing back.
bool is_fresh(const FactView& fact, std::int64_t now_ns) {
  const std::int64_t age = now_ns - shm::bounded_time(fact.monotonic_ns);
  return age >= 0 && age < std::chrono::nanoseconds{FactFollower::kPatience}.count();
}

}  // namespace

// A number is given out before the record is sealed: what lies between two facts is being written,
// or never will be.
std::vector<FactView> FactFollower::take(FactList list, std::int64_t now_ns, bool is_last) {
  std::vector<FactView> taken;
  for (FactView& fact : list.facts) {
    if (fact.number < next_) continue;
    const bool is_behind_another = fact.number > std::max(next_, list.oldest);
    if (is_behind_another && !is_last && is_fresh(fact, now_ns)) break;
    next_ = fact.number + 1;
    taken.push_back(std::move(fact));
  }
  return taken;
}

}  // namespace mabeam::tools
