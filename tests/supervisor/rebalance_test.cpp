#include "supervisor/rebalance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;

const std::vector<Share> kTwo{Share::full, Share::full};

std::optional<ShardMove> find(const Placement& placement, const std::vector<double>& busy,
                              const std::vector<Share>& shares = kTwo) {
  return find_move(placement, shares, busy, std::vector<bool>(placement.size(), true));
}

TEST(FindMove, OfABusyPairTheShardThatMakesThemMostAlike) {
  const auto move = find({0, 0, 0, 1}, {0.5, 0.3, 0.1, 0.1});
  ASSERT_TRUE(move);
  EXPECT_EQ(move->shard, 1U) << "0.6 and 0.4, as without the first, and fewer wait";
  EXPECT_EQ(move->from, 0U);
  EXPECT_EQ(move->to, 1U);
  EXPECT_NEAR(move->from_busy, 0.9, 1e-9);
  EXPECT_NEAR(move->to_busy, 0.1, 1e-9);
}

TEST(FindMove, NeverTheOnlyShard) {
  EXPECT_FALSE(find({0, 1, 1}, {1.0, 0.0, 0.0}));
}

TEST(FindMove, NotWhatOnlyChangesPlaces) {
  EXPECT_FALSE(find({0, 0, 1}, {0.9, 0.0, 0.1})) << "the other one would be as busy then";
  EXPECT_FALSE(find({0, 0, 1}, {0.9, 0.1, 0.0})) << "0.9 are not enough better than 1.0";
  EXPECT_TRUE(find({0, 0, 1}, {0.75, 0.25, 0.0}));
}

TEST(FindMove, NotWhereNobodyIsBusyOrTheOthersAreNearlyAs) {
  EXPECT_FALSE(find({0, 0, 1}, {0.24, 0.24, 0.0}));
  EXPECT_FALSE(find({0, 0, 1}, {0.4, 0.4, 0.56}));
  EXPECT_TRUE(find({0, 0, 1}, {0.26, 0.26, 0.0}));
}

TEST(FindMove, OnlyBetweenFullWorkers) {
  const Placement placement{0, 0, 1, 2};
  const std::vector<double> busy{0.5, 0.5, 0.0, 0.2};
  EXPECT_EQ(find(placement, busy, {Share::full, Share::full, Share::full})->to, 1U);
  EXPECT_EQ(find(placement, busy, {Share::full, Share::one, Share::full})->to, 2U);
  EXPECT_FALSE(find(placement, busy, {Share::full, Share::none, Share::none}));
  EXPECT_FALSE(find(placement, busy, {Share::none, Share::none, Share::none}));
  EXPECT_FALSE(find({7, 7}, {0.5, 0.5})) << "of nobody that is there";
}

TEST(FindMove, NotOneThatHasToStay) {
  const Placement placement{0, 0, 1};
  const std::vector<double> busy{0.5, 0.4, 0.0};
  EXPECT_EQ(find_move(placement, kTwo, busy, {false, true, true})->shard, 1U);
  EXPECT_FALSE(find_move(placement, kTwo, busy, {false, false, true}));
}

TEST(FindMove, NeverMakesThePairWorseAndComesToRest) {
  std::minstd_rand random(5);  // NOLINT(cert-msc51-cpp): the same on every run
  for (int round = 0; round < 2000; ++round) {
    const std::uint32_t workers = 2 + random() % 4;
    Placement placement(2 + random() % 12);
    std::vector<double> busy(placement.size());
    for (std::size_t shard = 0; shard < placement.size(); ++shard) {
      placement[shard] = static_cast<std::uint32_t>(random() % workers);
      busy[shard] = static_cast<double>(random() % 1000) / 1000;
    }
    const std::vector<Share> shares(workers, Share::full);
    const auto load = [&](std::uint32_t worker) {
      double sum = 0;
      for (std::size_t shard = 0; shard < placement.size(); ++shard)
        sum += placement[shard] == worker ? busy[shard] : 0;
      return sum;
    };
    int moves = 0;
    while (const auto move = find(placement, busy, shares)) {
      const double before = std::max(load(move->from), load(move->to));
      placement[move->shard] = move->to;
      EXPECT_LE(std::max(load(move->from), load(move->to)), before - 0.125 + 1e-9);
      EXPECT_GT(std::count(placement.begin(), placement.end(), move->from), 0);
      ASSERT_LE(++moves, 100) << "it goes round";
    }
  }
}

/// Looks at two workers with two shards each, both of the first as busy as can be.
class RebalanceTest : public ::testing::Test {
 protected:
  std::optional<ShardMove> look(std::vector<Time> more) {
    now_ += 1s;
    for (std::size_t shard = 0; shard < more.size(); ++shard)
      busy_ns_[shard] += static_cast<std::uint64_t>(more[shard].count());
    EXPECT_TRUE(rebalance_.is_due(now_, 1s));
    const auto move = rebalance_.look(now_, placement_, kTwo, busy_ns_);
    EXPECT_FALSE(rebalance_.is_due(now_ + 999ms, 1s));
    if (move) placement_[move->shard] = move->to;
    return move;
  }

  Rebalance rebalance_;
  Placement placement_{0, 1, 0, 1};
  std::vector<std::uint64_t> busy_ns_{1'000'000, 0, 0, 0};
  Time now_ = 100s;
};

TEST_F(RebalanceTest, MovesWhenTwoLooksInARowSaySo) {
  EXPECT_FALSE(look({500ms, 0ms, 500ms, 0ms})) << "nothing is known yet";
  EXPECT_FALSE(look({500ms, 0ms, 500ms, 0ms})) << "it may be a moment's matter";
  EXPECT_TRUE(look({500ms, 0ms, 500ms, 0ms}));
}

TEST_F(RebalanceTest, QuietLookInBetweenBeginsAnew) {
  EXPECT_FALSE(look({}));
  EXPECT_FALSE(look({500ms, 0ms, 500ms, 0ms}));
  EXPECT_FALSE(look({100ms, 0ms, 100ms, 0ms}));
  EXPECT_FALSE(look({500ms, 0ms, 500ms, 0ms}));
  EXPECT_TRUE(look({500ms, 0ms, 500ms, 0ms}));
}

TEST_F(RebalanceTest, WorkersThatAreBusyByTurnsSeeNoMove) {
  for (int each = 0; each < 20; ++each) {
    EXPECT_FALSE(look({500ms, 0ms, 500ms, 0ms}));
    EXPECT_FALSE(look({0ms, 500ms, 0ms, 500ms}));
  }
}

TEST_F(RebalanceTest, ShardThatHasMovedStaysForTenLooks) {
  const std::vector<Time> first{500ms, 0ms, 400ms, 0ms};
  (void)look(first);
  (void)look(first);
  ASSERT_EQ(look(first)->shard, 2U);
  placement_[3] = 0;  // so the other one has two, and could give back what it got
  int looks = 0;
  while (!look({0ms, 600ms, 300ms, 0ms}) && looks < 50)
    ++looks;
  EXPECT_EQ(looks, 2) << "a look that only measures, and two that agree";
  EXPECT_EQ(placement_[1], 0U) << "the lighter one has just moved";
  EXPECT_EQ(placement_[2], 1U);
}

TEST_F(RebalanceTest, WordsThatRunBackwardsOrTooFastAreHeldForNothingMore) {
  (void)look({});
  busy_ns_ = {0, 0, UINT64_MAX, 0};
  EXPECT_FALSE(look({}));
  busy_ns_ = {0, 0, 5, 0};
  EXPECT_FALSE(look({})) << "1.0 of one shard is not moved, and less is none";
}

}  // namespace
}  // namespace mabeam::supervisor
