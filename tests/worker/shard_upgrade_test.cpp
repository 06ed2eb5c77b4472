// State versions: an older state is brought up by its type inside a turn; what no type here may be
// let at is left alone, and its agent suspended.
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/worker/upgrade_support.hpp"

#include <functional>

namespace mabeam::worker {
namespace {

using shm::Kind;
using Values = std::vector<std::int64_t>;

/// The one after it, with less state and a const upgrade.
struct Shrunk {
  static constexpr AgentType type{.name = "puppet", .state_version = 3};

  struct State {
    std::int64_t sum = 0;
  };

  Result<> upgrade(std::uint32_t from, std::span<const std::byte> bytes, State& state) const {
    if (from != 2 || bytes.size() != sizeof(Grown::State)) return fail(Errc::schema_mismatch);
    Grown::State old;
    std::memcpy(&old, bytes.data(), sizeof old);
    state.sum = old.memory.sum;
    return {};
  }

  Result<std::int64_t> on_action(Context&, State& state, const Action&) const { return state.sum; }
};

/// Another version that is larger and knows no older one.
struct Newborn {
  static constexpr AgentType type{.name = "puppet", .state_version = 4};
  using State = Grown::State;

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    return obey(context, state.memory, signal);
  }
};

/// Refuses, and has something happen meanwhile.
struct Refusing : Shrunk {
  static inline std::function<void()> meanwhile;

  Result<> upgrade(std::uint32_t, std::span<const std::byte>, State&) const {
    meanwhile();
    return fail(Errc::schema_mismatch);
  }

  Result<> on_event(Context&, State&, const Event&) const { return {}; }
};

class ShardUpgrade : public UpgradeTest {
 protected:
  [[nodiscard]] std::uint64_t parked_bytes() const {
    const auto* log = reinterpret_cast<const shm::RingHeader*>(segment_.parking(0).data());
    return log->tail.load() - log->head.load();
  }
};

TEST_F(ShardUpgrade, OlderStateIsBroughtUpByTheNextMessage) {
  add(agent_, 5);
  run();
  load<Grown>();
  EXPECT_EQ(state(agent_).sum, 5) << "no message, no upgrade";
  add(agent_, 1);
  add(agent_, 2);
  run();
  const Grown::State now = grown(agent_);
  EXPECT_EQ(now.upgrades, 1);
  EXPECT_EQ(now.memory.sum, 13);
  EXPECT_EQ(now.memory.all(), (Values{5, 1, 2}));
  EXPECT_EQ(now.more.back(), 99) << "what the old state had no room for";
  add(agent_, 4);
  run();
  EXPECT_EQ(grown(agent_).memory.sum, 17);
  EXPECT_EQ(grown(agent_).more.back(), 99) << "it is copied from half to half";
  EXPECT_EQ(life(agent_), Lifecycle::ready);
  expect_whole();
}

TEST_F(ShardUpgrade, EventsUpgrade) {
  const AgentId listener = create({.subscribe = {"job.*"}}).value();
  load<Grown>();
  emit("job.a", 7);
  run();
  EXPECT_EQ(grown(listener).upgrades, 1);
  EXPECT_EQ(grown(listener).memory.all(), (Values{7}));
}

TEST_F(ShardUpgrade, FailedMessageTakesItsUpgradeWithIt) {
  add(agent_, 5);
  run();
  load<Grown>();
  post(agent_, "fail", Task{.value = 1});
  run();
  EXPECT_EQ(state(agent_).all(), (Values{5})) << "the old state, whole";
  add(agent_, 2);
  run();
  EXPECT_EQ(grown(agent_).memory.sum, 12);
  post(agent_, "fail", Task{.value = 1});
  run();
  EXPECT_EQ(grown(agent_).memory.sum, 12);
}

// A turn that never commits leaves the idle half and the record's bound behind, and no more.
TEST_F(ShardUpgrade, UpgradeThatWasNotCommittedNeverWas) {
  add(agent_, 5);
  run();
  load<Grown>();
  shm::AgentRecord& record = segment_.agents(0).record(agent_.slot());
  std::byte* idle = segment_.agents(0).half(agent_.slot(), record.version.load() + 1);
  std::memset(idle, 0x5A, sizeof(shm::StateHeader) + sizeof(Grown::State));
  record.state_bytes = sizeof(Grown::State);
  load<Puppet>();
  add(agent_, 1);
  run();
  EXPECT_EQ(state(agent_).all(), (Values{5, 1})) << "the old module goes on with the old state";
  load<Grown>();
  add(agent_, 2);
  run();
  EXPECT_EQ(grown(agent_).memory.sum, 14) << "the next owner upgrades anew";
}

TEST_F(ShardUpgrade, VersionsAreBroughtUpOneByOne) {
  add(agent_, 5);
  run();
  load<Grown>();
  add(agent_, 1);
  run();
  load<Shrunk>();
  EXPECT_EQ(ask(agent_, "get").at(0).value(), 11);
  expect_whole();
}

// Version 3 knows only version 2.
TEST_F(ShardUpgrade, UpgradeThatRefusesSuspends) {
  add(agent_, 5);
  run();
  load<Shrunk>();
  EXPECT_TRUE(ask(agent_, "get").empty());
  EXPECT_EQ(life(agent_), Lifecycle::suspended);
  EXPECT_EQ(reason(agent_), Errc::state_version);
  EXPECT_TRUE(burials().empty()) << "the message waits";
  EXPECT_EQ(state(agent_).all(), (Values{5}));
  load<Grown>();
  run();
  EXPECT_EQ(take(Priority::high).at(0).value(), 10) << "who can, serves what has waited";
  EXPECT_EQ(life(agent_), Lifecycle::ready);
  expect_whole();
}

TEST_F(ShardUpgrade, NewerStateSuspends) {
  load<Grown>();
  add(agent_, 1);
  run();
  load<Puppet>();
  add(agent_, 2);
  add(agent_, 3);
  run();
  EXPECT_EQ(reason(agent_), Errc::state_version);
  EXPECT_EQ(grown(agent_).memory.all(), (Values{1})) << "it is never reinterpreted";
  load<Grown>();
  run();
  EXPECT_EQ(grown(agent_).memory.all(), (Values{1, 2, 3}));
}

TEST_F(ShardUpgrade, AnotherSizeUnderTheSameVersionSuspends) {
  segment_.agents(0).record(agent_.slot()).state_bytes = sizeof(Memory) - 8;
  add(agent_, 1);
  run();
  EXPECT_EQ(reason(agent_), Errc::state_version);
}

TEST_F(ShardUpgrade, AgentOfAnUnknownTypeWaitsForWhoKnowsIt) {
  const AgentId listener = create({.subscribe = {"job.*"}}).value();
  load<BigPuppet>();
  add(agent_, 1);
  emit("job.a", 7);
  run();
  EXPECT_EQ(reason(agent_), Errc::unknown_type);
  EXPECT_EQ(reason(listener), Errc::unknown_type);
  load<BigPuppet>();
  EXPECT_EQ(life(agent_), Lifecycle::suspended) << "nothing has changed";
  load<Puppet>();
  run();
  EXPECT_EQ(state(agent_).all(), (Values{1}));
  EXPECT_EQ(state(listener).all(), (Values{7}));
  EXPECT_EQ(life(agent_), Lifecycle::ready);
}

// Whoever was suspended by request stays so, whatever is loaded.
TEST_F(ShardUpgrade, SuspensionByRequestOutlivesTheModule) {
  ASSERT_EQ(tell(agent_, Kind::suspend), Errc{});
  add(agent_, 1);
  run();
  load<Grown>();
  run();
  EXPECT_EQ(reason(agent_), Errc::suspended);
  ASSERT_EQ(tell(agent_, Kind::resume), Errc{});
  EXPECT_EQ(grown(agent_).memory.all(), (Values{1})) << "replayed, it is upgraded as well";
}

// An event that may have been overwritten before it could be parked is missed, and nothing else.
TEST_F(ShardUpgrade, EventThatIsOverwrittenUnderItsUpgradeIsNotParked) {
  const AgentId listener = create({.subscribe = {"job.*"}}).value();
  load<Refusing>();
  auto log = shm::EventLogWriter::open(segment_.log(kFirstClient), segment_.endpoints()).value();
  Refusing::meanwhile = [&] { log.evict(1); };
  emit("job.a", 7);
  turn();
  EXPECT_EQ(parked_bytes(), 0U);
  EXPECT_EQ(life(listener), Lifecycle::ready);
  Refusing::meanwhile = [] {};
  run();
  EXPECT_EQ(record().events_missed, 1U);
  emit("job.b", 8);
  run();
  EXPECT_EQ(life(listener), Lifecycle::suspended);
  load<Puppet>();
  run();
  EXPECT_EQ(state(listener).all(), (Values{8}));
}

TEST_F(ShardUpgrade, RestartAfreshServesWhatNobodyCanBringUp) {
  add(agent_, 5);
  run();
  load<Newborn>();
  add(agent_, 6);
  run();
  ASSERT_EQ(reason(agent_), Errc::state_version);
  EXPECT_EQ(tell(agent_, Kind::restart), Errc{});
  EXPECT_EQ(life(agent_), Lifecycle::ready);
  EXPECT_EQ(reason(agent_), Errc{});
  EXPECT_EQ(grown(agent_).memory.all(), (Values{6})) << "what has waited, in a new state";
  expect_whole();
}

TEST_F(ShardUpgrade, RestartResumesNobodyThatWasSuspendedByRequest) {
  ASSERT_EQ(tell(agent_, Kind::suspend), Errc{});
  add(agent_, 6);
  run();
  EXPECT_EQ(tell(agent_, Kind::restart), Errc{});
  EXPECT_EQ(life(agent_), Lifecycle::suspended);
  EXPECT_EQ(reason(agent_), Errc::suspended);
  ASSERT_EQ(tell(agent_, Kind::resume), Errc{});
  EXPECT_EQ(state(agent_).all(), (Values{6}));
}

TEST_F(ShardUpgrade, RefusedUpgradeStaysInThePlaceThatItHadInTheLog) {
  ASSERT_EQ(tell(agent_, Kind::suspend), Errc{});
  add(agent_, 1);
  add(agent_, 2);
  run();
  load<Shrunk>();
  ASSERT_EQ(tell(agent_, Kind::resume), Errc{});
  EXPECT_EQ(reason(agent_), Errc::state_version);
  add(agent_, 3);
  run();
  load<Grown>();
  run();
  EXPECT_EQ(grown(agent_).memory.all(), (Values{1, 2, 3}));
}

}  // namespace
}  // namespace mabeam::worker
