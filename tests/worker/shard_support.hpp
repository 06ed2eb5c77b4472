// Shards driven by hand: a small segment, one or two worker::Shards of this process on it, and the
// clients' ends of the rings. A test posts messages, runs turns, and looks at what came of them:
// replies, dead letters, events, states, counters.
//
// Limits of these tests: a turn's time never ends, and patience with a full ring (stall_timeout) is
// endless or none, so that no test depends on how fast the machine is.
#pragma once

#include "shm/clock.hpp"
#include "shm/segment.hpp"
#include "shm/wire.hpp"
#include "tests/support/test_segment.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include "mabeam/agent.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam {

/// How gtest prints a code.
inline void PrintTo(Errc code, std::ostream* out) {
  *out << code_name(code);
}

}  // namespace mabeam

namespace mabeam::worker {

constexpr std::uint32_t kFirstClient = 3;  // endpoints of the segment below
constexpr std::uint32_t kSecondClient = 4;
constexpr std::uint32_t kAgentsPerShard = 8;
constexpr std::uint32_t kSubscriptions = 4;
constexpr std::uint32_t kTimers = 200;
constexpr std::uint64_t kRingBytes = 16384;
constexpr std::uint64_t kLogBytes = 65536;

/// Four messages of that size fit into a ring, and the fifth does not; the same holds for events
/// in a log.
constexpr std::uint32_t kQuarterRing = 4000;
constexpr std::uint32_t kQuarterLog = 16000;

constexpr AgentId client_id(std::uint32_t endpoint) {
  return {static_cast<EndpointId>(endpoint), AgentId::kClientSlot, 0};
}

/// What a puppet is told to do.
struct Task {
  std::int64_t value = 0;
  std::uint32_t bytes = 8;  ///< of what it sends or emits
  std::uint32_t client = kFirstClient;
};

/// What the puppet types remember: everything they were given, in order.
struct Memory {
  std::int64_t sum = 0;
  std::uint32_t count = 0;
  std::uint32_t attempt = 0;  ///< of the last message
  std::array<std::int64_t, 32> values{};

  void note(std::int64_t value);
  [[nodiscard]] std::vector<std::int64_t> all() const;
};

static_assert(sizeof(Memory) <= Agents::kLargestPreImage);

/// Does as its message's name says, first of all noting the value:
///   send   a message to a client      emit   an event, job.done
///   fail   both, then an error        throw  both, then an exception
///   get    replies with the sum       twice  replies twice
///   make   an agent                   quit   stops
///   join   subscribes to job.*        part   unsubscribes
/// A name with "-fail" behind it: the same, then an error. Any other name: nothing more.
Result<> obey(Context& context, Memory& memory, const Message& message);

struct Puppet {
  static constexpr AgentType type{.name = "puppet"};
  using State = Memory;

  Result<> on_action(Context& context, State& state, const Action& action) const;
  Result<> on_signal(Context& context, State& state, const Signal& signal) const;
  Result<> on_event(Context& context, State& state, const Event& event) const;
};

/// The same under another version of its state.
struct NextPuppet : Puppet {
  static constexpr AgentType type{.name = "puppet", .state_version = 2};
};

/// A puppet whose state is too large for a pre-image.
struct BigPuppet {
  static constexpr AgentType type{.name = "big"};

  struct State {
    Memory memory;
    std::array<std::byte, 512> more{};
  };

  static_assert(sizeof(State) > Agents::kLargestPreImage);

  Result<> on_signal(Context& context, State& state, const Signal& signal) const;
};

/// Has no actions. Notes in on_start whether it can be found by its name, "bob", already; says
/// "bye" in on_stop.
struct Named {
  static constexpr AgentType type{.name = "named"};

  struct State {
    std::int64_t was_found = -1;
  };

  Result<> on_start(Context& context, State& state) const;
  Result<> on_stop(Context& context, State& state) const;
};

/// Sends, then refuses to start.
struct Stillborn {
  static constexpr AgentType type{.name = "stillborn"};

  Result<> on_start(Context& context) const;
};

/// A message that came out of a ring.
struct Letter {
  shm::Kind kind{};
  Errc code{};
  std::string name;
  shm::MessageHeader header;
  std::vector<std::byte> payload;

  [[nodiscard]] std::int64_t value() const;
};

/// A message that died, as its shard's dead letters keep it.
struct Burial {
  shm::DeadReason reason{};
  shm::MessageHeader header;  ///< of the message that died
};

/// How a message is posted.
struct Post {
  shm::Kind kind = shm::Kind::signal;
  Priority priority = Priority::normal;
  std::uint32_t client = kFirstClient;
  std::int64_t deadline_ns = 0;
  std::uint64_t correlation = 0;
  AgentId source = {};  ///< of the header; nobody: the client
  std::optional<TraceContext> trace = {};
};

/// What a new agent shall have.
struct Wish {
  std::string_view type = "puppet";
  std::string_view name = {};
  std::vector<std::string_view> subscribe = {};
  std::uint32_t shard = 0;
  std::uint32_t count = 1;
  AgentId parent = {};
  std::string_view initial = {};
  std::string_view metadata = {};
};

/// A shard in the hands of an owner, as a worker would have it.
class Owner {
 public:
  Owner(const shm::Segment& segment, std::span<const TypeDescriptor> descriptors,
        std::uint32_t shard)
      : types_(segment.symbols()),
        shard_(segment, types_, clock_, shard) {
    types_.add(descriptors).value();
  }

  Shard& shard() { return shard_; }

  std::uint32_t run_turn(const Limits& limits) {
    clock_.refresh();
    return shard_.run_turn(limits);
  }

 private:
  Types types_;
  shm::CachedClock clock_;
  Shard shard_;
};

class ShardTest : public ::testing::Test {
 protected:
  explicit ShardTest(std::uint32_t agents_per_shard = kAgentsPerShard,
                     std::uint32_t subscriptions = kSubscriptions);

  /// A new owner for a shard; the last one vanishes, as a process that was killed.
  Result<> adopt(std::uint32_t shard, std::uint32_t incarnation,
                 std::span<const TypeDescriptor> types = kPuppets);

  Shard& shard(std::uint32_t index = 0) { return owners_[index]->shard(); }

  std::uint32_t turn(std::uint32_t index = 0) { return owners_[index]->run_turn(limits_); }

  /// Turns until one takes nothing.
  void run(std::uint32_t index = 0);

  // ---- what clients do
  void post(AgentId to, std::string_view name, PayloadRef payload = {}, const Post& how = {});
  void emit(std::string_view topic, std::int64_t value, std::uint32_t client = kFirstClient);
  /// Everything that a shard sent to a client with that priority.
  std::vector<Letter> take(Priority priority, std::uint32_t client = kFirstClient,
                           std::uint32_t limit = 1000);
  /// Posts a request, runs, and takes what came back.
  std::vector<Letter> ask(AgentId to, std::string_view action, PayloadRef payload = {});
  /// Posts the request for a new agent.
  void post_create(const Wish& wish, std::uint32_t client = kFirstClient);
  Result<AgentId> create(const Wish& wish = {});
  Errc stop(AgentId id);

  // ---- what there is
  [[nodiscard]] const shm::ShardRecord& record(std::uint32_t index = 0) const;
  [[nodiscard]] std::vector<Burial> burials(std::uint32_t index = 0) const;
  /// Values of the events in an endpoint's log.
  [[nodiscard]] std::vector<std::int64_t> events(std::uint32_t endpoint) const;
  [[nodiscard]] std::uint32_t subscriptions_used(std::uint32_t index = 0) const;

  template <class State = Memory>
  [[nodiscard]] State state(AgentId id) const {
    const shm::AgentTable table = segment_.agents(static_cast<std::uint32_t>(id.endpoint()) - 1);
    const std::byte* half = table.half(id.slot(), table.record(id.slot()).version.load());
    State copy;
    std::memcpy(&copy, half + sizeof(shm::StateHeader), sizeof copy);
    return copy;
  }

  static constexpr std::span<const TypeDescriptor> kPuppets =
      kTypes<Puppet, BigPuppet, Named, Stillborn>;
  static constexpr std::int64_t kEndless = 1'000'000'000'000'000;

  tests::TestSegment holder_;
  const shm::Segment& segment_;
  Limits limits_{.turn_time_ns = kEndless, .stall_timeout_ns = kEndless};
  std::array<std::unique_ptr<Owner>, 2> owners_;
};

}  // namespace mabeam::worker
