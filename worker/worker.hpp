// Worker: a single-threaded process that runs its shards' agents to completion, one message at a
// time. Claims its slot, takes the shards that are placed on it, runs their turns, and sleeps at
// its doorbell when there is nothing to do.
#pragma once

#include "shm/segment.hpp"
#include "worker/hosting.hpp"
#include "worker/idle.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include "mabeam/agent.hpp"
#include "mabeam/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::worker {

struct Options {
  std::string runtime;
  std::uint32_t worker = 0;
  std::uint32_t incarnation = 0;
  std::vector<std::string> modules;
};

/// Exit codes (DESIGN, Contracts): what the supervisor makes of them is its own business.
enum class Exit : int {
  done = 0,
  usage = 64,
  again = 75,
  incompatible = 76,
  permission = 77,
  configuration = 78
};

class Worker {
 public:
  Worker(shm::Segment segment, Options options);

  /// The worker's whole life. Returns its exit code.
  int run(std::span<const TypeDescriptor> types);

 private:
  bool claim_slot();
  Result<> load_types(std::span<const TypeDescriptor> types);
  Result<> add_types(std::span<const TypeDescriptor> types, std::string_view module);
  void work();
  bool run_shards();
  void sleep();
  void beat();
  void heed_limits();
  [[nodiscard]] bool must_leave(std::int64_t now_ns);
  [[nodiscard]] bool is_orphan_too_long(std::int64_t now_ns);
  void leave(int code);

  [[nodiscard]] shm::WorkerSlot& slot() const { return segment_.worker(options_.worker); }

  [[nodiscard]] Limits read_limits() const;

  shm::Segment segment_;
  Options options_;
  Types types_;
  shm::CachedClock clock_;
  BurialNotes notes_;
  Hosting hosting_;
  Idle idle_;
  Limits limits_;
  std::uint64_t claim_ = 0;  // what the slot says while it is ours
  std::int64_t last_beat_ns_ = 0;
  std::int64_t last_rescan_ns_ = 0;
  std::int64_t last_look_ns_ = 0;  // at the supervisor
  std::int64_t last_trim_ns_ = 0;
  bool is_over_limit_ = false;  // the soft one, as the supervisor sees it
  std::int64_t orphan_since_ns_ = 0;
  std::uint32_t idle_rounds_ = 0;
  bool is_leaving_ = false;
};

}  // namespace mabeam::worker
