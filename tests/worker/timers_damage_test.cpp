// Timers whose agent is gone by damage: no record is given out twice in one turn.
#include "tests/worker/shard_support.hpp"
#include "worker/timers.hpp"

#include <set>

namespace mabeam::worker {
namespace {

class TimersDamage : public ShardTest {};

TEST_F(TimersDamage, TimerOfAnAgentThatIsNotThereFreesNothingAmidATurn) {
  const AgentId lost = create().value();
  const AgentId agent = create().value();
  const Symbol name = segment_.symbols().intern("tick").value();
  Timers timers{segment_, 0};
  timers.open();
  timers.begin_message();
  ASSERT_TRUE(timers.set(lost, name, 1, 0));
  timers.settle();
  segment_.agents(0).record(lost.slot()).slot_word.store(0);
  std::set<TimerId> ids;
  for (int i = 0; i < 4; ++i) {
    timers.begin_message();
    const Result<TimerId> set = timers.set(agent, name, 100, 0);
    ASSERT_TRUE(set);
    EXPECT_TRUE(ids.insert(static_cast<TimerId>(static_cast<std::uint32_t>(*set))).second)
        << "two timers in one record";
    EXPECT_FALSE(timers.next(10));
  }
  timers.settle();
  EXPECT_TRUE(timers.next(1000));
}

}  // namespace
}  // namespace mabeam::worker
