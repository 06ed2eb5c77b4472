// Shards by hand whose module is loaded anew: a puppet's next version, and who loads it.
#pragma once

#include "shm/verify.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {

/// The next version of a puppet: more state, made from the old one; it doubles the sum, so that an
/// upgrade done twice shows.
struct Grown {
  static constexpr AgentType type{.name = "puppet", .state_version = 2};

  struct State {
    std::int64_t upgrades = 0;
    Memory memory;
    std::array<std::int64_t, 16> more{};
  };

  static Result<> upgrade(std::uint32_t from, std::span<const std::byte> bytes, State& state) {
    if (from != 1 || bytes.size() != sizeof(Memory)) return fail(Errc::schema_mismatch);
    std::memcpy(&state.memory, bytes.data(), sizeof state.memory);
    if (state.memory.sum < 0) return fail(Errc::invalid_argument);
    state.memory.sum *= 2;
    ++state.upgrades;
    state.more.back() = 99;
    return {};
  }

  Result<> on_action(Context& context, State& state, const Action& action) const {
    return obey(context, state.memory, action);
  }

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    return obey(context, state.memory, signal);
  }

  Result<> on_event(Context&, State& state, const Event& event) const {
    state.memory.note(event.payload().as<std::int64_t>().value());
    return {};
  }
};

class UpgradeTest : public ShardTest {
 protected:
  template <class... Types>
  void load() {
    adopt(0, ++incarnation_, kTypes<Types...>).value();
  }

  void add(AgentId agent, std::int64_t value) { post(agent, "add", Task{.value = value}); }

  [[nodiscard]] Lifecycle life(AgentId agent) const {
    return segment_.agents(0).lifecycle_of(agent);
  }

  [[nodiscard]] Errc reason(AgentId agent) const {
    return static_cast<Errc>(segment_.agents(0).snapshot(agent.slot())->reason);
  }

  [[nodiscard]] Grown::State grown(AgentId agent) const { return state<Grown::State>(agent); }

  Errc tell(AgentId agent, shm::Kind kind) {
    post(agent, "tell", {}, {.kind = kind});
    run();
    const std::vector<Letter> replies = take(Priority::high);
    return replies.empty() ? Errc::timed_out : replies.front().code;
  }

  /// The owner dies; the next one has these types.
  template <class... Types>
  void die_under(std::uint64_t witness) {
    shm::TurnRegion& region = segment_.turn(0);
    region.owner.store(shm::Incarnation::of(0, incarnation_).value);
    region.witness.store(witness);
    load<Types...>();
  }

  void expect_whole() {
    const VerifyView view = shm::verify_segment(segment_, false);
    for (const Damage& damage : view.damage) {
      if (damage.what.starts_with("its owner")) continue;  // no worker has claimed anything here
      ADD_FAILURE() << damage.where << ": " << damage.what;
    }
  }

  std::uint32_t incarnation_ = 1;
  AgentId agent_ = create().value();
};

}  // namespace mabeam::worker
