// Agents that begin with a state that their creator gives.
#include "tests/worker/life_support.hpp"

#include <string>

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

struct Pair {
  std::int64_t left = 1;
  std::int64_t right = 2;
};

/// Adds 10 to the left one in on_start; makes another of its type with "clone" and the right one
/// with "bad".
struct Couple {
  static constexpr AgentType type{.name = "couple", .on_failure = OnFailure::restart};
  using State = Pair;

  Result<> on_start(Context&, State& state) const {
    state.left += 10;
    return {};
  }

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    if (signal.name() == "fail") return fail(Errc::schema_mismatch);
    const Result<AgentId> made = signal.name() == "clone"
                                     ? context.create("couple", {.initial = state})
                                     : context.create("couple", {.initial = state.right});
    return made ? Result<>{} : fail(made.error());
  }
};

/// The same, kept in memory.
struct LooseCouple : Couple {
  static constexpr AgentType type{.name = "loose", .durable = false};

  Result<std::int64_t> on_action(Context&, State& state, const Action&) const { return state.left; }
};

/// Text that begins with a letter.
struct Note {
  static constexpr AgentType type{.name = "note"};

  struct State {
    std::string text;
  };

  static std::string serialize(const State& state) { return state.text; }

  static Result<State> deserialize(std::span<const std::byte> bytes) {
    const std::string text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    if (text.empty()) return State{};
    return text.front() >= 'a' ? Result<State>{State{text}} : fail(Errc::invalid_argument);
  }

  Result<std::int64_t> on_action(Context&, State& state, const Action&) const {
    return static_cast<std::int64_t>(state.text.size());
  }
};

class ShardInitial : public LifeTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kHere =
      kTypes<Puppet, Stillborn, Couple, LooseCouple, Note>;

  ShardInitial() { adopt(0, ++incarnation_, kHere).value(); }

  static std::string_view bytes_of(const Pair& pair) {
    return {reinterpret_cast<const char*>(&pair), sizeof pair};
  }

  /// The left ones of all couples, by slot.
  [[nodiscard]] Values lefts() const {
    Values values;
    for (std::uint32_t slot = 0; slot < kAgentsPerShard; ++slot) {
      const auto word = shm::SlotWord::unpack(segment_.agents(0).record(slot).slot_word.load());
      if (word.lifecycle == 0) continue;
      values.push_back(state<Pair>({EndpointId{1}, slot, word.generation}).left);
    }
    return values;
  }

  Pair given_{5, 6};
};

TEST_F(ShardInitial, PlainStateIsThereBeforeOnStart) {
  const AgentId couple = create({.type = "couple", .initial = bytes_of(given_)}).value();
  EXPECT_EQ(state<Pair>(couple).left, 15);
  EXPECT_EQ(state<Pair>(couple).right, 6);
}

TEST_F(ShardInitial, WithoutOneItIsTheTypesOwn) {
  EXPECT_EQ(state<Pair>(create({.type = "couple"}).value()).left, 11);
}

TEST_F(ShardInitial, EveryAgentOfACreateGetsIt) {
  post_create({.type = "couple", .count = 3, .initial = bytes_of(given_)});
  run();
  EXPECT_EQ(lefts(), (Values{15, 15, 15}));
}

TEST_F(ShardInitial, AnotherSizeMakesNoAgent) {
  for (const std::string_view wrong :
       {bytes_of(given_).substr(1), std::string_view{"much too long a state"}})
    EXPECT_EQ(create({.type = "couple", .initial = wrong}).error().code, Errc::schema_mismatch);
  EXPECT_EQ(create({.type = "stillborn", .initial = "x"}).error().code, Errc::schema_mismatch);
  EXPECT_EQ(record().agents_live, 0U);
  EXPECT_EQ(record().agents_created, 0U);
}

TEST_F(ShardInitial, SerializedStateIsRead) {
  const AgentId note = create({.type = "note", .initial = "hello"}).value();
  EXPECT_EQ(ask(note, "size").front().value(), 5);
  EXPECT_EQ(create({.type = "note", .initial = "!"}).error().code, Errc::schema_mismatch);
  EXPECT_EQ(create({.type = "note", .initial = std::string(1025, 'x')}).error().code,
            Errc::state_too_large);
  EXPECT_EQ(record().agents_live, 1U);
}

TEST_F(ShardInitial, HandlerGivesItToo) {
  const AgentId couple = create({.type = "couple", .initial = bytes_of(given_)}).value();
  post(couple, "clone");
  run();
  EXPECT_EQ(lefts(), (Values{15, 25}));
  post(couple, "bad");
  run();
  EXPECT_EQ(record().agents_live, 2U);
}

TEST_F(ShardInitial, FreshStateAfterARestartIsTheTypesOwn) {
  const AgentId couple = create({.type = "couple", .initial = bytes_of(given_)}).value();
  post(couple, "fail");
  run();
  EXPECT_EQ(state<Pair>(couple).left, 11);
}

TEST_F(ShardInitial, RestartGivesOneToo) {
  const AgentId couple = create({.type = "couple"}).value();
  const auto restart = [&](std::uint32_t keeps, std::string_view initial) {
    const shm::RestartRequest request{.keep_state = keeps};
    std::string payload(sizeof request, '\0');
    std::memcpy(payload.data(), &request, sizeof request);
    post(couple, "restart", payload + std::string{initial}, {.kind = shm::Kind::restart});
    run();
    return take(Priority::high).front().code;
  };
  EXPECT_EQ(restart(0, bytes_of(given_)), Errc{});
  EXPECT_EQ(state<Pair>(couple).left, 15);
  EXPECT_EQ(restart(0, "short"), Errc::schema_mismatch);
  EXPECT_EQ(restart(1, bytes_of(given_)), Errc::invalid_argument);
  EXPECT_EQ(state<Pair>(couple).left, 15);
  EXPECT_EQ(restart(0, ""), Errc{});
  EXPECT_EQ(state<Pair>(couple).left, 11);
}

TEST_F(ShardInitial, CommittedCreationHasItAfterADeath) {
  post_create({.type = "couple", .initial = bytes_of(given_)});
  commit_and_die();
  adopt(0, ++incarnation_, kHere).value();
  EXPECT_EQ(lefts(), (Values{15}));
  run();
  EXPECT_EQ(record().agents_created, 1U);
}

TEST_F(ShardInitial, StateThatIsNotDurableBeginsWithItOnce) {
  const AgentId loose = create({.type = "loose", .initial = bytes_of(given_)}).value();
  EXPECT_EQ(ask(loose, "left").front().value(), 15);
  adopt(0, ++incarnation_, kHere).value();
  EXPECT_EQ(ask(loose, "left").front().value(), 11);
}

}  // namespace
}  // namespace mabeam::worker
