// Segment: one shared-memory object, /dev/shm/mabeam-<name>, created, attached, checked, taken over
// and removed.
//
// Life of the name
//   create     builds under mabeam-<name>.new, locked, filled and touched; renamed when whole, so
//              nobody ever attaches to half a segment, and a taken name is refused by the kernel.
//   lock       F_OFD_SETLK, a write lock on the object's first byte: the kernel releases it at the
//              supervisor's death. After locking, the name must still be this inode.
//   inherit    keeps the lock of the same process before its exec (supervisor/handover.hpp).
//   attach_to  what a worker does: it is given a descriptor, so it needs no name. A name that
//   somebody
//              removes keeps out only who is not in yet; nothing can give it back to an object that
//              has none (linkat() refuses it).
//   take_over  locks a segment whose supervisor is dead: the lock is free, and the process that the
//              segment names is gone (a copy of a running one's has a lock of its own). Both are
//              tried for a second, since a child between fork and exec may hold its dead parent's.
//   remove     marks the state removed, unlinks the name, rings every doorbell.
//
// Every accessor computes its place from the private Layout, so nothing in the segment can lead out
// of it. Views are cheap; their contents are checked by whoever opens them.
#pragma once

#include "shm/doorbell.hpp"
#include "shm/layout.hpp"
#include "shm/limits.hpp"
#include "shm/metadata.hpp"
#include "shm/metrics.hpp"
#include "shm/notices.hpp"
#include "shm/registry.hpp"
#include "shm/subscriptions.hpp"
#include "shm/symbols.hpp"
#include "shm/timers.hpp"
#include "shm/turn.hpp"
#include "shm/type_table.hpp"

#include "mabeam/message.hpp"
#include "mabeam/observer.hpp"
#include "mabeam/result.hpp"

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mabeam::shm {

enum class Access : std::uint8_t { read_only, read_write };

struct CreateOptions {
  bool group_read = false;             ///< mode 0640 instead of 0600
  std::string_view serve_listen = {};  ///< a longer one than kListenBytes - 1 is not kept
};

/// True for `[a-z0-9][a-z0-9_-]{0,31}`.
bool is_runtime_name(std::string_view name);

/// "/dev/shm/mabeam-<name>".
std::string path_of_segment(std::string_view runtime);

class Segment {
 public:
  /// Reserves and touches the memory, lays it out, and gives it its name; the lock is held.
  /// Errors: invalid_argument, name_taken, in_use (another supervisor is building it), no_room,
  /// system.
  static Result<Segment> create(std::string_view name, const Dimensions& dimensions,
                                CreateOptions options = {});

  /// Errors: not_found, bad_permissions (owner, mode; read_write: pid namespace), truncated,
  /// byte_order, incompatible, corrupt, not_running (removed), system.
  static Result<Segment> attach(std::string_view name, Access access);

  /// Attaches read-write with the lock. Errors: as attach(), in_use (the lock is held, or the
  /// supervisor that the segment names lives, and is not this process).
  static Result<Segment> take_over(std::string_view name);

  /// Attaches read-write to what is open there, whatever has become of the name. Closes `fd`.
  /// Errors: as attach(), not_found (it is no segment of that name).
  static Result<Segment> attach_to(std::string_view name, int fd);

  /// Attaches as attach_to(), with the lock that `fd` holds: a lock_descriptor() that has come
  /// through an exec. Closes it. Errors: as attach_to(), in_use.
  static Result<Segment> inherit(std::string_view name, int fd);

  /// The descriptor that holds a supervisor's lock, close-on-exec. -1: of a copy.
  [[nodiscard]] int lock_descriptor() const;

  /// Another descriptor of the same object, close-on-exec, which has no part in the lock: for a
  /// process that is to attach_to() it. Errors: system.
  [[nodiscard]] Result<int> open_again() const;

  /// True while the name leads to this object; of a copy, false.
  [[nodiscard]] bool is_named() const;

  /// A private copy of a segment's file. Errors: as attach(), without owner and mode.
  static Result<Segment> open_file(const std::string& path);

  /// A segment in memory that the caller keeps, 128-byte aligned: a copy, which is only looked at.
  /// Errors: as open_file().
  static Result<Segment> open_bytes(std::span<std::byte> bytes);

  /// Removes the name whatever is behind it. Errors: not_found, system.
  static Result<> discard(std::string_view name);

  /// Marks it removed, unlinks the name (if it still is this object), wakes everybody.
  void remove() noexcept;

  [[nodiscard]] const Layout& layout() const { return layout_; }

  [[nodiscard]] const Dimensions& dimensions() const { return layout_.dimensions; }

  [[nodiscard]] std::uint32_t endpoints() const { return dimensions().endpoints(); }

  [[nodiscard]] std::span<std::byte> bytes() const { return {base_, layout_.total_bytes}; }

  [[nodiscard]] std::string_view name() const { return name_; }

  [[nodiscard]] Header& header() const { return *at<Header>(Region::header); }

  [[nodiscard]] RuntimeState state() const {
    return static_cast<RuntimeState>(header().state.load(std::memory_order_acquire));
  }

  [[nodiscard]] WorkerSlot& worker(std::uint32_t index) const {
    return at<WorkerSlot>(Region::workers)[index];
  }

  [[nodiscard]] EndpointSlot& endpoint(std::uint32_t index) const {
    return at<EndpointSlot>(Region::endpoints)[index];
  }

  [[nodiscard]] NoticeQueue& notices(std::uint32_t endpoint) const;
  [[nodiscard]] Symbols symbols() const;
  [[nodiscard]] TypeTable types() const;

  [[nodiscard]] BreakerSlot& breaker_of_worker(std::uint32_t index) const {
    return at<BreakerSlot>(Region::breakers)[index];
  }

  /// Of calls to that shard.
  [[nodiscard]] BreakerSlot& breaker_of_shard(std::uint32_t shard) const {
    return at<BreakerSlot>(Region::breakers)[kMaxWorkers + shard];
  }

  [[nodiscard]] std::span<BreakerSlot> named_breakers() const {
    return {&at<BreakerSlot>(Region::breakers)[kMaxWorkers + dimensions().shards], kNamedBreakers};
  }

  [[nodiscard]] TurnRegion& turn(std::uint32_t shard) const {
    return at<TurnRegion>(Region::turns)[shard];
  }

  [[nodiscard]] ShardMetrics& metrics(std::uint32_t shard) const {
    return at<ShardMetrics>(Region::metrics)[shard];
  }

  /// The ring of spans of a shard or a client; empty for the supervisor.
  [[nodiscard]] std::span<std::byte> spans(std::uint32_t endpoint) const;

  /// The flight recorder (flight_recorder.hpp).
  [[nodiscard]] std::span<std::byte> recorder() const { return region_bytes(Region::recorder); }

  /// Of workers that a signal has killed (backtraces.hpp).
  [[nodiscard]] std::span<std::byte> backtraces() const { return region_bytes(Region::backtraces); }

  [[nodiscard]] LimitsRegion& limits() const { return *at<LimitsRegion>(Region::limits); }

  /// True if the worker that the shard is placed on is over its soft limit: the shard takes no new
  /// agents.
  [[nodiscard]] bool is_closed(std::uint32_t shard) const;

  [[nodiscard]] AgentTable agents(std::uint32_t shard) const;
  /// Of a shard or a client; empty for the supervisor.
  [[nodiscard]] SubscriptionTable subscriptions(std::uint32_t endpoint) const;
  [[nodiscard]] TimerTable timers(std::uint32_t shard) const;
  [[nodiscard]] MetadataTable metadata(std::uint32_t shard) const;
  [[nodiscard]] std::span<std::byte> dead_letters(std::uint32_t shard) const;
  [[nodiscard]] std::span<std::byte> log(std::uint32_t endpoint) const;
  /// The ring from one endpoint to another. Empty where there is none: between clients, and to and
  /// from the supervisor.
  [[nodiscard]] std::span<std::byte> ring(std::uint32_t source, std::uint32_t target,
                                          Priority priority) const;

  /// A ring of which the shard has both ends (parking.hpp).
  [[nodiscard]] std::span<std::byte> parking(std::uint32_t shard) const;

  /// Payloads of a shard's or a client's messages and events (blocks.hpp). Empty for the
  /// supervisor, and where block_bytes is 0.
  [[nodiscard]] std::span<std::byte> blocks(std::uint32_t endpoint) const;

  /// Shards are endpoints 1 to shards, clients come behind them.
  [[nodiscard]] static constexpr std::uint32_t endpoint_of_shard(std::uint32_t shard) {
    return shard + 1;
  }

  [[nodiscard]] bool is_shard(std::uint32_t endpoint) const {
    return endpoint >= 1 && endpoint <= dimensions().shards;
  }

  [[nodiscard]] bool is_client(std::uint32_t endpoint) const {
    return endpoint > dimensions().shards && endpoint < endpoints();
  }

  [[nodiscard]] std::uint32_t first_client() const { return dimensions().shards + 1; }

  /// Where the owner of an endpoint sleeps; nothing if nobody owns it.
  [[nodiscard]] Doorbell* doorbell_of(std::uint32_t endpoint) const;

  /// Sets the ready bit of `source` in `target`, then wakes its owner. After a full_fence().
  void announce(std::uint32_t source, std::uint32_t target) const;

  /// The shard that has this AgentId and the agent there, if it lives.
  [[nodiscard]] bool is_alive(AgentId id) const;
  /// The same, or if it is being ended.
  [[nodiscard]] bool exists(AgentId id) const;
  /// The type of the agent in that place; Symbol::none for a place that is none.
  [[nodiscard]] Symbol type_of(AgentId id) const;
  /// The living agent of that name. Errors: not_found.
  [[nodiscard]] Result<AgentId> find_agent(std::string_view name) const;
  /// Living agents, by the shards' records.
  [[nodiscard]] std::uint64_t live_agents() const;
  /// What creators have reserved and not made yet.
  [[nodiscard]] std::uint64_t reserved_agents() const;

 private:
  template <class T>
  [[nodiscard]] T* at(Region region) const {
    return reinterpret_cast<T*>(base_ + layout_[region].offset);
  }

  [[nodiscard]] std::span<std::byte> region_bytes(Region region) const {
    return {base_ + layout_[region].offset, layout_[region].bytes};
  }

  static Result<Segment> open_region(boost::interprocess::mapped_region region,
                                     std::uint64_t bytes);
  template <class Object>
  static Result<Segment> open_object(const Object& object, Access access);
  void lay_out_rings_and_logs() const;

  boost::interprocess::shared_memory_object object_;  // opened by its name,
  boost::interprocess::file_mapping reopened_;        // or by a descriptor of it
  boost::interprocess::mapped_region region_;
  std::byte* base_ = nullptr;
  Layout layout_;
  std::string name_;
};

}  // namespace mabeam::shm
