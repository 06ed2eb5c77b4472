// The map of the segment. Read this file first.
//
// One shared-memory object, laid out once from the configuration and never moved:
//
//      +----------------------------------------------------------------+
//      | header          identity, dimensions, tunables, region table   |  layout.hpp
//      +----------------------------------------------------------------+
//      | workers         one slot a worker: claim, heartbeat, doorbell  |  layout.hpp
//      | endpoints       one slot an endpoint: owner, ready bits        |  layout.hpp
//      | notices         one small queue an endpoint, to the supervisor |  notices.hpp
//      | symbols         interned names: slots, then text               |  symbols.hpp
//      | types           agent types that workers know                  |  type_table.hpp
//      | breakers        of workers, of shards, and named ones          |  breaker.hpp
//      | turns           one a shard: witness, redo lists, own record   |  turn.hpp
//      | metrics         one a shard: latency histogram                 |  metrics.hpp
//      | spans           one ring a shard and a client                  |  span_ring.hpp
//      | recorder        what happened: lifecycle facts                 |  flight_recorder.hpp
//      | backtraces      of workers that a signal has killed            |  backtraces.hpp
//      | limits          what everybody is kept to, tokens of the rates |  limits.hpp
//      | agents          per shard: records                             |  registry.hpp
//      | states          per shard: two halves an agent                 |  registry.hpp
//      | names           per shard: index of names                      |  registry.hpp
//      | subscriptions   per endpoint                                   |  subscriptions.hpp
//      | timers          per shard                                      |  timers.hpp
//      | metadata        per shard: a pool of short texts               |  metadata.hpp
//      | dead_letters    one log a shard                                |  event_log.hpp
//      | logs            one event log an endpoint                      |  event_log.hpp
//      | channels        three rings for every pair that may talk       |  channel.hpp
//      | parking         one ring a shard: what waits for the suspended |  parking.hpp
//      | blocks          one arena an endpoint: payloads too large      |  blocks.hpp
//      |                 for a ring or a log                            |
//      +----------------------------------------------------------------+
//
// Who writes what. Every field has one writing process at a time, except these single words:
//      Header::subscription_epoch   fetch_add by whoever changed a subscription table
//      EndpointSlot::ready          fetch_or by senders, fetch_and by the owner
//      EndpointSlot::claim          compare-exchange by a client; cleared by it or the supervisor
//      WorkerSlot::claim            compare-exchange by the worker and by the supervisor
//      Doorbell::rings              fetch_add by senders
//      RateBucket, RateTally        compare-exchange and fetch_add by whoever takes tokens
//      symbol slots, symbol text    compare-exchange and fetch_add by anybody
//      type slots, type facts       compare-exchange and fetch_add by workers
//      BreakerSlot, all of it       compare-exchange and fetch_add by whoever asks and tells
//      EndpointSlot::owner          compare-exchange by a worker that takes a shard from nobody
//      recorder, backtraces         fetch_add of the number by whoever writes; a record is its own
// None of them is ever in a redo list (pitfall 1.1).
//
// Dimensions are read from the header once, at attach, checked, and kept in a private Layout: no
// offset is read from the segment afterwards.
#pragma once

#include "shm/words.hpp"

#include "mabeam/result.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mabeam::shm {

inline constexpr std::uint64_t kMagic = 0x31304D4145424D00;  // "\0MBEAM01"
inline constexpr std::uint32_t kByteOrder = 0x01020304;
/// Raised by hand whenever the meaning of a field changes while its place does not.
inline constexpr std::uint32_t kLayoutVersion = 9;

inline constexpr std::uint32_t kMaxWorkers = 128;
inline constexpr std::uint32_t kMaxShards = 192;
inline constexpr std::uint32_t kMaxClients = 63;
inline constexpr std::uint32_t kMaxAgents = 16'777'216;
inline constexpr std::uint32_t kMaxStateBytes = 1U << 20U;
inline constexpr std::uint32_t kPriorities = 3;
inline constexpr std::uint32_t kNamedBreakers = 64;
inline constexpr std::uint64_t kDefaultBudget = 48ULL << 20U;
inline constexpr std::size_t kListenBytes = 128;

enum class Region : std::uint32_t {
  header,
  workers,
  endpoints,
  notices,
  symbols,
  types,
  breakers,
  turns,
  metrics,
  spans,
  recorder,
  backtraces,
  limits,
  agents,
  states,
  names,
  subscriptions,
  timers,
  metadata,
  dead_letters,
  logs,
  channels,
  parking,
  blocks
};
inline constexpr std::size_t kRegions = 24;
std::string_view region_name(Region region);

/// What a configuration may leave to the budget.
struct DimensionRequest {
  std::optional<std::uint32_t> workers = {};
  std::optional<std::uint32_t> shards = {};
  std::uint32_t clients = 8;
  std::uint32_t max_agents = 16384;
  std::uint32_t max_state_bytes = 256;
  std::optional<std::uint64_t> high_bytes = {};
  std::optional<std::uint64_t> normal_bytes = {};
  std::optional<std::uint64_t> low_bytes = {};
  std::uint64_t log_bytes = 256U << 10U;
  std::optional<std::uint64_t> span_bytes = {};
  std::optional<std::uint64_t> block_bytes = {};
};

/// What decides every offset; all of it is in the header.
struct Dimensions {
  std::uint32_t workers = 0;  ///< at creation; slots exist for kMaxWorkers
  std::uint32_t shards = 0;
  std::uint32_t clients = 0;
  std::uint32_t max_agents = 0;
  std::uint32_t max_state_bytes = 0;
  std::uint32_t agents_per_shard = 0;
  std::uint32_t names_per_shard = 0;  ///< a power of two
  std::uint32_t subscriptions_per_endpoint = 0;
  std::uint32_t timers_per_shard = 0;
  std::uint32_t metadata_per_shard = 0;  ///< records; one of them is spare
  std::uint32_t symbol_slots = 0;        ///< a power of two
  std::uint32_t symbol_text_bytes = 0;
  std::array<std::uint64_t, kPriorities> ring_bytes{};  ///< high, normal, low; powers of two
  std::uint64_t log_bytes = 0;                          ///< a power of two
  std::uint64_t dead_letter_bytes = 0;                  ///< a power of two
  std::uint64_t span_bytes = 0;                         ///< of a ring; a power of two
  std::uint64_t block_bytes = 0;      ///< a power of two; 0: payloads are no larger than records
  std::uint64_t recorder_facts = 16;  ///< records of the flight recorder; a power of two

  [[nodiscard]] std::uint32_t endpoints() const { return 1 + shards + clients; }

  friend bool operator==(const Dimensions&, const Dimensions&) = default;
};

struct RegionSpan {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const RegionSpan&, const RegionSpan&) = default;
};

/// Where everything is. A private copy in every process.
struct Layout {
  Dimensions dimensions;
  std::array<RegionSpan, kRegions> regions{};
  std::uint64_t total_bytes = 0;

  [[nodiscard]] const RegionSpan& operator[](Region region) const {
    return regions[static_cast<std::size_t>(region)];
  }
};

/// Fills in what was left open: as many shards as the budget carries, blocks and rings of what is
/// left, the rings of spans halved last.
/// Errors: invalid_argument (a value out of its range, or not a power of two).
Result<Dimensions> choose_dimensions(const DimensionRequest& request, std::uint32_t cores,
                                     std::uint64_t budget = kDefaultBudget);

/// Fills in what follows from the others: how many agents, names, subscriptions, timers and texts
/// of metadata a shard has room for.
void fill_derived(Dimensions& dimensions);

/// Errors: invalid_argument (dimensions outside their ranges; those of a damaged header, too).
Result<Layout> compute_layout(const Dimensions& dimensions);

/// How many backtraces are kept.
std::uint64_t backtraces_kept(const Dimensions& dimensions);

/// Bytes of a shard's parking log, its header aside; a power of two. The longest message of its
/// rings can wait there, where that leaves it under 1 MiB.
std::uint64_t parking_bytes(const Dimensions& dimensions);

/// How many bytes of a parking log messages may take: so few that a copy of them fits, too.
constexpr std::uint64_t parking_room(std::uint64_t capacity) {
  return capacity / 8 * 3;
}

/// A hash over the size and the field offsets of every struct in the segment and kLayoutVersion:
/// two builds that agree on it can share one.
std::uint64_t layout_hash();

// ---- what the header, a worker and an endpoint consist of ------------------------------------

/// A process sleeps here. `sleeping` is written only by the sleeper.
struct Doorbell {
  alignas(kLinePair) std::atomic<std::uint32_t> sleeping;
  std::atomic<std::uint32_t> rings;  ///< the futex word
};

static_assert(sizeof(Doorbell) == kLinePair && offsetof(Doorbell, rings) == 4);

/// What the configuration may change while the runtime runs; written by the supervisor.
struct Tunables {
  std::atomic<std::uint64_t> turn_messages;
  std::atomic<std::uint64_t> turn_time_ns;
  std::atomic<std::uint64_t> max_attempts;
  std::atomic<std::uint64_t> stall_timeout_ns;
  std::atomic<std::uint64_t> heartbeat_timeout_ns;  ///< 0: off
  std::atomic<std::uint64_t> orphan_grace_ns;
  std::atomic<std::uint64_t> idle;          ///< IdleMode
  std::atomic<std::uint64_t> fault_agents;  ///< 1: the type `fault` may be created
  /// How many of 2^32 messages without a trace begin one; read by clients, too.
  std::atomic<std::uint64_t> trace_sample;
  std::atomic<std::uint64_t> breaker_failure_threshold;
  std::atomic<std::uint64_t> breaker_window_ns;
  std::atomic<std::uint64_t> breaker_recovery_ns;
  std::atomic<std::uint64_t> breaker_trial_calls;  ///< half_open_max_calls
};

static_assert(sizeof(Tunables) == 104);

/// Tunables::trace_sample of a share from 0 to 1.
inline constexpr std::uint64_t kSampleAll = std::uint64_t{1} << 32U;

enum class IdleMode : std::uint64_t { busy_spin, backoff, block };

/// Which configuration is in force, and what became of the attempts to read it again; written by
/// the supervisor.
struct Reloads {
  Word config_digest;  ///< equal: the same value of each key
  Word taken;
  Word refused;
  std::atomic<std::int64_t> last_unix_ns;   ///< 0: never
  std::atomic<std::uint32_t> last_refused;  ///< 1: the last one had faults and was not taken
};

static_assert(sizeof(Reloads) == 40);

/// The first page. Everything above `state` is written once, before the segment has its name.
struct Header {
  std::uint64_t magic;
  std::uint32_t byte_order;
  std::uint32_t layout_version;
  std::uint64_t layout_hash;
  std::uint32_t page_bytes;
  std::uint32_t region_count;
  std::uint64_t total_bytes;
  std::uint64_t pid_namespace;  ///< inode of /proc/self/ns/pid
  std::int64_t created_unix_ns;
  std::int64_t created_ns;  ///< CLOCK_MONOTONIC
  std::array<char, 32> name;
  Dimensions dimensions;
  std::array<RegionSpan, kRegions> regions;
  std::array<char, kListenBytes> serve_listen;  ///< [serve] listen, for `mabeam serve`; ends with 0
  std::uint64_t checksum;                       ///< of everything above

  alignas(kLinePair) std::atomic<std::uint32_t> state;  ///< RuntimeState; written by the supervisor
  Word supervisor;                                      ///< ProcessId; written by the supervisor
  Word takeovers;                                       ///< how many supervisors came before
  Word supervisor_heard_ns;  ///< CLOCK_MONOTONIC of its last look around; by the supervisor
  Word placements;  ///< raised by the supervisor after a shard's placement, or whether its owner
                    ///< lives, has changed: workers then look at all of them
  Word workers;     ///< how many are run; written by the supervisor
  Word facts_told;  ///< the recorder's number up to which the supervisor's log has what workers
                    ///< wrote
  Reloads reloads;
  alignas(kLinePair) Tunables tunables;
  alignas(kLinePair) Word subscription_epoch;
};

static_assert(offsetof(Header, byte_order) == 8 && offsetof(Header, layout_hash) == 16);
static_assert(sizeof(Header) <= 4096);

/// The checksum of everything above Header::checksum, which is written once.
std::uint64_t header_checksum(const Header& header) noexcept;

/// What the supervisor orders and what a worker reports, by word (never by message).
enum class Order : std::uint32_t { run, drain, stop };

/// One worker. A line pair for each writer.
struct WorkerSlot {
  // by compare-exchange: the worker, and the supervisor before it starts another
  alignas(kLinePair) Word claim;  ///< Claim
  // written by the worker that has claimed the slot
  alignas(kLinePair) Word process;     ///< ProcessId
  Word heartbeat_ns;                   ///< CLOCK_MONOTONIC, from the work loop
  std::atomic<std::uint32_t> state;    ///< WorkerState: starting, ready, draining, stopping
  std::atomic<std::uint32_t> leaving;  ///< 1 + exit status, stored just before a deliberate exit
  // written by the supervisor
  alignas(kLinePair) std::atomic<std::uint32_t> order;  ///< Order
  std::atomic<std::uint32_t> supervised_state;          ///< WorkerState as the supervisor sees it
  std::atomic<std::uint32_t> planned_end;  ///< number of the incarnation that it ends, not to blame
  std::atomic<std::uint32_t> exit_cause;   ///< ExitCause of the last incarnation that ended
  std::atomic<std::int32_t> exit_code;
  std::atomic<std::int32_t> exit_signal;
  std::atomic<std::int64_t> exit_time_unix_ns;
  Word restarts;
  Word started_ns;
  Doorbell doorbell;
};

static_assert(offsetof(WorkerSlot, process) == 128 && offsetof(WorkerSlot, order) == 256);
static_assert(sizeof(WorkerSlot) == 512);

/// One endpoint: the supervisor's, a shard's or a client's.
struct EndpointSlot {
  // several writers, single words: bit i is set when endpoint i has something for this one
  alignas(kLinePair) std::array<Word, kMaxEndpoints / 64> ready;
  // a client's claim: compare-exchange from 0 to its ProcessId
  alignas(kLinePair) Word claim;
  Word generation;  ///< of the endpoint's address; raised by whoever frees the claim
  // written by the supervisor: which worker shall run the shard (index + 1; 0: nobody)
  alignas(kLinePair) Word placement;
  // written by the owner (the shard's worker, or the client)
  alignas(kLinePair) Word owner;  ///< Incarnation of the worker that runs the shard; 0: nobody; it
                                  ///< is taken from nobody, or from a dead one, by exchange
  Word reserved_agents;           ///< that its owner is about to create (pitfall N4)
  Word sent;                      ///< counters of a client; a shard has its own in its record
  Word refused;
  Word published;
  Word missed;
  Word delivered;     ///< replies that a client has taken
  Word parked;        ///< 1: the shard's redo list failed its check
  Doorbell doorbell;  ///< a client's
};

static_assert(offsetof(EndpointSlot, claim) == 128 && offsetof(EndpointSlot, owner) == 384);
static_assert(sizeof(EndpointSlot) == 640);

inline constexpr std::size_t kBreakerBuckets = 10;

/// One circuit breaker (breaker.hpp): by compare-exchange of whoever asks or tells; counters by
/// fetch_add.
struct BreakerSlot {
  alignas(kLinePair) Word state;
  Word trial;
  std::array<Word, kBreakerBuckets> buckets;
  Word name;                       ///< of a named one: its symbol, by compare-exchange from 0
  alignas(kLinePair) Word passed;  ///< results: successes
  Word failed;                     ///< failures
  Word rejected;                   ///< who asked and got no permit
  Word stale;                      ///< results that came too late
  Word openings;
  Word withheld;  ///< times it would have opened, had not too many others been open
};

static_assert(sizeof(BreakerSlot) == 2 * kLinePair && offsetof(BreakerSlot, passed) == kLinePair);

}  // namespace mabeam::shm
