#include "supervisor/discard.hpp"

#include "shm/clock.hpp"
#include "shm/segment.hpp"
#include "shm/segment_object.hpp"
#include "supervisor/refusals.hpp"
#include "supervisor/worker.hpp"

#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>

namespace mabeam::supervisor {
namespace {

using std::chrono::milliseconds;

constexpr int kDiscardTries = 100;
constexpr milliseconds kPause{10};

void kill_workers(const shm::Segment& segment) {
  for (std::uint32_t index = 0; index < shm::kMaxWorkers; ++index) {
    Worker worker{segment, index};
    const auto living = worker.find_living();
    if (!living || !worker.adopt(*living, now())) continue;
    worker.condemn(ExitCause::asked, SIGKILL);
    worker.kill_group();
    for (int tries = 0; tries < kDiscardTries && !worker.reap(false, shm::unix_ns()); ++tries) {
      std::this_thread::sleep_for(kPause);
    }
  }
}

}  // namespace

// The name is taken away under the object's own lock, so that it is never a successor's.
std::optional<Refusal> discard_unlocked(const std::string& name) {
  const std::string path = "/dev/shm/mabeam-" + name;
  for (int tries = 0; tries < kDiscardTries; ++tries) {
    const Descriptor object{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    if (!object && errno == ENOENT) return std::nullopt;
    if (!object) return refusal_of_take_over({Errc::system, 0, errno}, name);
    if (!shm::try_lock(object.get())) {
      std::this_thread::sleep_for(kPause);
    } else if (shm::is_still_named(object.get(), path)) {
      if (::unlink(path.c_str()) == 0) return std::nullopt;
      return refusal_of_take_over({Errc::system, 0, errno}, name);
    }
  }
  return refusal_of_take_over({Errc::in_use}, name);
}

std::optional<Refusal> discard_runtime(const std::string& name) {
  Result<shm::Segment> segment = shm::Segment::take_over(name);
  if (segment) {
    kill_workers(*segment);
    segment->remove();
    return std::nullopt;
  }
  const Errc code = segment.error().code;
  if (code == Errc::not_found) return std::nullopt;
  if (code == Errc::in_use || code == Errc::bad_permissions) {
    return refusal_of_take_over(segment.error(), name);
  }
  return discard_unlocked(name);
}

}  // namespace mabeam::supervisor
