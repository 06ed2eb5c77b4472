// Whatever is full says so: its own error, nothing half made, and all works again when there is
// room. Full rings are in shard_congestion_test.cpp, a full runtime in tests/system/full_test.cpp.
#include "shm/verify.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {
namespace {

using Values = std::vector<std::int64_t>;

/// More state than the runtime has room for.
struct Huge {
  static constexpr AgentType type{.name = "huge"};

  struct State {
    std::array<std::byte, 2000> bytes{};
  };
};

/// Makes whatever type its message names.
struct Maker {
  static constexpr AgentType type{.name = "maker"};

  struct State {
    std::int64_t calls = 0;
  };

  Result<> on_action(Context& context, State& state, const Action& action) const {
    ++state.calls;
    const Result<AgentId> made = context.create(action.name());
    if (!made) return fail(made.error());
    return {};
  }
};

class ShardFull : public ShardTest {
 protected:
  ShardFull() {
    for (const std::uint32_t worker : {0U, 1U})  // verify asks who may own a shard
      segment_.worker(worker).claim.store(shm::Claim{2, 0}.pack());
    adopt(0, 2, kTypes<Puppet, Huge, Maker>).value();
  }

  ~ShardFull() override {
    const VerifyView view = shm::verify_segment(segment_, false);
    EXPECT_TRUE(view.damage.empty()) << view.damage[0].where << ": " << view.damage[0].what;
    EXPECT_EQ(segment_.live_agents(), living());
  }

  /// What a request is answered; invalid_argument if it is not answered once.
  Errc answer_to(AgentId agent, std::string_view action) {
    const std::vector<Letter> replies = ask(agent, action, Task{.value = 1});
    return replies.size() == 1 ? replies.front().code : Errc::invalid_argument;
  }

  Errc refusal(const Wish& wish) {
    const Result<AgentId> made = create(wish);
    return made ? Errc{} : made.error().code;
  }

  /// By their slots, not by what the shard counts.
  [[nodiscard]] std::uint32_t living() const {
    std::uint32_t count = 0;
    for (std::uint32_t slot = 0; slot < segment_.agents(0).size(); ++slot) {
      const std::uint64_t word = segment_.agents(0).record(slot).slot_word.load();
      count += shm::SlotWord::unpack(word).lifecycle != 0 ? 1U : 0U;
    }
    return count;
  }

  /// A name that belongs to shard 0.
  [[nodiscard]] std::string next_name() {
    for (;;) {
      std::string name = "agent" + std::to_string(++names_);
      if (shm::shard_of_name(name, segment_.dimensions().shards) == 0) return name;
    }
  }

  int names_ = 0;
};

TEST_F(ShardFull, StateThatIsTooLargeMakesNoAgent) {
  EXPECT_EQ(refusal({.type = "huge"}), Errc::state_too_large);
  EXPECT_EQ(living(), 0U);
  const AgentId maker = create({.type = "maker"}).value();
  EXPECT_EQ(maker.generation(), 1U) << "the slot was never given out";
  EXPECT_EQ(answer_to(maker, "huge"), Errc::state_too_large);
  EXPECT_EQ(state<Maker::State>(maker).calls, 0) << "the message has failed as a whole";
  EXPECT_EQ(answer_to(maker, "puppet"), Errc{});
  EXPECT_EQ(living(), 2U);
}

TEST_F(ShardFull, RegistryRefusesAHandlerUntilAnAgentEnds) {
  const AgentId maker = create({.type = "maker"}).value();
  std::vector<AgentId> agents;
  for (std::uint32_t i = 1; i < kAgentsPerShard; ++i)
    agents.push_back(create().value());
  EXPECT_EQ(answer_to(maker, "puppet"), Errc::too_many_agents);
  EXPECT_EQ(refusal({}), Errc::too_many_agents);
  EXPECT_EQ(living(), kAgentsPerShard);
  ASSERT_EQ(stop(agents[3]), Errc{});
  EXPECT_EQ(answer_to(maker, "puppet"), Errc{});
  EXPECT_EQ(answer_to(maker, "puppet"), Errc::too_many_agents);
  EXPECT_EQ(state<Maker::State>(maker).calls, 1);
}

// The index of names has room for more than there may be agents, so it is never full before them.
TEST_F(ShardFull, EveryAgentMayHaveAName) {
  for (int round = 0; round < 20; ++round) {
    std::vector<AgentId> agents;
    for (std::uint32_t i = 0; i < kAgentsPerShard; ++i) {
      const std::string name = next_name();
      agents.push_back(create({.name = name}).value());
      ASSERT_EQ(segment_.find_agent(name), agents.back());
    }
    const std::string name = next_name();
    ASSERT_EQ(refusal({.name = name}), Errc::too_many_agents);
    ASSERT_FALSE(segment_.find_agent(name)) << "a name without an agent";
    for (const AgentId agent : agents)
      ASSERT_EQ(stop(agent), Errc{});
  }
}

TEST_F(ShardFull, SubscriptionsRefuseAHandlerUntilAnAgentEnds) {
  const AgentId first = create({.subscribe = {"a", "b", "c", "d"}}).value();
  const AgentId second = create().value();
  EXPECT_EQ(answer_to(second, "join"), Errc::subscriptions_full);
  EXPECT_EQ(state(second).count, 0U) << "the message has failed as a whole";
  EXPECT_EQ(subscriptions_used(), kSubscriptions);
  ASSERT_EQ(stop(first), Errc{});
  EXPECT_EQ(answer_to(second, "join"), Errc{});
  emit("job.a", 7);
  run();
  EXPECT_EQ(state(second).all(), (Values{1, 7}));
}

// Names are for ever, so no room can be made; whatever has a name already goes on.
TEST_F(ShardFull, TableOfSymbolsRefusesWhatIsNewAlone) {
  const AgentId maker = create({.type = "maker"}).value();
  const AgentId puppet = create().value();
  for (const std::string_view name : {"add", "emit", "unheard-of"})
    (void)segment_.symbols().intern(name).value();
  // A name is refused where it would lie too far from its hash; ten in a row: no slot is left.
  int refused = 0;
  for (int i = 0; i < 10'000 && refused < 10; ++i) {
    const Result<Symbol> made = segment_.symbols().intern("f" + std::to_string(i));
    refused = made ? 0 : refused + 1;
  }
  ASSERT_EQ(refused, 10);
  EXPECT_EQ(answer_to(puppet, "emit"), Errc::symbols_full) << "job.done was never said before";
  EXPECT_EQ(state(puppet).count, 0U) << "the message has failed as a whole";
  EXPECT_EQ(answer_to(maker, "unheard-of"), Errc::unknown_type);
  EXPECT_EQ(answer_to(puppet, "add"), Errc{});
  EXPECT_EQ(answer_to(maker, "puppet"), Errc{});
  EXPECT_EQ(living(), 3U);
}

}  // namespace
}  // namespace mabeam::worker
