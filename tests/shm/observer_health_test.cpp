#include "shm/breaker.hpp"
#include "shm/clock.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace mabeam {
namespace {

using Status = HealthView::Status;
using tests::SegmentFile;
using tests::SegmentFiller;
using tests::TestSegment;

HealthView::Component part(const HealthView& view, std::string_view name) {
  const auto found = std::find_if(view.components.begin(), view.components.end(),
                                  [&](const auto& component) { return component.name == name; });
  return found == view.components.end() ? HealthView::Component{} : *found;
}

class ObserverHealth : public ::testing::Test {
 protected:
  void SetUp() override { filler_.fill(); }

  [[nodiscard]] HealthView health(const HealthView& before = {}) const {
    return Observer::attach(segment_.name()).value().health(before);
  }

  /// That one part, and with it the whole, is as bad as `status`, and says why.
  void expect(std::string_view name, Status status, std::string_view reason) const {
    const HealthView view = health();
    const HealthView::Component found = part(view, name);
    EXPECT_EQ(to_string(found.status), to_string(status)) << name << ": " << found.detail;
    EXPECT_NE(found.detail.find(reason), std::string::npos) << name << ": " << found.detail;
    EXPECT_EQ(to_string(view.status), to_string(status));
  }

  void set_worker(WorkerState state) {
    segment_.get().worker(1).supervised_state.store(static_cast<std::uint32_t>(state));
  }

  void set_runtime(std::uint32_t state) { segment_.get().header().state.store(state); }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
};

TEST_F(ObserverHealth, RuntimeAtWorkIsHealthy) {
  const HealthView view = health();
  EXPECT_EQ(to_string(view.status), "healthy");
  // state, supervisor, 2 workers, 2 shards, name, rings, parking, limits, names, breakers, dead
  // letters, reload
  EXPECT_EQ(view.components.size(), 14U);
  EXPECT_TRUE(view.is_live);
  EXPECT_TRUE(view.is_ready);
  EXPECT_EQ(view.readiness, "2 workers ready");
  for (const HealthView::Component& component : view.components) {
    EXPECT_EQ(to_string(component.status), "healthy") << component.name;
    EXPECT_FALSE(component.detail.empty()) << component.name;
  }
  EXPECT_EQ(part(view, "dead letters").detail, "2 since the start");
}

TEST_F(ObserverHealth, NoRoomForSuspendedAgentsIsDegraded) {
  auto* log = reinterpret_cast<shm::RingHeader*>(segment_.get().parking(1).data());
  const std::uint64_t room = shm::parking_room(log->capacity);
  expect("parking", Status::healthy, "nothing waits");
  log->tail.store(room / 2);
  expect("parking", Status::healthy, "50% of its room on shard 1");
  log->tail.store(room);
  expect("parking", Status::degraded, "resume or stop");
}

TEST_F(ObserverHealth, SegmentThatHasLostItsNameIsDegraded) {
  const Observer observer = Observer::attach(segment_.name()).value();
  ASSERT_TRUE(shm::Segment::discard(segment_.name()));
  const HealthView::Component name = part(observer.health(), "name");
  EXPECT_EQ(to_string(name.status), "degraded");
  EXPECT_NE(name.detail.find("nobody else can attach"), std::string::npos) << name.detail;
}

TEST_F(ObserverHealth, StatesOfTheRuntime) {
  set_runtime(static_cast<std::uint32_t>(RuntimeState::draining));
  expect("state", Status::degraded, "draining");
  set_runtime(static_cast<std::uint32_t>(RuntimeState::stopped));
  expect("state", Status::down, "stopped");
}

TEST_F(ObserverHealth, StateThatMeansNothingIsDown) {
  set_runtime(99);
  expect("state", Status::down, "99");
}

TEST_F(ObserverHealth, NoSupervisorIsDown) {
  segment_.get().header().supervisor.store(0);
  expect("supervisor", Status::down, "no supervisor");
}

TEST_F(ObserverHealth, SupervisorThatHangsIsNotLive) {
  const auto heard_before = [&](std::int64_t seconds) {
    segment_.get().header().supervisor_heard_ns.store(
        static_cast<std::uint64_t>(shm::monotonic_ns() - seconds * 1'000'000'000));
  };
  heard_before(1);
  expect("supervisor", Status::healthy, "pid");
  heard_before(6);
  expect("supervisor", Status::degraded, "no heartbeat for 6.0 s");
  EXPECT_TRUE(health().is_live);
  heard_before(31);
  expect("supervisor", Status::down, "no heartbeat for 31.0 s");
  EXPECT_FALSE(health().is_live);
  set_runtime(static_cast<std::uint32_t>(RuntimeState::stopped));
  EXPECT_EQ(part(health(), "supervisor").status, Status::healthy) << "nobody is to be heard";
}

TEST_F(ObserverHealth, CopyIsDown) {
  const SegmentFile file{segment_.get()};
  const HealthView view = Observer::open_file(file.path()).value().health();
  EXPECT_EQ(view.status, Status::down);
  EXPECT_NE(part(view, "supervisor").detail.find("copy"), std::string::npos);
  EXPECT_EQ(part(view, "worker 0").status, Status::healthy);
  EXPECT_EQ(part(view, "shard 0").status, Status::healthy);
}

TEST_F(ObserverHealth, WorkerStates) {
  for (const WorkerState state :
       {WorkerState::starting, WorkerState::degraded, WorkerState::killing, WorkerState::draining,
        WorkerState::stopping}) {
    set_worker(state);
    segment_.get().worker(1).state.store(static_cast<std::uint32_t>(state));
    expect("worker 1", Status::degraded, to_string(state));
  }
  set_worker(WorkerState::suspect);
  expect("worker 1", Status::degraded, "it is killed after 3600.0 s");
  set_worker(WorkerState::backoff);
  expect("worker 1", Status::degraded, "waits");
  set_worker(WorkerState::stopped);
  expect("worker 1", Status::degraded, "1 shard");
  set_worker(static_cast<WorkerState>(50));
  expect("worker 1", Status::degraded, "50");
  set_worker(WorkerState::failed);
  expect("worker 1", Status::down, "failed");
}

TEST_F(ObserverHealth, WorkerScaledAwayIsHealthy) {
  set_worker(WorkerState::stopped);
  const auto owner = segment_.get().endpoint(1).owner.load();
  filler_.shard_slot(1).placement.store(1);
  filler_.shard_slot(1).owner.store(owner);
  expect("worker 1", Status::healthy, "no shard");
}

TEST_F(ObserverHealth, SilentWorkerIsDegraded) {
  segment_.get().header().tunables.heartbeat_timeout_ns.store(10'000'000'000);
  const auto now = static_cast<std::uint64_t>(shm::monotonic_ns());
  segment_.get().worker(0).heartbeat_ns.store(now);
  segment_.get().worker(1).heartbeat_ns.store(now - 3'000'000'000);
  expect("worker 1", Status::degraded, "no heartbeat for 3");
  segment_.get().header().tunables.heartbeat_timeout_ns.store(0);  // off
  expect("worker 1", Status::healthy, "ready");
}

TEST_F(ObserverHealth, WorkerWithoutProcessIsDegraded) {
  shm::WorkerSlot& worker = segment_.get().worker(1);
  worker.process.store(worker.process.load() + 1);
  expect("worker 1", Status::degraded, "gone");
  expect("shard 1", Status::degraded, "gone");
}

TEST_F(ObserverHealth, ParkedShardIsDown) {
  filler_.shard_slot(0).parked.store(1);
  expect("shard 0", Status::down, "parked");
}

TEST_F(ObserverHealth, ShardWithoutOwner) {
  filler_.shard_slot(0).owner.store(0);
  expect("shard 0", Status::degraded, "placed on worker 0");
  filler_.shard_slot(0).placement.store(0);
  expect("shard 0", Status::down, "placed nowhere");
}

TEST_F(ObserverHealth, OwnerOfAnOlderIncarnationIsGone) {
  shm::WorkerSlot& worker = segment_.get().worker(0);
  const shm::Claim claim = shm::Claim::unpack(worker.claim.load());
  worker.claim.store(shm::Claim{claim.incarnation + 1, claim.pid}.pack());
  expect("shard 0", Status::degraded, "gone");
}

TEST_F(ObserverHealth, OwnerThatIsNoWorkerIsDown) {
  filler_.shard_slot(0).owner.store(~std::uint64_t{0});
  expect("shard 0", Status::down, "no worker");
}

TEST_F(ObserverHealth, NearlyFullRingIsDegraded) {
  const std::uint32_t client = segment_.get().first_client();
  const AgentId target{static_cast<EndpointId>(2), 0, 1};
  const std::string text(64, 'x');
  for (int i = 0; i < 28; ++i)
    filler_.send(client, target, Priority::low, "add", text);
  EXPECT_EQ(health().status, Status::healthy);
  for (int i = 0; i < 2; ++i)
    filler_.send(client, target, Priority::low, "add", text);
  expect("rings", Status::degraded, "93% from client 0 to shard 1");
}

TEST_F(ObserverHealth, WhatIsNearItsLimitIsDegraded) {
  shm::WorkerLimits& limits = segment_.get().limits().workers[1];
  limits.memory_limit_bytes.store(1000);
  limits.memory_bytes.store(899);
  limits.processes_limit.store(64);
  limits.processes.store(57);
  EXPECT_EQ(health().status, Status::healthy);
  limits.memory_bytes.store(900);
  expect("limits", Status::degraded, "memory of worker 1 at 90% of 1000");
  limits.processes.store(58);
  expect("limits", Status::degraded, "; processes of worker 1 at 90% of 64");
  limits.memory_bytes.store(~std::uint64_t{0});
  expect("limits", Status::degraded, "memory of worker 1 at ");
}

TEST_F(ObserverHealth, NearlyFullTableOfNamesIsDegraded) {
  shm::Symbols names = segment_.get().symbols();
  for (std::uint32_t i = 0; names.count() < 57; ++i)  // of 64
    ASSERT_TRUE(names.intern("n" + std::to_string(i)));
  EXPECT_EQ(health().status, Status::healthy);
  EXPECT_TRUE(part(health(), "names").detail.starts_with("57 of 64 names, "));
  ASSERT_TRUE(names.intern("one.more"));
  expect("names", Status::degraded, "58 of 64 names, ");
}

TEST_F(ObserverHealth, NearlyFullTextOfNamesIsDegraded) {
  shm::Symbols names = segment_.get().symbols();
  while (names.text_bytes() - names.text_used() > 300)
    ASSERT_TRUE(names.intern(std::string(100, static_cast<char>('a' + names.count() % 26))));
  EXPECT_EQ(health().status, Status::healthy);
  ASSERT_TRUE(names.intern(std::string(200, 'z')));
  expect("names", Status::degraded, " of 1024 bytes of their text; names are never taken back");
}

TEST_F(ObserverHealth, DamagedRingIsDegraded) {
  const auto ring = segment_.get().ring(1, 2, Priority::low);
  reinterpret_cast<shm::RingHeader*>(ring.data())->head.store(1U << 20U);
  expect("rings", Status::degraded, "1 ring damaged, as from shard 0 to shard 1");
}

TEST_F(ObserverHealth, WhatWasOverAThresholdIsSoUntilItIsWellUnderIt) {
  shm::WorkerLimits& limits = segment_.get().limits().workers[1];
  limits.memory_limit_bytes.store(1000);
  auto* log = reinterpret_cast<shm::RingHeader*>(segment_.get().parking(1).data());
  const std::uint64_t room = shm::parking_room(log->capacity);
  const auto fill = [&](std::uint64_t percent) {
    limits.memory_bytes.store(10 * percent);
    log->tail.store((room * percent + 99) / 100);
  };
  const auto status = [](const HealthView& view) {
    return std::pair{part(view, "limits").status, part(view, "parking").status};
  };
  const std::pair healthy{Status::healthy, Status::healthy};
  const std::pair degraded{Status::degraded, Status::degraded};
  fill(85);
  HealthView before = health();
  EXPECT_EQ(status(before), healthy);
  fill(90);
  before = health(before);
  EXPECT_EQ(status(before), degraded);
  fill(85);
  before = health(before);
  EXPECT_EQ(status(before), degraded) << "it was";
  EXPECT_EQ(status(health()), healthy) << "who does not know the past";
  fill(79);
  EXPECT_EQ(status(health(before)), healthy);
}

TEST_F(ObserverHealth, ManyNewDeadLettersAreDegraded) {
  // One of two waits already.
  for (int i = 1; i < 9; ++i)
    filler_.bury(1, shm::DeadReason::expired, "late");
  const auto letters = [&](const HealthView& before) {
    return part(health(before), "dead letters");
  };
  EXPECT_EQ(letters({}).detail, "10 since the start");
  EXPECT_EQ(letters({}).status, Status::healthy);
  filler_.bury(1, shm::DeadReason::expired, "late");
  expect("dead letters", Status::degraded, "10 of the last minute wait to be settled, 11 since");
  const HealthView before = health();
  const auto newest = Observer::attach(segment_.name()).value().dead_letters().letters.front().id;
  filler_.settle(1, newest.number(), shm::LetterFate::dropped);
  EXPECT_EQ(letters({}).status, Status::healthy);
  EXPECT_EQ(letters(before).status, Status::degraded);
}

TEST_F(ObserverHealth, OpenBreakerOfAgentsIsDegraded) {
  const Symbol name = segment_.get().symbols().intern("db").value();
  shm::Breaker breaker{**shm::find_breaker(segment_.get().named_breakers(), name)};
  expect("breakers", Status::healthy, "1 of agents, closed");
  breaker.set_mode(shm::BreakerMode::forced_open, shm::monotonic_ns());
  expect("breakers", Status::degraded, "db is open");
}

TEST_F(ObserverHealth, ReloadThatFailedIsDegraded) {
  shm::Reloads& reloads = segment_.get().header().reloads;
  expect("reload", Status::healthy, "as it was started");
  reloads.last_refused.store(1);
  expect("reload", Status::degraded, "the last one failed");
  reloads.last_refused.store(0);
  reloads.taken.store(3);
  expect("reload", Status::healthy, "the last of 3");
}

TEST_F(ObserverHealth, LiveIsWhatHasASupervisorAndReadyIsWhatServes) {
  const auto expect_both = [&](bool is_live, bool is_ready, std::string_view why) {
    const HealthView view = health();
    EXPECT_EQ(view.is_live, is_live) << why;
    EXPECT_EQ(view.is_ready, is_ready) << why;
    EXPECT_EQ(view.readiness, why);
  };
  set_worker(WorkerState::backoff);
  expect_both(true, true, "1 worker ready");
  segment_.get().worker(0).supervised_state.store(static_cast<std::uint32_t>(WorkerState::open));
  expect_both(true, false, "no worker is ready");
  segment_.get().worker(0).supervised_state.store(
      static_cast<std::uint32_t>(WorkerState::degraded));
  segment_.get().header().supervisor.store(0);
  expect_both(false, true, "1 worker ready");
  set_runtime(static_cast<std::uint32_t>(RuntimeState::draining));
  expect_both(false, false, "the runtime is draining");
}

}  // namespace
}  // namespace mabeam
