// The layout: the default fits Docker's /dev/shm on every machine, regions follow each other, and
// dimensions out of range are refused.
#include "shm/layout.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

TEST(Layout, TheDefaultFitsTheBudgetOnEveryMachine) {
  for (const std::uint32_t cores : {1U, 2U, 4U, 8U, 16U, 64U, 128U, 192U, 1000U}) {
    const auto dimensions = choose_dimensions({}, cores);
    ASSERT_TRUE(dimensions) << cores;
    const auto layout = compute_layout(*dimensions);
    ASSERT_TRUE(layout) << cores;
    EXPECT_LE(layout->total_bytes, kDefaultBudget) << cores;
    EXPECT_GE(dimensions->shards, 4U) << cores;
    EXPECT_LE(dimensions->workers, dimensions->shards) << cores;
  }
}

TEST(Layout, SmallMachinesGetTheLargestDefaultRings) {
  const Dimensions d = choose_dimensions({}, 2).value();
  EXPECT_EQ(d.workers, 2U);
  EXPECT_EQ(d.shards, 4U);
  EXPECT_EQ(d.clients, 8U);
  EXPECT_EQ(d.ring_bytes, (std::array<std::uint64_t, 3>{16U << 10U, 64U << 10U, 16U << 10U}));
  EXPECT_EQ(d.block_bytes, 1U << 20U);
}

TEST(Layout, RingsArePowersOfTwoOfAtLeast4KiB) {
  for (std::uint32_t cores = 1; cores <= 200; ++cores) {
    const Dimensions d = choose_dimensions({}, cores).value();
    for (const std::uint64_t bytes : d.ring_bytes) {
      EXPECT_TRUE(std::has_single_bit(bytes));
      EXPECT_GE(bytes, 4096U);
    }
    EXPECT_TRUE(std::has_single_bit(d.block_bytes));
    EXPECT_GE(d.block_bytes, 64U << 10U);
    EXPECT_LE(d.block_bytes, 1U << 20U);
  }
}

TEST(Layout, WhatIsAskedForIsNotShrunk) {
  DimensionRequest request;
  request.workers = 8;
  request.shards = 64;
  request.normal_bytes = 1U << 20U;
  const Dimensions d = choose_dimensions(request, 4).value();
  EXPECT_EQ(d.workers, 8U);
  EXPECT_EQ(d.shards, 64U);
  EXPECT_EQ(d.ring_bytes[1], 1U << 20U);
  EXPECT_EQ(d.ring_bytes[0], 4096U);
  EXPECT_GT(compute_layout(d)->total_bytes, kDefaultBudget);
}

TEST(Layout, RegionsFollowEachOtherAndDoNotOverlap) {
  for (const std::uint32_t cores : {1U, 16U, 128U}) {
    const Layout layout = compute_layout(choose_dimensions({}, cores).value()).value();
    std::uint64_t end = 0;
    for (const RegionSpan& region : layout.regions) {
      EXPECT_EQ(region.offset, end);
      EXPECT_EQ(region.offset % 4096, 0U);
      EXPECT_GT(region.bytes, 0U);
      end = region.offset + region.bytes;
    }
    EXPECT_EQ(layout.total_bytes, end);
  }
}

TEST(Layout, RegionsHaveDifferentNames) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kRegions; ++i) {
    names.emplace(region_name(static_cast<Region>(i)));
  }
  EXPECT_EQ(names.size(), kRegions);
  EXPECT_EQ(region_name(Region::header), "header");
  EXPECT_EQ(region_name(Region::channels), "channels");
}

TEST(Layout, RequestsOutOfRangeAreRefused) {
  using Change = std::function<void(DimensionRequest&)>;
  const std::vector<Change> changes{
      [](auto& r) { r.workers = 0; },
      [](auto& r) { r.workers = 129; },
      [](auto& r) { r.shards = 0; },
      [](auto& r) { r.shards = 193; },
      [](auto& r) { r.shards = 0xFFFFFFFF; },
      [](auto& r) { r.workers = 0xFFFFFFFF; },
      [](auto& r) { r.clients = 0; },
      [](auto& r) { r.clients = 64; },
      [](auto& r) { r.max_agents = 0; },
      [](auto& r) { r.max_agents = kMaxAgents + 1; },
      [](auto& r) { r.max_state_bytes = (1U << 20U) + 1; },
      [](auto& r) { r.high_bytes = 2048; },
      [](auto& r) { r.normal_bytes = 5000; },
      [](auto& r) { r.low_bytes = 512U << 20U; },
      [](auto& r) { r.block_bytes = 2048; },
      [](auto& r) { r.block_bytes = 5000; },
      [](auto& r) { r.block_bytes = 2ULL << 30U; },
      [](auto& r) { r.log_bytes = 32U << 10U; },
      [](auto& r) { r.log_bytes = 8ULL << 30U; },
      [](auto& r) { r.log_bytes = 100'000; },
      [](auto& r) { r.span_bytes = 2048; },
      [](auto& r) { r.span_bytes = 5000; },
      [](auto& r) { r.span_bytes = 128U << 20U; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    DimensionRequest request;
    changes[i](request);
    const auto dimensions = choose_dimensions(request, 4);
    ASSERT_FALSE(dimensions) << "change " << i;
    EXPECT_EQ(dimensions.error().code, Errc::invalid_argument);
  }
}

TEST(Layout, TheLargestRequestIsLaidOutWithoutOverflow) {
  DimensionRequest request;
  request.workers = 128;
  request.shards = 192;
  request.clients = 63;
  request.max_agents = kMaxAgents;
  request.max_state_bytes = kMaxStateBytes;
  request.high_bytes = request.normal_bytes = request.low_bytes = 256U << 20U;
  request.log_bytes = 4ULL << 30U;
  request.block_bytes = 1U << 30U;
  const Layout layout = compute_layout(choose_dimensions(request, 1).value()).value();
  EXPECT_EQ(layout.dimensions.endpoints(), kMaxEndpoints);
  EXPECT_GT(layout.total_bytes, std::uint64_t{kMaxAgents} * kMaxStateBytes * 2);
  EXPECT_LT(layout.total_bytes, std::uint64_t{1} << 60U);
}

TEST(Layout, DamagedDimensionsAreRefused) {
  using Change = std::function<void(Dimensions&)>;
  const std::vector<Change> changes{
      [](auto& d) { d.agents_per_shard = 0; },
      [](auto& d) { d.agents_per_shard = AgentId::kClientSlot; },
      [](auto& d) { d.names_per_shard = 3; },
      [](auto& d) { d.subscriptions_per_endpoint = 0; },
      [](auto& d) { d.subscriptions_per_endpoint = 1U << 30U; },
      [](auto& d) { d.timers_per_shard = 0; },
      [](auto& d) { d.timers_per_shard = kMaxTimers + 1; },
      [](auto& d) { d.metadata_per_shard = 1; },
      [](auto& d) { d.metadata_per_shard = kMaxAgents + 1; },
      [](auto& d) { d.symbol_slots = 100; },
      [](auto& d) { d.symbol_slots = 1U << 30U; },
      [](auto& d) { d.symbol_text_bytes = 1; },
      [](auto& d) { d.ring_bytes[2] = 0; },
      [](auto& d) { d.log_bytes = 0; },
      [](auto& d) { d.dead_letter_bytes = 3; },
      [](auto& d) { d.span_bytes = 3; },
      [](auto& d) { d.block_bytes = 64; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Dimensions dimensions = small_dimensions();
    changes[i](dimensions);
    EXPECT_FALSE(compute_layout(dimensions)) << "change " << i;
  }
}

TEST(Layout, EveryAgentOfARuntimeFitsIntoItsShards) {
  for (const std::uint32_t max_agents : {1U, 100U, 16384U, 1'000'000U, kMaxAgents}) {
    DimensionRequest request;
    request.max_agents = max_agents;
    const Dimensions d = choose_dimensions(request, 4).value();
    EXPECT_GE(std::uint64_t{d.agents_per_shard} * d.shards, max_agents);
    EXPECT_GE(d.names_per_shard, d.agents_per_shard);
    EXPECT_GE(d.metadata_per_shard, std::max(64U, d.agents_per_shard / 8));
  }
}

TEST(Layout, TheHashIsTheSameEveryTime) {
  EXPECT_EQ(layout_hash(), layout_hash());
  EXPECT_NE(layout_hash(), 0U);
}

}  // namespace
}  // namespace mabeam::shm
