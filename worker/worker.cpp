#include "worker/worker.hpp"

#include "shm/bell.hpp"
#include "shm/clock.hpp"
#include "shm/doorbell.hpp"
#include "shm/process.hpp"
#include "worker/crash.hpp"
#include "worker/modules.hpp"
#include "worker/output.hpp"

#include <algorithm>
#include <cstdio>

#include <malloc.h>
#include <unistd.h>

namespace mabeam::worker {
namespace {

constexpr std::int64_t kBeatEvery = 1'000'000;  // ns between two looks at orders and tunables
constexpr std::uint32_t kRoundsPerClock = 16;   // idle rounds between two looks at the clock
constexpr std::int64_t kLongestSleep = 1'000'000'000;
constexpr std::int64_t kLookEvery = 250'000'000;    // ns between looks at what told nobody
constexpr std::int64_t kTrimEvery = 1'000'000'000;  // ns, while over the soft memory limit
constexpr std::int64_t kWaitingSleep = 1'000'000;   // while a message waits for room

}  // namespace

Worker::Worker(shm::Segment segment, Options options)
    : segment_(std::move(segment)),
      options_(std::move(options)),
      types_(segment_.symbols()),
      notes_(shm::FlightRecorder{segment_.recorder(), options_.worker}),
      hosting_(segment_, types_, clock_, notes_) {
}

// Who loses the compare-exchange is a child that its dead supervisor never recorded (pitfall 6.1).
bool Worker::claim_slot() {
  std::uint64_t expected = shm::Claim{options_.incarnation, 0}.pack();
  const shm::Claim mine{options_.incarnation, static_cast<std::uint32_t>(::getpid())};
  const shm::ProcessId self = shm::self_process();
  if (!self) return false;
  if (!slot().claim.compare_exchange_strong(expected, mine.pack(), std::memory_order_acq_rel)) {
    return false;
  }
  slot().leaving.store(0, std::memory_order_relaxed);
  slot().heartbeat_ns.store(static_cast<std::uint64_t>(shm::monotonic_ns()),
                            std::memory_order_relaxed);
  slot().state.store(static_cast<std::uint32_t>(WorkerState::starting), std::memory_order_relaxed);
  slot().doorbell.sleeping.store(0, std::memory_order_relaxed);
  slot().process.store(self.value, std::memory_order_release);
  claim_ = mine.pack();
  return true;
}

// That tools may not see a type, since the table is full, keeps no agent from running.
Result<> Worker::add_types(std::span<const TypeDescriptor> types, std::string_view module) {
  if (const Result<> added = types_.add(types); !added) return added;
  for (const TypeDescriptor& type : types) {
    const Symbol name = segment_.symbols().find(type.type.name);
    if (segment_.types().publish(name, facts_of(type, module))) continue;
    std::fprintf(stderr, "mabeam-worker: no room to list type %.*s in `mabeam types`\n",
                 static_cast<int>(type.type.name.size()), type.type.name.data());
  }
  return {};
}

Result<> Worker::load_types(std::span<const TypeDescriptor> types) {
  if (const Result<> added = add_types(builtin_types(), {}); !added) return added;
  if (const Result<> added = add_types(types, {}); !added) return added;
  if (segment_.header().tunables.fault_agents.load(std::memory_order_relaxed) != 0) {
    if (const Result<> added = add_types(fault_types(), {}); !added) return added;
  }
  for (const std::string& path : options_.modules) {
    std::string error;
    const auto loaded = load_module(path, error);
    if (!loaded) {
      std::fprintf(stderr, "mabeam-worker: %s\n", error.c_str());
      return fail(loaded.error());
    }
    if (const Result<> added = add_types(*loaded, path); !added) {
      std::fprintf(stderr, "mabeam-worker: %s: a type has no name or one that is taken\n",
                   path.c_str());
      return added;
    }
  }
  return {};
}

int Worker::run(std::span<const TypeDescriptor> types) {
  if (options_.worker >= shm::kMaxWorkers) return static_cast<int>(Exit::usage);
  if (!claim_slot()) return static_cast<int>(Exit::done);
  const auto self = shm::Incarnation::of(options_.worker, options_.incarnation);
  leave_backtraces(segment_, self);
  label_output(segment_, self);
  if (!load_types(types)) {
    leave(static_cast<int>(Exit::configuration));
    return static_cast<int>(Exit::configuration);
  }
  note_loaded_modules();
  limits_ = read_limits();
  hosting_.begin(self);
  slot().state.store(static_cast<std::uint32_t>(WorkerState::ready), std::memory_order_release);
  shm::ring_supervisor(segment_);
  work();
  hosting_.let_all_go();
  leave(static_cast<int>(Exit::done));
  return static_cast<int>(Exit::done);
}

void Worker::leave(int code) {
  slot().state.store(static_cast<std::uint32_t>(WorkerState::stopping), std::memory_order_relaxed);
  slot().leaving.store(static_cast<std::uint32_t>(code) + 1, std::memory_order_release);
}

void Worker::work() {
  for (;;) {
    const bool is_busy = run_shards();  // then a shard has looked at the clock
    if (!is_busy && ++idle_rounds_ % kRoundsPerClock == 0) clock_.refresh();
    const std::int64_t now = clock_.now_ns();
    if (now - last_beat_ns_ >= kBeatEvery) {
      last_beat_ns_ = now;
      beat();
      if (must_leave(now)) return;
    } else if (hosting_.is_waiting()) {
      hosting_.look();
    }
    if (is_busy) {
      idle_.reset();
      continue;
    }
    const auto mode =
        static_cast<shm::IdleMode>(segment_.header().tunables.idle.load(std::memory_order_relaxed));
    if (idle_.wait(mode)) {
      sleep();
      clock_.refresh();
    }
  }
}

bool Worker::run_shards() {
  std::uint32_t taken = 0;
  for (const auto& shard : hosting_.shards())
    taken += shard->run_turn(limits_);
  return taken != 0;
}

// No sleep is longer than a tenth of heartbeat_timeout, nor than a message may wait for room, nor
// lasts past the next timer.
void Worker::sleep() {
  const auto timeout = static_cast<std::int64_t>(
      segment_.header().tunables.heartbeat_timeout_ns.load(std::memory_order_relaxed));
  const Hosting::Shards& shards = hosting_.shards();
  const bool is_waiting =
      hosting_.is_waiting() || std::any_of(shards.begin(), shards.end(),
                                           [](const auto& shard) { return shard->is_waiting(); });
  std::int64_t limit = timeout == 0 ? kLongestSleep : std::min(kLongestSleep, timeout / 10);
  if (is_waiting) limit = std::min(limit, kWaitingSleep);
  const std::int64_t now = shm::monotonic_ns();
  for (const auto& shard : hosting_.shards())
    limit = std::min(limit, shard->next_due_ns() - now);
  if (limit <= 0) return;
  shm::sleep_at(slot().doorbell, std::chrono::nanoseconds{limit}, [this, &shards] {
    const auto order = static_cast<shm::Order>(slot().order.load(std::memory_order_acquire));
    if (order != shm::Order::run && !is_leaving_) return true;
    if (hosting_.has_changed()) return true;
    return std::any_of(shards.begin(), shards.end(),
                       [](const auto& shard) { return shard->has_work(); });
  });
}

void Worker::beat() {
  // Fenced, by a supervisor that took us for dead: our shards are another's. Nothing is let go.
  if (slot().claim.load(std::memory_order_acquire) != claim_) ::_exit(static_cast<int>(Exit::done));
  slot().heartbeat_ns.store(static_cast<std::uint64_t>(last_beat_ns_), std::memory_order_relaxed);
  limits_ = read_limits();
  if (hosting_.has_changed() || hosting_.is_waiting()) hosting_.look();
  heed_limits();
  if (last_beat_ns_ - last_rescan_ns_ < kLookEvery) return;
  last_rescan_ns_ = last_beat_ns_;
  for (const auto& shard : hosting_.shards())
    (void)shard->has_work();  // what a killed client has published, and told nobody
}

// The allocator keeps what was freed, and then the worker would stay over its soft limit for good.
void Worker::heed_limits() {
  const shm::WorkerLimits& limits = segment_.limits().workers[options_.worker];
  const bool is_over = limits.is_closed.load(std::memory_order_relaxed) != 0;
  if (is_over != is_over_limit_ && !hosting_.shards().empty()) {
    hosting_.shards().front()->note_limits(is_over);
  }
  is_over_limit_ = is_over;
  if (!is_over || last_beat_ns_ - last_trim_ns_ < kTrimEvery) return;
  last_trim_ns_ = last_beat_ns_;
  ::malloc_trim(0);
}

Limits Worker::read_limits() const {
  const shm::Tunables& tunables = segment_.header().tunables;
  const auto read = [](const std::atomic<std::uint64_t>& word) {
    return word.load(std::memory_order_relaxed);
  };
  Limits limits;
  limits.turn_messages =
      static_cast<std::uint32_t>(std::clamp<std::uint64_t>(read(tunables.turn_messages), 1, 1024));
  limits.turn_time_ns = static_cast<std::int64_t>(read(tunables.turn_time_ns));
  limits.max_attempts =
      static_cast<std::uint32_t>(std::clamp<std::uint64_t>(read(tunables.max_attempts), 1, 100));
  limits.stall_timeout_ns = static_cast<std::int64_t>(read(tunables.stall_timeout_ns));
  limits.trace_sample = read(tunables.trace_sample);
  return limits;
}

bool Worker::must_leave(std::int64_t now_ns) {
  if (segment_.state() == RuntimeState::removed) return true;
  const auto order = static_cast<shm::Order>(slot().order.load(std::memory_order_acquire));
  if (order == shm::Order::stop) return true;
  is_leaving_ = order == shm::Order::drain || is_orphan_too_long(now_ns);
  if (!is_leaving_) return false;
  slot().state.store(static_cast<std::uint32_t>(WorkerState::draining), std::memory_order_relaxed);
  if (hosting_.is_waiting()) return false;  // what waits in that shard is to be drained, too
  const Hosting::Shards& shards = hosting_.shards();
  return std::all_of(shards.begin(), shards.end(),
                     [](const auto& shard) { return shard->is_drained(); });
}

// Alive is asked of the kernel, never of a heartbeat: a stopped supervisor is not dead.
bool Worker::is_orphan_too_long(std::int64_t now_ns) {
  const shm::ProcessId supervisor{segment_.header().supervisor.load(std::memory_order_acquire)};
  if (orphan_since_ns_ == 0 && now_ns - last_look_ns_ < kLookEvery) return false;
  last_look_ns_ = now_ns;
  if (shm::is_alive(supervisor)) {
    orphan_since_ns_ = 0;
    return false;
  }
  if (orphan_since_ns_ == 0) orphan_since_ns_ = now_ns;
  const std::uint64_t grace =
      segment_.header().tunables.orphan_grace_ns.load(std::memory_order_relaxed);
  return static_cast<std::uint64_t>(now_ns - orphan_since_ns_) >= grace;
}

}  // namespace mabeam::worker
