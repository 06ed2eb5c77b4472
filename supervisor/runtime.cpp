#include "supervisor/runtime.hpp"

#include "shm/clock.hpp"
#include "shm/lost_name.hpp"
#include "shm/name_hash.hpp"
#include "shm/process.hpp"
#include "supervisor/config_keys.hpp"
#include "supervisor/discard.hpp"
#include "supervisor/refusals.hpp"
#include "supervisor/worker.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <sys/stat.h>

namespace mabeam::supervisor {
namespace {

/// A name that comes or goes while we look is looked at again.
constexpr int kClaimTries = 5;
constexpr int kLooksAtNameless = 50;

/// The supervisor of that runtime whose segment has lost its name. One that is about to end, and
/// has taken the name away itself, is waited for.
std::optional<pid_t> wait_for_nameless(std::string_view name) {
  std::optional<pid_t> found = shm::find_nameless_supervisor(name);
  for (int looks = 1; found && looks < kLooksAtNameless; ++looks) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
    found = shm::find_nameless_supervisor(name);
  }
  return found;
}

void compare(std::string_view key, std::uint64_t wanted, std::uint64_t found,
             std::vector<std::string>& differences) {
  if (wanted == found) return;
  differences.push_back(std::string{key} + " = " + std::to_string(wanted) + " (the segment has " +
                        std::to_string(found) + ")");
}

std::uint64_t nanoseconds(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

shm::IdleMode idle_mode(IdleStrategy idle) {
  switch (idle) {
    case IdleStrategy::busy_spin:
      return shm::IdleMode::busy_spin;
    case IdleStrategy::backoff:
      return shm::IdleMode::backoff;
    case IdleStrategy::block:
      return shm::IdleMode::block;
  }
  return shm::IdleMode::backoff;
}

std::uint64_t digest_of(const Config& config) {
  std::string text;
  for (const KeyInfo& key : describe_config())
    text += key.full_name() + "=" + value_text(key, config) + "\n";
  return shm::hash_name(text);
}

/// One more than the last worker that lives; 0 if none does. Every other slot is fenced: a child
/// that the last supervisor started in its last moment must not claim one after this look, since it
/// would run shards as they were placed before.
std::uint32_t living_workers(const shm::Segment& segment) {
  std::uint32_t workers = 0;
  for (std::uint32_t index = 0; index < shm::kMaxWorkers; ++index) {
    Worker worker(segment, index);
    if (worker.slot().claim.load(std::memory_order_acquire) == 0) continue;  // never used
    if (!worker.fence()) workers = index + 1;
  }
  return workers;
}

/// As many as were run last, however they were scaled, while one of them lives or the configuration
/// is the same.
std::uint32_t resumed_workers(const Config& config, const shm::Segment& segment,
                              std::uint32_t living) {
  const shm::Header& header = segment.header();
  const std::uint64_t before = header.workers.load(std::memory_order_relaxed);
  const bool is_same =
      header.reloads.config_digest.load(std::memory_order_relaxed) == digest_of(config);
  const bool is_known = before != 0 && before <= shm::kMaxWorkers;
  if (is_known && (living != 0 || is_same)) return static_cast<std::uint32_t>(before);
  return config.runtime.workers.value_or(segment.dimensions().workers);
}

tl::expected<Runtime, Refusal> take_over(Config config, shm::Segment segment) {
  const auto differences = layout_differences(config, segment.dimensions());
  if (!differences.empty()) {
    return tl::unexpected(refusal_of_layout(config.runtime.name, differences));
  }
  const std::uint32_t living = living_workers(segment);
  const std::uint32_t workers = resumed_workers(config, segment, living);
  return Runtime{std::move(config), std::move(segment), workers, living, false, living != 0};
}

/// No worker lives: shards are placed as at the first start, and no worker's past counts.
void begin_anew(const Runtime& runtime) noexcept {
  for (std::uint32_t worker = 0; worker < shm::kMaxWorkers; ++worker)
    shm::Breaker{runtime.segment.breaker_of_worker(worker)}.reset();
  for (std::uint32_t shard = 0; shard < runtime.segment.dimensions().shards; ++shard) {
    auto& endpoint = runtime.segment.endpoint(shm::Segment::endpoint_of_shard(shard));
    endpoint.placement.store(shard % runtime.workers + 1, std::memory_order_release);
  }
}

std::uint64_t sample_of(double share) {
  return static_cast<std::uint64_t>(share * static_cast<double>(shm::kSampleAll));
}

}  // namespace

shm::DimensionRequest dimension_request(const Config& config) {
  return {.workers = config.runtime.workers,
          .shards = config.runtime.shards,
          .clients = config.runtime.clients,
          .max_agents = config.runtime.max_agents,
          .max_state_bytes = config.runtime.max_state_bytes,
          .high_bytes = config.channels.high_bytes,
          .normal_bytes = config.channels.normal_bytes,
          .low_bytes = config.channels.low_bytes,
          .log_bytes = config.events.log_bytes,
          .span_bytes = config.trace.ring_bytes,
          .block_bytes = config.channels.block_bytes};
}

tl::expected<shm::Dimensions, Refusal> plan_dimensions(const Config& config) {
  const Result<shm::Dimensions> chosen =
      shm::choose_dimensions(dimension_request(config), config.cores);
  if (chosen) return *chosen;
  return refuse(ExitCode::configuration,
                "no segment can be laid out with these settings: " + describe(chosen.error()));
}

std::vector<std::string> layout_differences(const Config& config, const shm::Dimensions& found) {
  std::vector<std::string> differences;
  const RuntimeConfig& runtime = config.runtime;
  if (runtime.shards) compare("runtime.shards", *runtime.shards, found.shards, differences);
  compare("runtime.clients", runtime.clients, found.clients, differences);
  compare("runtime.max_agents", runtime.max_agents, found.max_agents, differences);
  compare("runtime.max_state_bytes", runtime.max_state_bytes, found.max_state_bytes, differences);
  const std::array rings{std::pair{"channels.high_bytes", config.channels.high_bytes},
                         std::pair{"channels.normal_bytes", config.channels.normal_bytes},
                         std::pair{"channels.low_bytes", config.channels.low_bytes}};
  for (std::size_t i = 0; i < rings.size(); ++i) {
    const auto& [key, bytes] = rings[i];
    if (bytes) compare(key, *bytes, found.ring_bytes[i], differences);
  }
  if (const auto& bytes = config.channels.block_bytes)
    compare("channels.block_bytes", *bytes, found.block_bytes, differences);
  compare("events.log_bytes", config.events.log_bytes, found.log_bytes, differences);
  if (config.trace.ring_bytes) {
    compare("trace.ring_bytes", *config.trace.ring_bytes, found.span_bytes, differences);
  }
  return differences;
}

tl::expected<Runtime, Refusal> open_runtime(Config config, bool discards) {
  // Who cannot read /proc cannot tell the living from the dead either.
  if (!shm::self_process()) {
    return tl::unexpected(
        Refusal{ExitCode::cannot_create,
                "cannot read /proc/self/stat; mount /proc, or allow more open files (ulimit -n)"});
  }
  const std::string name = config.runtime.name;
  const auto dimensions = plan_dimensions(config);
  if (!dimensions) return tl::unexpected(dimensions.error());
  if (const auto other = wait_for_nameless(name))
    return tl::unexpected(refusal_of_nameless(name, *other));
  if (discards) {
    if (const auto refusal = discard_runtime(name)) return tl::unexpected(*refusal);
  }
  Error error{Errc::not_found};
  for (int tries = 0; tries < kClaimTries; ++tries) {
    Result<shm::Segment> found = shm::Segment::take_over(name);
    if (found) return take_over(std::move(config), std::move(*found));
    error = found.error();
    if (error.code == Errc::not_running) {
      // Marked as removed: its supervisor is about to take the name away, or was killed before.
      if (const auto refusal = discard_unlocked(name)) return tl::unexpected(*refusal);
      continue;
    }
    if (error.code != Errc::not_found) break;
    if (const auto other = wait_for_nameless(name))
      return tl::unexpected(refusal_of_nameless(name, *other));
    Result<shm::Segment> made = shm::Segment::create(
        name, *dimensions,
        {.group_read = config.runtime.group_read, .serve_listen = config.serve.listen});
    if (made)
      return Runtime{std::move(config), std::move(*made), dimensions->workers, 0, true, false};
    error = made.error();
    if (error.code == Errc::name_taken) continue;
    const Result<shm::Layout> layout = shm::compute_layout(*dimensions);
    return tl::unexpected(refusal_of_create(error, name, layout ? layout->total_bytes : 0));
  }
  return tl::unexpected(refusal_of_take_over(error, name));
}

// A slot whose worker has ended since, and was not waited for yet, is not free: it is adopted, and
// its end is seen as any other.
tl::expected<Runtime, Refusal> inherit_runtime(Config config, const Inheritance& inheritance) {
  const std::string name = config.runtime.name;
  Result<shm::Segment> segment = shm::Segment::inherit(name, inheritance.lock);
  if (!segment) return tl::unexpected(refusal_of_take_over(segment.error(), name));
  const auto differences = layout_differences(config, segment->dimensions());
  if (!differences.empty()) return tl::unexpected(refusal_of_layout(name, differences));
  const std::uint32_t living = living_workers(*segment);
  return Runtime{std::move(config), std::move(*segment), inheritance.workers, living, false, true,
                 inheritance};
}

std::optional<Refusal> refuse_handover(const Config& config) {
  const std::string& name = config.runtime.name;
  const Result<shm::Segment> segment = shm::Segment::attach(name, shm::Access::read_only);
  if (!segment) return refusal_of_take_over(segment.error(), name);
  const auto differences = layout_differences(config, segment->dimensions());
  if (!differences.empty()) return refusal_of_layout(name, differences);
  return std::nullopt;
}

void settle(const Runtime& runtime) {
  shm::Header& header = runtime.segment.header();
  store_tunables(runtime.config, header);
  header.workers.store(runtime.workers,
                       std::memory_order_relaxed);  // before what says that it counts
  store_digest(runtime.config, header);
  if (!runtime.keeps_placement) begin_anew(runtime);
  if (!runtime.is_new) {
    header.takeovers.store(header.takeovers.load(std::memory_order_relaxed) + 1,
                           std::memory_order_relaxed);
  }
  // A runtime that was running still is: its clients go on sending, whatever has died.
  if (runtime.segment.state() != RuntimeState::running) {
    set_state(runtime.segment, RuntimeState::building);
  }
  header.supervisor_heard_ns.store(static_cast<std::uint64_t>(shm::monotonic_ns()),
                                   std::memory_order_relaxed);
  header.supervisor.store(shm::self_process().value, std::memory_order_release);
}

void set_state(const shm::Segment& segment, RuntimeState state) noexcept {
  segment.header().state.store(static_cast<std::uint32_t>(state), std::memory_order_release);
}

void store_tunables(const Config& config, shm::Header& header) noexcept {
  shm::Tunables& tunables = header.tunables;
  const auto store = [](std::atomic<std::uint64_t>& word, std::uint64_t value) {
    word.store(value, std::memory_order_relaxed);
  };
  store(tunables.turn_messages, config.worker.turn_messages);
  store(tunables.turn_time_ns, nanoseconds(config.worker.turn_time));
  store(tunables.max_attempts, config.worker.max_attempts);
  store(tunables.stall_timeout_ns, nanoseconds(config.worker.stall_timeout));
  store(tunables.heartbeat_timeout_ns, nanoseconds(config.worker.heartbeat_timeout));
  store(tunables.orphan_grace_ns, nanoseconds(config.runtime.orphan_grace));
  store(tunables.idle, static_cast<std::uint64_t>(idle_mode(config.runtime.idle)));
  store(tunables.fault_agents, config.runtime.fault_agents ? 1 : 0);
  store(tunables.trace_sample, sample_of(config.trace.sample));
  store(tunables.breaker_failure_threshold, config.breaker.failure_threshold);
  store(tunables.breaker_window_ns, nanoseconds(config.breaker.window));
  store(tunables.breaker_recovery_ns, nanoseconds(config.breaker.recovery_timeout));
  store(tunables.breaker_trial_calls, config.breaker.half_open_max_calls);
}

void store_digest(const Config& config, shm::Header& header) {
  header.reloads.config_digest.store(digest_of(config), std::memory_order_relaxed);
}

void note_reload(shm::Header& header, bool is_taken) noexcept {
  shm::Reloads& reloads = header.reloads;
  shm::Word& count = is_taken ? reloads.taken : reloads.refused;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  reloads.last_refused.store(is_taken ? 0 : 1, std::memory_order_relaxed);
  reloads.last_unix_ns.store(shm::unix_ns(), std::memory_order_relaxed);
}

int set_group_read(const shm::Segment& segment, bool allowed) noexcept {
  return ::fchmod(segment.lock_descriptor(), allowed ? 0640 : 0600) == 0 ? 0 : errno;
}

}  // namespace mabeam::supervisor
