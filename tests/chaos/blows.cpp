#include "tests/chaos/blows.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace mabeam::tests {
namespace {

constexpr std::array<std::string_view, kBlows> kNames{"slow reader",
                                                      "kill -9 of a worker",
                                                      "SIGSTOP of a worker",
                                                      "fault: crash",
                                                      "fault: exit",
                                                      "fault: hang",
                                                      "fault: leak of 1 GiB",
                                                      "fault: fork bomb",
                                                      "kill -9 of the supervisor",
                                                      "full /dev/shm",
                                                      "scale",
                                                      "reload",
                                                      "reload of a bad file"};

}  // namespace

std::string_view name_of(Blow blow) {
  return kNames[static_cast<std::size_t>(blow)];
}

void BlowBook::note(Blow blow, Condition is_seen, Condition is_over) {
  ++kind(blow).fallen;
  pending_.push_back({blow, Clock::now(), std::move(is_seen), std::move(is_over)});
}

void BlowBook::skip(Blow blow, std::string why) {
  kind(blow).skipped = std::move(why);
}

bool BlowBook::is_skipped(Blow blow) const {
  return !kind(blow).skipped.empty();
}

bool BlowBook::is_pending(Blow blow) const {
  return std::any_of(pending_.begin(), pending_.end(),
                     [blow](const Pending& each) { return each.blow == blow; });
}

void BlowBook::look() {
  pending_.erase(std::remove_if(pending_.begin(), pending_.end(),
                                [this](Pending& each) { return advance(each); }),
                 pending_.end());
}

bool BlowBook::advance(Pending& each) {
  if (!each.was_seen && each.is_seen()) {
    each.was_seen = true;
    ++kind(each.blow).seen;
  }
  if (!each.was_seen || !each.is_over()) return false;
  kind(each.blow).recovered.add(Clock::now() - each.fell);
  return true;
}

std::string BlowBook::overdue(std::chrono::nanoseconds limit) const {
  std::string names;
  for (const Pending& each : pending_) {
    if (Clock::now() - each.fell < limit) continue;
    names.append(names.empty() ? "" : ", ").append(name_of(each.blow));
    names.append(each.was_seen ? " (seen)" : " (not seen)");
  }
  return names;
}

void BlowBook::print() const {
  for (std::size_t i = 0; i < kBlows; ++i) {
    const Kind& each = kinds_[i];
    const std::string name{kNames[i]};
    if (!each.skipped.empty()) {
      std::printf("  %-26s skipped: %s\n", name.c_str(), each.skipped.c_str());
      continue;
    }
    std::printf("  %-26s %4zu, seen %4zu, recovered %4zu: %s\n", name.c_str(), each.fallen,
                each.seen, each.recovered.count(), each.recovered.text().c_str());
  }
}

}  // namespace mabeam::tests
