// Quarantine: a hook that kills its owners outside of any message's handler is not run for ever.
#include "shm/spsc_ring.hpp"
#include "tests/worker/upgrade_support.hpp"

namespace mabeam::worker {
namespace {

using shm::Kind;
using shm::Witness;
using Values = std::vector<std::int64_t>;

class ShardQuarantine : public UpgradeTest {
 protected:
  static std::uint64_t upgrade_of(AgentId agent) {
    return Witness::pack(Witness::What::upgrade, 1, 0, agent.slot(), 0);
  }
};

TEST_F(ShardQuarantine, UpgradeThatKillsItsOwnersIsQuarantined) {
  add(agent_, 1);
  add(agent_, 2);
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
    EXPECT_EQ(record().blamed_count, i);
    die_under<Grown>(upgrade_of(agent_));
  }
  run();
  EXPECT_EQ(life(agent_), Lifecycle::suspended);
  EXPECT_EQ(reason(agent_), Errc::quarantined);
  EXPECT_EQ(record().blamed_count, 0U) << "it is over";
  EXPECT_TRUE(burials().empty()) << "no message is to blame: they wait";
  EXPECT_EQ(state(agent_).count, 0U);
  load<Grown>();
  run();
  EXPECT_EQ(reason(agent_), Errc::quarantined) << "another owner does not try by itself";
  ASSERT_EQ(tell(agent_, Kind::resume), Errc{});
  EXPECT_EQ(grown(agent_).memory.all(), (Values{1, 2})) << "a person may";
}

TEST_F(ShardQuarantine, UpgradeThatSurvivesIsForgiven) {
  add(agent_, 1);
  die_under<Grown>(upgrade_of(agent_));
  run();
  EXPECT_EQ(grown(agent_).memory.all(), (Values{1}));
  EXPECT_EQ(record().blamed_count, 0U);
}

TEST_F(ShardQuarantine, OnStopThatKillsItsOwnersIsNotRunAgain) {
  const AgentId named = create({.type = "named"}).value();
  post(named, "stop", {}, {.kind = Kind::stop});
  const auto ring = shm::RingConsumer::open(segment_.ring(kFirstClient, 1, Priority::normal));
  const std::uint64_t witness =
      Witness::pack(Witness::What::message, kFirstClient, 1, 0, ring.value().position());
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i)
    die_under<Puppet, Named>(witness);
  run();
  EXPECT_EQ(take(Priority::high).at(0).code, Errc::handler_failed);
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::poison);
  EXPECT_EQ(reason(named), Errc::quarantined);
  EXPECT_EQ(record().blamed_count, 0U);
  EXPECT_EQ(stop(named), Errc{}) << "the next one ends it";
  EXPECT_TRUE(take(Priority::normal).empty()) << "without its last word";
}

}  // namespace
}  // namespace mabeam::worker
