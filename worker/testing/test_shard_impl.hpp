// What stands behind a TestShard: a segment of its own with one shard, the owner that runs it, and
// the ends of the rings that the outside holds.
#pragma once

#include "shm/clock.hpp"
#include "shm/event_log.hpp"
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include "mabeam/testing.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace mabeam::testing {

/// A shard in the hands of an owner, as a worker would have it.
class TestOwner {
 public:
  TestOwner(const shm::Segment& segment, std::span<const TypeDescriptor> types,
            std::int64_t now_ns);

  /// Errors: corrupt.
  Result<> adopt(std::uint32_t incarnation) {
    return shard_.adopt(shm::Incarnation::of(0, incarnation));
  }

  /// A turn of one message. Returns how many it took.
  std::uint32_t run_turn();

  [[nodiscard]] bool has_work() { return shard_.has_work(); }

  [[nodiscard]] std::span<const std::byte> state_of(std::uint32_t slot) const {
    return shard_.state_of(slot);
  }

  shm::CachedClock clock;

 private:
  worker::Types types_;
  worker::Shard shard_;
};

/// A message that has not been put into its ring.
struct Posted {
  shm::Kind kind{};
  Priority priority = Priority::normal;
  shm::MessageHeader header;
  std::vector<std::byte> payload;
};

/// All that is outside of the segment and changes as messages are delivered: kept and put back when
/// a death is tried.
struct Outside {
  std::mt19937_64 random;
  std::array<std::deque<Posted>, TestShard::kSenders> posted;
  std::deque<Posted> posted_events;
  std::map<std::uint64_t, Result<ClientReply>> replies;  // by correlation
  std::vector<Sent> sent, events, dead_letters;
  std::array<std::uint64_t, shm::kPriorities> seen_local{};  // of the shard's ring to itself
  std::optional<shm::EventLogObserver> log, burials;
  std::uint64_t next_correlation = 0;
  std::int64_t now_ns = 0;
  std::uint32_t incarnation = 0;
};

struct TestShard::Impl {
  Impl(std::span<const TypeDescriptor> descriptors, TestOptions options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // ---- test_shard.cpp
  void post(std::uint32_t sender, Posted message);
  /// Puts one posted message into its ring, if the seed or the silence inside says so.
  bool let_one_in();
  bool step();
  std::uint64_t ask(shm::Kind kind, AgentId target, Symbol symbol, const PayloadRef& payload);
  Result<ClientReply> take_reply(std::uint64_t correlation);

  // ---- test_outside.cpp
  void start_watching();
  void publish(std::uint32_t sender, const Posted& message) const;
  void publish_event(const Posted& event) const;
  void collect();

  // ---- test_death.cpp
  void take_over();

  [[nodiscard]] static AgentId sender_id(std::uint32_t sender);
  [[nodiscard]] std::string segment_text(Symbol symbol) const;

  std::span<const TypeDescriptor> types;
  shm::Segment segment;
  Outside outside;
  std::optional<TestOwner> owner;

 private:
  [[nodiscard]] Sent copy_of(const shm::Received& message) const;
  void collect_for(std::uint32_t sender);
  void collect_local();
  void collect_log(shm::EventLogObserver& log, std::vector<Sent>& into, bool are_buried) const;
};

}  // namespace mabeam::testing
