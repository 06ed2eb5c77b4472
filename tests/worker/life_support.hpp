// Agents that fail, restart, and have children; a client that listens to what becomes of them; and
// an owner's death between the commit of a turn and its words.
#pragma once

#include "tests/worker/shard_support.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mabeam::worker {

/// Creates as many agents as the payload says, of the type that the action names, and replies with
/// how many it got. Notes what signals tell it. Says "bye" with its id in on_stop.
struct Breeder {
  static constexpr AgentType type{.name = "breeder"};
  using State = Memory;

  Result<std::int64_t> on_action(Context& context, State& state, const Action& action) const;
  Result<> on_signal(Context& context, State& state, const Signal& signal) const;
  Result<> on_stop(Context& context, State& state) const;
};

/// What the three below do in on_start and on_stop: say "up" and "bye" with their id, and note 100
/// in a new state. While `refuses_to_start`, on_start throws after that.
struct Moody {
  static inline bool refuses_to_start = false;

  static Result<> start(Context& context, Memory& memory);
  static Result<> stop(Context& context);
};

constexpr std::string_view name_of(OnFailure policy) {
  if (policy == OnFailure::keep) return "steady";
  return policy == OnFailure::restart ? "phoenix" : "mayfly";
}

/// A puppet that is kept, restarted or stopped when it fails.
template <OnFailure policy>
struct Fallible : Puppet {
  using State = Memory;
  static constexpr AgentType type{.name = name_of(policy), .on_failure = policy};

  Result<> on_start(Context& context, State& state) const { return Moody::start(context, state); }

  Result<> on_stop(Context& context, State& state) const {
    state.note(-1);
    return Moody::stop(context);
  }
};

using Steady = Fallible<OnFailure::keep>;
using Phoenix = Fallible<OnFailure::restart>;
using Mayfly = Fallible<OnFailure::stop>;

/// Makes a steady one in on_stop. When that refuses to start, this one cannot be ended that way.
struct Martyr : Puppet {
  static constexpr AgentType type{.name = "martyr", .on_failure = OnFailure::stop};
  using State = Memory;

  Result<> on_stop(Context& context, State& /*state*/) const {
    return context.create("steady") ? Result<>{} : fail(Errc::handler_failed);
  }
};

class LifeTest : public ShardTest {
 protected:
  explicit LifeTest(std::uint32_t agents_per_shard = kAgentsPerShard,
                    std::uint32_t subscriptions = kSubscriptions);

  static constexpr std::span<const TypeDescriptor> kTypesHere =
      kTypes<Puppet, Breeder, Steady, Phoenix, Mayfly, Martyr>;

  /// The next owner of a shard.
  void adopt_anew(std::uint32_t shard = 0);

  /// Agents of that type that `parent` has made, in order of their slots.
  std::vector<AgentId> breed(AgentId parent, std::string_view type, std::int64_t count = 1);

  [[nodiscard]] shm::StateHeader header(AgentId id) const;

  /// The ids that were said with "bye", or "up", in order.
  std::vector<AgentId> said(std::string_view what);

  /// From now on the second client is subscribed.
  void listen(std::string_view pattern);
  /// Topic and text of the events in shard 0's log.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> told() const;

  /// Runs a turn and leaves the segment as an owner does that dies when it has committed it, and
  /// has stored none of its words.
  void commit_and_die(std::uint32_t shard = 0);

  std::uint32_t incarnation_ = 1;
};

}  // namespace mabeam::worker
