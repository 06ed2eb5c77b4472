// A shard passes from worker to worker: here two Hostings of one process.
#include "worker/hosting.hpp"

#include "tests/support/test_segment.hpp"
#include "worker/builtin.hpp"

#include <gtest/gtest.h>

namespace mabeam::worker {
namespace {

class HostingTest : public ::testing::Test {
 protected:
  HostingTest() : types_(segment_.get().symbols()) {
    EXPECT_TRUE(types_.add(builtin_types()));
    for (std::uint32_t worker = 0; worker < 2; ++worker) {
      claim(worker, 1);
      place(worker, worker);
    }
    first_.begin(shm::Incarnation::of(0, 1));
    second_.begin(shm::Incarnation::of(1, 1));
  }

  void claim(std::uint32_t worker, std::uint32_t incarnation) {
    segment_.get().worker(worker).claim.store(shm::Claim{incarnation, 1000 + worker}.pack());
  }

  void place(std::uint32_t shard, std::uint32_t worker) {
    slot(shard).placement.store(worker + 1);
    segment_.get().header().placements.fetch_add(1);
  }

  [[nodiscard]] shm::EndpointSlot& slot(std::uint32_t shard) {
    return segment_.get().endpoint(shm::Segment::endpoint_of_shard(shard));
  }

  [[nodiscard]] shm::Incarnation owner(std::uint32_t shard) { return {slot(shard).owner.load()}; }

  tests::TestSegment segment_;
  Types types_;
  shm::CachedClock clock_;
  BurialNotes notes_;
  Hosting first_{segment_.get(), types_, clock_, notes_};
  Hosting second_{segment_.get(), types_, clock_, notes_};
};

TEST_F(HostingTest, TakesWhatIsPlacedOnIt) {
  EXPECT_EQ(first_.shards().size(), 1U);
  EXPECT_EQ(second_.shards().size(), 1U);
  EXPECT_EQ(owner(0), shm::Incarnation::of(0, 1));
  EXPECT_EQ(owner(1), shm::Incarnation::of(1, 1));
  EXPECT_FALSE(first_.has_changed());
}

TEST_F(HostingTest, NewOwnerWaitsUntilTheOldOneHasLetGo) {
  place(0, 1);
  EXPECT_TRUE(second_.has_changed());
  second_.look();
  EXPECT_TRUE(second_.is_waiting());
  EXPECT_EQ(second_.shards().size(), 1U) << "nobody takes from the living";
  first_.look();
  EXPECT_TRUE(first_.shards().empty());
  EXPECT_FALSE(owner(0));
  second_.look();
  EXPECT_FALSE(second_.is_waiting());
  EXPECT_EQ(second_.shards().size(), 2U);
  EXPECT_EQ(owner(0), shm::Incarnation::of(1, 1));
}

TEST_F(HostingTest, TakesFromAnOwnerWhoseSlotIsFenced) {
  place(0, 1);
  segment_.get().worker(0).claim.store(shm::Claim{2, 0}.pack());
  second_.look();
  EXPECT_EQ(owner(0), shm::Incarnation::of(1, 1));
}

TEST_F(HostingTest, PlacementThatChangesTwiceLeavesItWithOne) {
  place(0, 1);
  first_.look();
  place(0, 0);
  second_.look();
  EXPECT_FALSE(owner(0)) << "it is not placed there any more";
  first_.look();
  EXPECT_EQ(owner(0), shm::Incarnation::of(0, 1));
  EXPECT_EQ(first_.shards().size(), 1U);
  EXPECT_EQ(second_.shards().size(), 1U);
}

TEST_F(HostingTest, DamagedOwnerIsNobody) {
  first_.let_all_go();
  place(0, 1);
  slot(0).owner.store(~std::uint64_t{0});
  second_.look();
  EXPECT_EQ(owner(0), shm::Incarnation::of(1, 1));
}

TEST_F(HostingTest, DamagedShardIsParkedAndNotTriedAgain) {
  place(0, 1);
  first_.look();
  shm::TurnRegion& turn = segment_.get().turn(0);
  turn.committed.store(turn.applied.load() + 1);  // with no list that says so
  second_.look();
  EXPECT_EQ(slot(0).parked.load(), 1U);
  EXPECT_FALSE(owner(0));
  EXPECT_EQ(second_.shards().size(), 1U);
  EXPECT_FALSE(second_.is_waiting());
}

TEST_F(HostingTest, LettingAllGoLeavesNothing) {
  second_.let_all_go();
  EXPECT_TRUE(second_.shards().empty());
  EXPECT_FALSE(owner(1));
  EXPECT_EQ(owner(0), shm::Incarnation::of(0, 1));
}

}  // namespace
}  // namespace mabeam::worker
