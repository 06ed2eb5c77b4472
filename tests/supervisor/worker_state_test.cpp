#include "supervisor/worker_state.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace mabeam::supervisor {
namespace {

std::vector<WorkerState> all_states() {
  std::vector<WorkerState> states;
  for (std::size_t i = 0; i < kWorkerStates; ++i)
    states.push_back(static_cast<WorkerState>(i));
  return states;
}

std::vector<WorkerEvent> all_events() {
  std::vector<WorkerEvent> events;
  for (std::size_t i = 0; i < kWorkerEvents; ++i)
    events.push_back(static_cast<WorkerEvent>(i));
  return events;
}

TEST(WorkerState, EveryEntryIsAState) {
  for (const WorkerState state : all_states()) {
    for (const WorkerEvent event : all_events()) {
      const auto next = next_state(state, event);
      EXPECT_TRUE(!next || static_cast<std::size_t>(*next) < kWorkerStates);
    }
  }
}

TEST(WorkerState, EveryStateIsReachedAndFailedIsLeftByAStartAlone) {
  std::set<WorkerState> reached{WorkerState::stopped};
  for (std::size_t round = 0; round < kWorkerStates; ++round) {
    for (const WorkerState state : std::set<WorkerState>{reached}) {
      for (const WorkerEvent event : all_events()) {
        if (const auto next = next_state(state, event)) reached.insert(*next);
      }
    }
  }
  EXPECT_EQ(reached.size(), kWorkerStates);
  for (const WorkerEvent event : all_events()) {
    const auto next = next_state(WorkerState::failed, event);
    EXPECT_TRUE(!next || *next == WorkerState::failed || event == WorkerEvent::spawned);
  }
}

TEST(WorkerState, StatesWithAProcessEndInOneStep) {
  const std::set<WorkerState> without{WorkerState::stopped, WorkerState::backoff,
                                      WorkerState::failed, WorkerState::open};
  for (const WorkerState state : all_states()) {
    EXPECT_EQ(has_process(state), !without.contains(state));
    if (!has_process(state)) continue;
    EXPECT_EQ(next_state(state, WorkerEvent::ended), WorkerState::stopped);
    EXPECT_EQ(next_state(state, WorkerEvent::ended_for_restart), WorkerState::backoff);
    EXPECT_EQ(next_state(state, WorkerEvent::ended_for_good), WorkerState::failed);
    EXPECT_EQ(next_state(state, WorkerEvent::opened), WorkerState::open);
    EXPECT_FALSE(next_state(state, WorkerEvent::on_trial));
    EXPECT_FALSE(next_state(state, WorkerEvent::spawned));
  }
}

TEST(WorkerState, OrdersAreTakenInEveryState) {
  for (const WorkerState state : all_states()) {
    for (const WorkerEvent order : {WorkerEvent::drain, WorkerEvent::stop, WorkerEvent::kill}) {
      EXPECT_TRUE(next_state(state, order));
    }
  }
}

TEST(WorkerState, NothingLeadsBackFromAnEnd) {
  const std::vector<WorkerState> ending{WorkerState::draining, WorkerState::stopping,
                                        WorkerState::killing};
  for (std::size_t i = 0; i < ending.size(); ++i) {
    for (const WorkerEvent event : all_events()) {
      const auto next = next_state(ending[i], event);
      if (!next || !has_process(*next)) continue;
      const auto at = std::find(ending.begin(), ending.end(), *next);
      ASSERT_NE(at, ending.end());
      EXPECT_GE(static_cast<std::size_t>(at - ending.begin()), i);
    }
  }
}

TEST(WorkerState, AnOpenBreakerIsLeftByATrialThatIsProvedOrOpensItAgain) {
  EXPECT_EQ(next_state(WorkerState::open, WorkerEvent::on_trial), WorkerState::half_open);
  EXPECT_EQ(next_state(WorkerState::half_open, WorkerEvent::is_ready), WorkerState::half_open);
  EXPECT_EQ(next_state(WorkerState::half_open, WorkerEvent::fell_silent), WorkerState::half_open);
  EXPECT_EQ(next_state(WorkerState::half_open, WorkerEvent::proved), WorkerState::ready);
  EXPECT_EQ(next_state(WorkerState::half_open, WorkerEvent::opened), WorkerState::open);
  EXPECT_EQ(next_state(WorkerState::open, WorkerEvent::spawned), WorkerState::starting);
  for (const WorkerState state : all_states()) {
    if (state == WorkerState::half_open) continue;
    EXPECT_FALSE(next_state(state, WorkerEvent::proved));
  }
}

TEST(WorkerState, SilenceIsLeftBySignsOfLifeAndByDeathAlone) {
  EXPECT_EQ(next_state(WorkerState::ready, WorkerEvent::fell_silent), WorkerState::suspect);
  EXPECT_EQ(next_state(WorkerState::suspect, WorkerEvent::was_heard), WorkerState::ready);
  EXPECT_EQ(next_state(WorkerState::suspect, WorkerEvent::kill), WorkerState::killing);
  EXPECT_FALSE(is_serving(WorkerState::killing));
  EXPECT_TRUE(is_serving(WorkerState::suspect));
}

}  // namespace
}  // namespace mabeam::supervisor
