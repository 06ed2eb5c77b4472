#include "shm/repeats.hpp"

#include <algorithm>
#include <utility>

namespace mabeam::shm {

Repeats::Entry* Repeats::find(std::string_view text, std::uint64_t about) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.about == about && entry.text == text;
  });
  return found == entries_.end() ? nullptr : &*found;
}

void Repeats::forget_old(std::int64_t now_ns) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.held == 0 && now_ns - entry.since_ns >= kPeriodNs;
  });
}

bool Repeats::admit(std::string_view text, std::uint64_t about, std::int64_t now_ns) {
  Entry* entry = find(text, about);
  if (entry == nullptr) {
    if (entries_.size() >= kMostKinds) forget_old(now_ns);
    if (entries_.size() >= kMostKinds) return true;
    entries_.push_back({std::string{text}, about, now_ns, 1, 0});
    return true;
  }
  if (entry->held == 0 && now_ns - entry->since_ns >= kPeriodNs) {
    entry->since_ns = now_ns;
    entry->said = 0;
  }
  if (entry->said >= kMostInPeriod) {
    ++entry->held;
    return false;
  }
  ++entry->said;
  return true;
}

std::optional<Repeats::Due> Repeats::take_due(std::int64_t now_ns) {
  for (Entry& entry : entries_) {
    if (entry.held == 0 || now_ns - entry.since_ns < kPeriodNs) continue;
    Due due{entry.text, entry.about, std::exchange(entry.held, 0)};
    entry.since_ns = now_ns;
    entry.said = 1;
    return due;
  }
  return std::nullopt;
}

std::optional<Repeats::Due> Repeats::take_held() {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [](const Entry& entry) { return entry.held != 0; });
  if (found == entries_.end()) return std::nullopt;
  return Due{found->text, found->about, std::exchange(found->held, 0)};
}

}  // namespace mabeam::shm
