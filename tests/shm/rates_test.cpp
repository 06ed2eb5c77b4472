// Rates of the runtime, of each client and of each agent type, together; among processes, of which
// one is killed.
#include "shm/rates.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>

namespace mabeam::shm {
namespace {

constexpr auto kRateKind = RateKind::action_execution;

class RatesTest : public SegmentTest {
 protected:
  RatesTest() {
    for (const Symbol type : {kOne, kOther})
      segment_.types().publish(type, {}).value();
  }

  void set_runtime(RateSetting setting) { settings().runtime.store(setting.pack()); }

  void set_client(RateSetting setting) { settings().each_client.store(setting.pack()); }

  void set_type(RateSetting setting) { settings().each_type.store(setting.pack()); }

  [[nodiscard]] RateSettings& settings() const {
    return segment_.limits().settings[static_cast<std::size_t>(kRateKind)];
  }

  /// How many of a hundred are granted, one by one.
  static int take(Rates& rates, Symbol type = Symbol::none) {
    int granted = 0;
    for (int i = 0; i < 100; ++i)
      granted += rates.take(kRateKind, 1, [&] { return type; }) ? 1 : 0;
    return granted;
  }

  static constexpr Symbol kOne{7};
  static constexpr Symbol kOther{9};
  static constexpr RateSetting kFive{.rate = 1, .burst = 4};  // five, then one a second

  Rates client_{segment_, Rates::Holder::client};
  Rates other_client_{segment_, Rates::Holder::client};
  Rates shard_{segment_, Rates::Holder::shard};
};

TEST_F(RatesTest, EachClientHasItsOwnAndShardsHaveNone) {
  set_client(kFive);
  EXPECT_EQ(take(client_), 5);
  EXPECT_EQ(take(other_client_), 5);
  EXPECT_EQ(take(shard_), 100);
  const Result<> refused = client_.take(kRateKind);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::rate_limited);
  EXPECT_GT(refused.error().subject, 0U) << "milliseconds";
  EXPECT_TRUE(client_.take(RateKind::event_emission)) << "of another kind";
  EXPECT_EQ(segment_.limits().client_rates[1].tally.granted.load(), 10U);
}

TEST_F(RatesTest, AllWhoUseATypeShareItsRate) {
  set_type(kFive);
  EXPECT_EQ(take(client_, kOne), 5);
  EXPECT_EQ(take(shard_, kOne), 0);
  EXPECT_EQ(take(shard_, kOther), 5);
  EXPECT_EQ(take(client_), 100) << "of no type";
  EXPECT_EQ(take(client_, Symbol{99}), 100) << "of a type that no worker has told of";
}

TEST_F(RatesTest, WhatOneRefusesIsNotPaidToTheOthers) {
  set_runtime(kFive);
  set_client(kFive);
  set_type({.rate = 1, .burst = 0});
  EXPECT_EQ(take(client_, kOne), 1);
  set_type({});
  EXPECT_EQ(take(client_), 4) << "99 refusals have cost nothing";
  set_runtime({});
  EXPECT_EQ(take(client_), 0);
  EXPECT_EQ(take(other_client_), 5);
}

TEST_F(RatesTest, ShadowRefusesNothing) {
  set_client({.rate = 1, .burst = 4, .is_shadow = true});
  EXPECT_EQ(take(client_), 100);
  EXPECT_EQ(segment_.limits().client_rates[1].tally.refused.load(), 95U);
}

TEST_F(RatesTest, ManyAreGrantedTogetherOrNotAtAll) {
  set_type({.rate = 1, .burst = 1});
  set_client(kFive);
  const std::array<Symbol, 3> three{kOne, kOther, kOne};
  const auto take_three = [&] {
    return client_.take_all(kRateKind, three.size(), [&](std::size_t i) { return three[i]; });
  };
  EXPECT_TRUE(take_three());
  EXPECT_FALSE(take_three());
  EXPECT_EQ(take(client_, kOther), 1) << "its share of the refused came back";
  set_type({});
  EXPECT_EQ(take(client_), 1) << "five, less three and one";
}

/// Real processes, of which one dies with its lease: never more than the time gives.
TEST_F(RatesTest, RateOfATypeHoldsAmongProcesses) {
  const RateSetting setting{.rate = 1'000'000, .burst = 1'000};
  set_type(setting);
  const std::int64_t begin = monotonic_ns();
  const auto spend = [&](std::int64_t time_ns, bool is_killed) {
    const Segment own = Segment::attach(guard_.name(), Access::read_write).value();
    Rates rates{own, Rates::Holder::shard};
    while (monotonic_ns() < begin + time_ns)
      (void)rates.take(kRateKind, 1, [] { return kOne; });
    if (is_killed) ::raise(SIGKILL);
  };
  std::array<pid_t, 3> children{};
  for (std::size_t i = 0; i < children.size(); ++i) {
    children[i] = ::fork();
    if (children[i] != 0) continue;
    spend(i == 0 ? 10'000'000 : 50'000'000, i == 0);
    ::_exit(0);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }
  const auto passed_us = static_cast<std::uint64_t>(monotonic_ns() - begin) / 1'000;
  const RateTally& tally = segment_.limits().type_rates[1][0].tally;
  EXPECT_LE(tally.granted.load(), passed_us + setting.depth() + passed_us / 100);
  EXPECT_GT(tally.granted.load(), setting.chunk());
  EXPECT_GT(tally.refused.load(), 0U);
}

}  // namespace
}  // namespace mabeam::shm
