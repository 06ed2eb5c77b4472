// Which agent is busy, as an observer derives it from the witness: asked by the handler itself.
#include "shm/agent_search.hpp"
#include "shm/running.hpp"
#include "tests/worker/shard_support.hpp"

#include <chrono>
#include <optional>
#include <random>

namespace mabeam::worker {
namespace {

using Seen = std::vector<std::optional<AgentId>>;

/// Looks at its own shard while it runs.
struct Watcher {
  static constexpr AgentType type{.name = "watcher", .durable = false};

  struct State {
    std::int64_t nothing = 0;
  };

  static inline const shm::Segment* segment = nullptr;
  static inline Seen seen = {};

  static Result<> look() {
    seen.push_back(shm::running_agent(*segment, 0));
    return {};
  }

  Result<> on_start(Context&, State&) const { return look(); }

  Result<> on_action(Context&, State&, const Action&) const { return look(); }

  Result<> on_event(Context&, State&, const Event&) const { return look(); }

  Result<> on_timer(Context&, State&, const Timer&) const { return look(); }

  Result<> on_signal(Context& context, State&, const Signal& signal) const {
    if (signal.name() == "large") return {};
    if (signal.name() != "set") return look();
    const auto timer = context.set_timer("look", std::chrono::nanoseconds{1});
    return timer ? Result<>{} : fail(timer.error());
  }
};

class ShardBusy : public ShardTest {
 protected:
  ShardBusy() {
    Watcher::segment = &segment_;
    adopt(0, 2, kTypes<Watcher>).value();
    other_ = create({.type = "watcher"}).value();
    watcher_ = create({.type = "watcher", .subscribe = {"job.*"}}).value();
    Watcher::seen.clear();
  }

  /// What was seen since the last time.
  static Seen seen() { return std::exchange(Watcher::seen, {}); }

  AgentId other_;
  AgentId watcher_;
};

TEST_F(ShardBusy, MessagesNameTheirTarget) {
  post(watcher_, "look");
  post(other_, "look");
  run();
  EXPECT_EQ(seen(), (Seen{watcher_, other_}));
  ask(watcher_, "look");
  EXPECT_EQ(seen(), (Seen{watcher_}));
  EXPECT_EQ(shm::running_agent(segment_, 0), std::nullopt);
}

// The ring comes round more than once, with a pad at its end.
TEST_F(ShardBusy, MessagesAreFoundWhereverTheyLie) {
  const std::vector<std::byte> large(kQuarterRing - 1000);
  for (int i = 0; i < 20; ++i) {
    post(other_, "large", std::span<const std::byte>{large});
    post(watcher_, "look");
    run();
  }
  EXPECT_EQ(seen(), Seen(20, watcher_));
}

TEST_F(ShardBusy, EventsTimersAndLostOnesAreNamed) {
  emit("job.done", 1);
  run();
  EXPECT_EQ(seen(), (Seen{watcher_}));
  post(watcher_, "set");
  run();
  for (int i = 0; i < 1000 && Watcher::seen.empty(); ++i)
    turn();
  EXPECT_EQ(seen(), (Seen{watcher_}));
  adopt(0, 3, kTypes<Watcher>).value();
  run();
  EXPECT_EQ(seen(), (Seen{other_, watcher_}));
}

TEST_F(ShardBusy, CreationsNameNoAgent) {
  ASSERT_TRUE(create({.type = "watcher"}));
  EXPECT_EQ(seen(), (Seen{std::nullopt}));
}

TEST_F(ShardBusy, ViewSaysBusy) {
  const auto lifecycle = [&] {
    const auto facts = segment_.agents(0).snapshot(watcher_.slot()).value();
    return shm::view_of(segment_, 0, watcher_.slot(), facts).lifecycle;
  };
  EXPECT_EQ(lifecycle(), Lifecycle::ready);
  segment_.turn(0).witness.store(
      shm::Witness::pack(shm::Witness::What::event, kFirstClient, 0, watcher_.slot(), 0));
  EXPECT_EQ(lifecycle(), Lifecycle::busy);
  EXPECT_EQ(to_string(lifecycle()), "busy");
}

TEST_F(ShardBusy, AnyWitnessIsHarmless) {
  post(watcher_, "look");
  std::mt19937_64 random{1};
  for (int i = 0; i < 100'000; ++i) {
    segment_.turn(0).witness.store(random());
    (void)shm::running_agent(segment_, 0);
  }
}

}  // namespace
}  // namespace mabeam::worker
