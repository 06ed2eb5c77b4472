// mabeam scale: more workers, or fewer.
#include "tools/cli/ask.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

WorkerState state_of(const shm::Segment& segment, std::uint32_t worker) {
  return static_cast<WorkerState>(
      segment.worker(worker).supervised_state.load(std::memory_order_acquire));
}

bool is_settled(WorkerState state, bool is_wanted) {
  switch (state) {
    case WorkerState::starting:
    case WorkerState::killing:
    case WorkerState::draining:
    case WorkerState::stopping:
    case WorkerState::backoff:
      return false;
    default:
      return is_wanted || state == WorkerState::stopped || state == WorkerState::failed;
  }
}

/// Every worker that is to run does, the others are gone, and each shard is where it is placed.
bool is_scaled(const shm::Segment& segment, std::uint32_t workers) {
  for (std::uint32_t index = 0; index < shm::kMaxWorkers; ++index) {
    if (!is_settled(state_of(segment, index), index < workers)) return false;
  }
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    const shm::EndpointSlot& slot = segment.endpoint(shm::Segment::endpoint_of_shard(shard));
    const std::uint64_t placed = slot.placement.load(std::memory_order_acquire);
    const shm::Incarnation owner{slot.owner.load(std::memory_order_acquire)};
    const bool is_parked = slot.parked.load(std::memory_order_acquire) != 0;
    if (placed > workers) return false;
    if (!is_parked && placed != 0 && (!owner || owner.worker() + 1 != placed)) return false;
  }
  return true;
}

Outcome<Exit> run_scale(const Arguments& arguments, Output& output) {
  const auto text = arguments.value("workers");
  if (!text) return usage_error("--workers N says how many there are to be");
  const auto workers = parse_number(*text, "--workers", 1, shm::kMaxWorkers);
  if (!workers) return tl::unexpected(workers.error());
  const auto runtime = Supervised::attach(arguments);
  if (!runtime) return tl::unexpected(runtime.error());
  const auto answer = runtime->ask(shm::ControlCommand::scale, *workers);
  if (!answer) return tl::unexpected(answer.error());
  const auto waited = runtime->wait("scaling", [&] {
    return is_scaled(runtime->segment(), static_cast<std::uint32_t>(*workers));
  });
  if (!waited) return waited;
  if (output.json()) {
    output.document({{"workers", *workers}});
  } else {
    output.print("the runtime has " + std::to_string(*workers) +
                 (*workers == 1 ? " worker\n" : " workers\n"));
  }
  return Exit::done;
}

constexpr std::array kScaleOptions{
    Option{"workers", "N", "how many worker processes there are to be"},
    kAskTimeoutOption,
};

}  // namespace

const Command scale_command{
    .name = "scale",
    .summary = "run more workers, or fewer, while the runtime runs",
    .options = kScaleOptions,
    .details =
        "Shards move with all that is theirs: agents, states, messages. Nothing is lost, and no\n"
        "order changes. More workers than shards have nothing to do. It holds until the runtime\n"
        "stops, or until a reload finds another runtime.workers in the configuration.\n"
        "\n"
        "Examples:\n"
        "  mabeam scale --workers 8\n",
    .run = run_scale};

}  // namespace mabeam::tools
