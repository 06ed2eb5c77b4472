// SweepStage: a runtime in one small segment, to be killed in. The parent builds a world with real
// shards, freezes it, and puts it back as often as it is swept.
//
//   endpoints: 0 supervisor | 1, 2 shards | 3, 4 clients: who asks, and where agents send to
//
// The sink is a client's endpoint that nobody has claimed: the parent reads its rings, so what
// agents have sent is counted outside of everything that is recovered.
#pragma once

#include "shm/clock.hpp"
#include "shm/segment.hpp"
#include "shm/wire.hpp"
#include "tests/support/instruction_sweep.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include "mabeam/agent.hpp"
#include "mabeam/context.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::testing {

inline constexpr std::uint32_t kShards = 2;
inline constexpr std::uint32_t kAsker = 3;
inline constexpr std::uint32_t kSink = 4;

/// A client's address, of the first that claims it.
constexpr AgentId client_id(std::uint32_t endpoint) {
  return {static_cast<EndpointId>(endpoint), AgentId::kClientSlot, 0};
}

/// A name that belongs to that shard.
std::string name_on(std::uint32_t shard);

/// A shard in the hands of an owner, as a worker would have it. A turn takes whatever waits,
/// however slowly it is stepped through.
class SweepOwner {
 public:
  /// `segment` outlives this. `shard` from 0 on.
  SweepOwner(const shm::Segment& segment, std::span<const TypeDescriptor> types,
             std::uint32_t shard);

  /// Errors: corrupt.
  Result<> adopt(std::uint32_t incarnation) {
    return shard_.adopt(shm::Incarnation::of(0, incarnation));
  }

  std::uint32_t run_turn();
  /// Turns until one takes nothing.
  void run();

  [[nodiscard]] bool has_work() { return shard_.has_work(); }

 private:
  worker::Types types_;
  shm::CachedClock clock_;
  worker::Shard shard_;
};

/// A message that came out of a ring; a copy.
struct Arrived {
  shm::Kind kind{};
  Errc code{};
  std::string name;
  AgentId source;
  std::vector<std::byte> payload;

  /// The n-th 64-bit number of the payload; -1 if there is none.
  [[nodiscard]] std::int64_t value(std::size_t n = 0) const;
};

class SweepStage {
 public:
  /// `types` outlive this.
  explicit SweepStage(std::span<const TypeDescriptor> types, std::uint32_t clients = 2);
  ~SweepStage();
  SweepStage(const SweepStage&) = delete;
  SweepStage& operator=(const SweepStage&) = delete;

  [[nodiscard]] const shm::Segment& segment() const { return segment_; }

  [[nodiscard]] std::span<const TypeDescriptor> types() const { return types_; }

  [[nodiscard]] std::string name() const { return std::string{segment_.name()}; }

  // ---- the world

  void post(AgentId target, std::string_view symbol, const PayloadRef& payload = {},
            shm::Kind kind = shm::Kind::signal, std::uint32_t client = kAsker) const;
  /// Asks for new agents.
  void post_create(std::string_view type, const AgentOptions& options = {}, std::uint32_t count = 1,
                   std::uint32_t client = kAsker) const;
  /// Throws if there is no agent in the end.
  AgentId create(std::string_view type, const AgentOptions& options = {});
  void emit(std::string_view topic, std::int64_t value) const;
  /// Owners take the shards over and run them until nothing waits. Errors: corrupt.
  Result<> run(std::uint32_t incarnation);
  /// What is swept begins here.
  void freeze();

  // ---- what there is

  /// Takes everything that the shards have sent to a client, of all priorities.
  [[nodiscard]] std::vector<Arrived> take(std::uint32_t client) const;
  [[nodiscard]] const shm::ShardRecord& record(std::uint32_t shard = 0) const;
  /// How many events a shard has emitted.
  [[nodiscard]] std::size_t events(std::uint32_t shard = 0) const;
  /// What is wrong with the registry, or with anything that verify looks at; empty: nothing.
  [[nodiscard]] std::string fault() const;
  /// The metadata of an agent.
  [[nodiscard]] std::string noted(AgentId id) const;

  template <class State>
  [[nodiscard]] State state(AgentId id) const {
    const shm::AgentTable table = segment_.agents(static_cast<std::uint32_t>(id.endpoint()) - 1);
    State copy;
    std::memcpy(
        &copy,
        table.half(id.slot(), table.record(id.slot()).version.load()) + sizeof(shm::StateHeader),
        sizeof copy);
    return copy;
  }

  // ---- the sweep

  /// Puts back what was frozen.
  void reset() const;
  /// True if no byte is another than in what was frozen.
  [[nodiscard]] bool is_as_frozen() const;
  /// A sweep of a worker's turns on shard 0, until nothing waits: it has adopted the shard before
  /// the first step. The next owner takes over and runs; then `check` says what is wrong.
  [[nodiscard]] Sweep sweep_turns(std::function<std::string()> check);
  /// What all sweeps have in common: reset, save, restore, has_changed.
  [[nodiscard]] Sweep sweep_of_segment();

 private:
  [[nodiscard]] std::string registry_fault() const;

  std::span<const TypeDescriptor> types_;
  shm::Segment segment_;
  std::vector<std::byte> frozen_;
  std::vector<std::byte> saved_;
};

}  // namespace mabeam::testing
