#include "mabeam/observer.hpp"

#include "shm/process.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace mabeam {
namespace {

using tests::SegmentFile;
using tests::SegmentFiller;
using tests::TestSegment;

class ObserverTest : public ::testing::Test {
 protected:
  [[nodiscard]] Observer observe() const { return Observer::attach(segment_.name()).value(); }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
};

// ---- words -----------------------------------------------------------------------------------

TEST(StateNames, AreTotal) {
  EXPECT_EQ(to_string(RuntimeState::removed), "removed");
  EXPECT_EQ(to_string(WorkerState::failed), "failed");
  EXPECT_EQ(to_string(ExitCause::not_ready), "not_ready");
  EXPECT_EQ(to_string(Lifecycle::terminating), "terminating");
  EXPECT_EQ(to_string(HealthView::Status::down), "down");
}

TEST(StateNames, ValuesWithoutAWordAreUnknown) {
  EXPECT_EQ(to_string(static_cast<RuntimeState>(5)), "unknown");
  EXPECT_EQ(to_string(static_cast<WorkerState>(0xFFFFFFFF)), "unknown");
  EXPECT_EQ(to_string(static_cast<ExitCause>(9)), "unknown");
  EXPECT_EQ(to_string(static_cast<Lifecycle>(255)), "unknown");
  EXPECT_EQ(to_string(static_cast<HealthView::Status>(3)), "unknown");
}

// ---- attach ----------------------------------------------------------------------------------

TEST(ObserverAttach, RefusesWhatIsNoRuntime) {
  EXPECT_EQ(Observer::attach("no-such-runtime").error().code, Errc::not_found);
  EXPECT_EQ(Observer::attach("../etc").error().code, Errc::invalid_argument);
  EXPECT_EQ(Observer::open_file("/no/such/file").error().code, Errc::not_found);
  EXPECT_EQ(Observer::open_file("/tmp").error(), (Error{Errc::system, 0, EISDIR}));
  EXPECT_EQ(Observer::open_file("/dev/null").error(), (Error{Errc::system, 0, ESPIPE}));
}

TEST_F(ObserverTest, RemovedRuntimeIsNotFound) {
  segment_.get().header().state.store(static_cast<std::uint32_t>(RuntimeState::removed));
  EXPECT_EQ(Observer::attach(segment_.name()).error().code, Errc::not_found);
}

// ---- runtime ---------------------------------------------------------------------------------

TEST_F(ObserverTest, RuntimeShowsItsProcesses) {
  filler_.fill();
  const RuntimeView view = observe().runtime();
  EXPECT_EQ(view.name, segment_.name());
  EXPECT_EQ(view.state, RuntimeState::running);
  EXPECT_EQ(view.supervisor_pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(view.segment_bytes, segment_.get().layout().total_bytes);
  EXPECT_EQ(view.max_agents, 24U);
  ASSERT_EQ(view.workers.size(), 2U);
  EXPECT_EQ(view.workers[1].index, 1U);
  EXPECT_EQ(view.workers[1].pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(view.workers[1].state, WorkerState::ready);
  EXPECT_EQ(view.workers[1].shards, std::vector<std::uint32_t>{1});
  EXPECT_EQ(view.workers[0].agents + view.workers[1].agents, 3U);
  EXPECT_GT(view.workers[0].memory_bytes, 0U);
  EXPECT_GT(view.workers[0].uptime_seconds, 0);
  EXPECT_GT(view.workers[0].heartbeat_age_seconds, 0);
  EXPECT_FALSE(view.workers[0].last_exit);
}

TEST_F(ObserverTest, CopyShowsNoProcesses) {
  filler_.fill();
  const SegmentFile file{segment_.get()};
  const RuntimeView view = Observer::open_file(file.path()).value().runtime();
  EXPECT_FALSE(view.supervisor_pid);
  ASSERT_EQ(view.workers.size(), 2U);
  EXPECT_FALSE(view.workers[0].pid);
  EXPECT_EQ(view.workers[0].memory_bytes, 0U);
  EXPECT_EQ(view.workers[0].heartbeat_age_seconds, 0);
  EXPECT_EQ(view.workers[0].state, WorkerState::ready);
}

TEST_F(ObserverTest, ReusedPidIsNobody) {
  filler_.start();
  const std::uint64_t other = shm::ProcessId::of(static_cast<std::uint32_t>(::getpid()), 1).value;
  segment_.get().header().supervisor.store(other);
  segment_.get().worker(0).process.store(other);
  const RuntimeView view = observe().runtime();
  EXPECT_FALSE(view.supervisor_pid);
  EXPECT_FALSE(view.workers[0].pid);
  EXPECT_TRUE(view.workers[1].pid);
}

TEST_F(ObserverTest, WorkersOwnWordRefinesItsState) {
  filler_.start();
  shm::WorkerSlot& worker = segment_.get().worker(0);
  worker.state.store(static_cast<std::uint32_t>(WorkerState::draining));
  EXPECT_EQ(observe().runtime().workers[0].state, WorkerState::draining);
  worker.supervised_state.store(static_cast<std::uint32_t>(WorkerState::killing));
  EXPECT_EQ(observe().runtime().workers[0].state, WorkerState::killing);
}

TEST_F(ObserverTest, PredecessorsWordIsNotTheWorkers) {
  filler_.start();
  shm::WorkerSlot& worker = segment_.get().worker(0);
  worker.claim.store(shm::Claim{2, 0}.pack());
  worker.supervised_state.store(static_cast<std::uint32_t>(WorkerState::starting));
  const WorkerView view = observe().runtime().workers[0];
  EXPECT_EQ(view.state, WorkerState::starting);
  EXPECT_FALSE(view.pid);
}

TEST_F(ObserverTest, WorkerCountsTheAgentsOfAllItsShards) {
  filler_.start();
  for (int i = 0; i < 3; ++i)
    filler_.create("counter", {}, 0);
  for (int i = 0; i < 4; ++i)
    filler_.create("counter", {}, 1);
  filler_.shard_slot(1).placement.store(1);
  const RuntimeView view = observe().runtime();
  EXPECT_EQ(view.workers[0].shards, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(view.workers[0].agents, 7U);
  EXPECT_EQ(view.workers[1].agents, 0U);
}

TEST_F(ObserverTest, WorkerAddedLaterIsShown) {
  filler_.start();
  segment_.get().worker(7).claim.store(shm::Claim{1, 0}.pack());
  filler_.shard_slot(1).placement.store(6 + 1);
  const RuntimeView view = observe().runtime();
  ASSERT_EQ(view.workers.size(), 4U);
  EXPECT_EQ(view.workers[2].index, 6U);
  EXPECT_EQ(view.workers[2].shards, std::vector<std::uint32_t>{1});
  EXPECT_EQ(view.workers[3].index, 7U);
}

TEST_F(ObserverTest, LastExitIsShown) {
  filler_.start();
  shm::WorkerSlot& worker = segment_.get().worker(1);
  worker.exit_cause.store(static_cast<std::uint32_t>(ExitCause::signal));
  worker.exit_signal.store(9);
  worker.exit_time_unix_ns.store(1'700'000'000'000'000'000);
  worker.restarts.store(3);
  const WorkerView view = observe().runtime().workers[1];
  ASSERT_TRUE(view.last_exit);
  EXPECT_EQ(view.last_exit->cause, ExitCause::signal);
  EXPECT_EQ(view.last_exit->signal, 9);
  EXPECT_EQ(view.last_exit->time_unix_ns, 1'700'000'000'000'000'000);
  EXPECT_EQ(view.restarts, 3U);
}

TEST_F(ObserverTest, DamagedTimesStayWithinBounds) {
  filler_.start();
  shm::WorkerSlot& worker = segment_.get().worker(0);
  worker.exit_cause.store(77);
  worker.exit_time_unix_ns.store(std::numeric_limits<std::int64_t>::min());
  worker.heartbeat_ns.store(~std::uint64_t{0});
  worker.started_ns.store(~std::uint64_t{0});
  const WorkerView view = observe().runtime().workers[0];
  EXPECT_EQ(to_string(view.last_exit.value().cause), "unknown");
  EXPECT_EQ(view.last_exit->time_unix_ns, 0);
  EXPECT_EQ(view.heartbeat_age_seconds, 0);
  EXPECT_EQ(view.uptime_seconds, 0);
}

// ---- stats -----------------------------------------------------------------------------------

TEST_F(ObserverTest, StatsSumShardsAndClients) {
  filler_.start();
  for (const std::uint32_t shard : {0U, 1U}) {
    filler_.turn(shard, [](shm::Turn&, shm::ShardRecord& record) {
      record.sent = 1;
      record.delivered = 2;
      record.redelivered = 3;
      record.refused = 4;
      record.expired = 5;
      record.dead_lettered = 6;
      record.events_published = 7;
      record.events_delivered = 8;
      record.events_missed = 9;
      record.agents_live = 10;
      record.agents_created = 12;
      record.agents_stopped = 2;
    });
  }
  shm::EndpointSlot& client = segment_.get().endpoint(segment_.get().first_client());
  client.sent.store(100);
  client.refused.store(200);
  client.published.store(300);
  client.missed.store(400);
  const StatsView view = observe().stats();
  EXPECT_EQ(view.messages.sent, 102U);
  EXPECT_EQ(view.messages.delivered, 4U);
  EXPECT_EQ(view.messages.redelivered, 6U);
  EXPECT_EQ(view.messages.refused, 208U);
  EXPECT_EQ(view.messages.expired, 10U);
  EXPECT_EQ(view.messages.dead_lettered, 12U);
  EXPECT_EQ(view.events.published, 314U);
  EXPECT_EQ(view.events.delivered, 16U);
  EXPECT_EQ(view.events.missed, 418U);
  EXPECT_EQ(view.agents.live, 20U);
  EXPECT_EQ(view.agents.created, 24U);
  EXPECT_EQ(view.agents.stopped, 4U);
}

TEST_F(ObserverTest, RecordInForceIsTheOneThatCounts) {
  filler_.start();
  for (int i = 0; i < 2; ++i) {
    filler_.turn(0, [](shm::Turn&, shm::ShardRecord& record) { ++record.sent; });
    EXPECT_EQ(observe().stats().messages.sent, static_cast<std::uint64_t>(i) + 1);
  }
}

TEST_F(ObserverTest, LatencyQuantilesAreUpperBounds) {
  filler_.start();
  for (std::int64_t i = 0; i < 990; ++i)
    segment_.get().metrics(0).latency_ns.record(5);
  for (std::int64_t i = 0; i < 9; ++i)
    segment_.get().metrics(1).latency_ns.record(1000);
  segment_.get().metrics(1).latency_ns.record(1'000'000);
  const auto latency = observe().stats().latency_ns;
  EXPECT_EQ(latency.p50, 5U);
  EXPECT_EQ(latency.p99, 5U);
  EXPECT_EQ(latency.p999, shm::Histogram::upper_bound(shm::Histogram::bucket_of(1000)));
  EXPECT_EQ(latency.max, shm::Histogram::upper_bound(shm::Histogram::bucket_of(1'000'000)));
  EXPECT_GE(latency.max, 1'000'000U);
}

TEST_F(ObserverTest, NoLatencyIsZero) {
  filler_.start();
  const auto latency = observe().stats().latency_ns;
  EXPECT_EQ(latency.p50 + latency.p99 + latency.p999 + latency.max, 0U);
}

}  // namespace
}  // namespace mabeam
