// Runtime: the segment that a supervisor runs, created or taken over from one that died.
//
//   a supervisor runs another file  refused (73): somebody has removed the name, or given it away
//   no segment                      created
//   its lock is held                refused: another supervisor runs it (73)
//   its supervisor lives            refused (73): it is a copy of what that one runs
//   marked as removed               replaced: who removed it was killed before the name was gone
//   another build, damage           refused (76, 65); --discard removes it
//   laid out by other layout keys   refused, and the keys are named (78)
//   else                            taken over as it stands, with every worker in it that lives
//
// The segment is always recovered if it is whole: agents and messages outlive every process.
#pragma once

#include "shm/segment.hpp"
#include "supervisor/config.hpp"
#include "supervisor/exit_code.hpp"
#include "supervisor/inheritance.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mabeam::supervisor {

struct Runtime {
  Config config;
  shm::Segment segment;
  std::uint32_t workers = 0;     ///< how many are run
  std::uint32_t living = 0;      ///< one more than the last that lives; those behind are to leave
  bool is_new = false;           ///< created by this process
  bool keeps_placement = false;  ///< taken over with living workers: shards stay where they are
  std::optional<Inheritance> inherited = {};  ///< from the program before, in this process
};

/// What the configuration asks of the layout.
shm::DimensionRequest dimension_request(const Config& config);

/// The layout that a new segment of this configuration gets.
tl::expected<shm::Dimensions, Refusal> plan_dimensions(const Config& config);

/// The layout keys whose values differ from what the segment was laid out with, as
/// "runtime.clients = 8 (the segment has 4)". Keys left to the budget never differ.
std::vector<std::string> layout_differences(const Config& config, const shm::Dimensions& found);

/// Creates the segment, or takes it over; the lock is held. `discards`: what is there is removed
/// first, and its workers are killed.
tl::expected<Runtime, Refusal> open_runtime(Config config, bool discards);

/// As the program before, in this process, has left it: segment, lock and workers.
tl::expected<Runtime, Refusal> inherit_runtime(Config config, const Inheritance& inheritance);

/// What would keep this program from taking over the runtime as it runs; nothing if it can.
std::optional<Refusal> refuse_handover(const Config& config);

/// Takes office: this process is the supervisor, and every shard has a worker that shall run it.
void settle(const Runtime& runtime);

void set_state(const shm::Segment& segment, RuntimeState state) noexcept;

/// Brings the configuration's tunables to the workers; also while they run.
void store_tunables(const Config& config, shm::Header& header) noexcept;

/// Tells whoever looks which configuration is in force.
void store_digest(const Config& config, shm::Header& header);

/// Notes that the configuration was read again, and was taken or had faults.
void note_reload(shm::Header& header, bool is_taken) noexcept;

/// Lets the segment's group read it, or not. Returns an errno, or 0.
int set_group_read(const shm::Segment& segment, bool allowed) noexcept;

}  // namespace mabeam::supervisor
