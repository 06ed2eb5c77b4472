#include "supervisor/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace mabeam::supervisor {
namespace {

using ::testing::ElementsAre;

constexpr Share kNone = Share::none;
constexpr Share kOne = Share::one;
constexpr Share kFull = Share::full;

Placement plan(Placement current, const std::vector<Share>& shares) {
  return plan_placement(std::move(current), shares);
}

TEST(Placement, ShardsOfNobodyAreSpreadInTurn) {
  EXPECT_THAT(plan(Placement(5, kNobody), {kFull, kFull}), ElementsAre(0, 1, 0, 1, 0));
}

TEST(Placement, NothingMovesWhereNothingNeedsTo) {
  EXPECT_THAT(plan({1, 1, 0, 0, 1}, {kFull, kFull}), ElementsAre(1, 1, 0, 0, 1));
}

TEST(Placement, WhoGetsNoneHandsOverWhatItHasAndNothingElseMoves) {
  EXPECT_THAT(plan({0, 1, 2, 0, 1, 2}, {kFull, kNone, kFull}), ElementsAre(0, 0, 2, 0, 2, 2));
}

TEST(Placement, ATrialGetsOneOfTheHeaviest) {
  EXPECT_THAT(plan({0, 0, 2, 0, 2, 2}, {kFull, kOne, kFull}), ElementsAre(1, 0, 2, 0, 2, 2));
  EXPECT_THAT(plan({1, 1, 0, 0}, {kFull, kOne}), ElementsAre(0, 1, 0, 0)) << "and keeps no more";
}

TEST(Placement, AProvedWorkerGetsItsPartBack) {
  EXPECT_THAT(plan({1, 0, 0, 0}, {kFull, kFull}), ElementsAre(1, 0, 0, 1));
}

TEST(Placement, MoreWorkersGetAPartEachAndFewerTakeItBack) {
  const Placement two{0, 1, 0, 1, 0, 1, 0, 1};
  const Placement four = plan(two, {kFull, kFull, kFull, kFull});
  for (std::uint32_t worker = 0; worker < 4; ++worker)
    EXPECT_EQ(std::count(four.begin(), four.end(), worker), 2);
  EXPECT_EQ(plan(four, {kFull, kFull, kNone, kNone}).size(), 8U);
}

TEST(Placement, OnlyWorkersOnTrialRunAllThereIs) {
  EXPECT_THAT(plan({0, 1, 2, 0}, {kNone, kOne, kNone}), ElementsAre(1, 1, 1, 1));
}

TEST(Placement, WhereNobodyMayRunAnythingNothingMoves) {
  EXPECT_THAT(plan({0, 1, 0}, {kNone, kNone}), ElementsAre(0, 1, 0));
}

TEST(Placement, OfWorkersThatAreNotThereIsMoved) {
  EXPECT_THAT(plan({7, 0, 9}, {kFull, kFull}), ElementsAre(1, 0, 0));
}

TEST(Placement, WhereTheBusyAreMovedEverybodyHasHalfOfAnEvenPart) {
  const std::vector<Share> two{kFull, kFull};
  EXPECT_THAT(plan_placement({1, 1, 0, 1}, two, Evenness::loose), ElementsAre(1, 1, 0, 1));
  EXPECT_THAT(plan_placement({1, 1, 1, 1}, two, Evenness::loose), ElementsAre(1, 1, 1, 0));
  const Placement eight = plan_placement({0, 0, 0, 0, 0, 0, 0, 1}, two, Evenness::loose);
  EXPECT_EQ(std::count(eight.begin(), eight.end(), 1), 2);
  EXPECT_THAT(plan_placement({0, 1}, std::vector<Share>{kFull, kNone, kFull}, Evenness::loose),
              ElementsAre(0, 2))
      << "who may have none has none";
}

TEST(Placement, IsFairAndStableWhateverTheShares) {
  std::minstd_rand random(3);  // NOLINT(cert-msc51-cpp): the same on every run
  Placement placement(48, kNobody);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Share> shares(1 + random() % 6);
    for (Share& share : shares)
      share = static_cast<Share>(random() % 3);
    placement = plan(placement, shares);
    ASSERT_EQ(plan(placement, shares), placement) << "it is asked again and again";
    const bool has_full = std::find(shares.begin(), shares.end(), kFull) != shares.end();
    if (!has_full) continue;
    std::vector<std::int64_t> full;
    for (std::uint32_t worker = 0; worker < shares.size(); ++worker) {
      const auto count = std::count(placement.begin(), placement.end(), worker);
      if (shares[worker] == kFull) {
        full.push_back(count);
      } else {
        EXPECT_EQ(count, shares[worker] == kOne ? 1 : 0);
      }
    }
    const auto [least, most] = std::minmax_element(full.begin(), full.end());
    EXPECT_LE(*most - *least, 1);
  }
}

}  // namespace
}  // namespace mabeam::supervisor
