// Agents by what they are: types, capabilities, names, parents, pages.
#include "shm/agent_search.hpp"

#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

using Names = std::vector<std::string>;

class AgentSearch : public ::testing::Test {
 protected:
  void SetUp() override { filler_.start(); }

  AgentId put(std::string_view name, std::vector<std::string_view> capabilities = {}) {
    return filler_.create("counter", {.name = name, .capabilities = capabilities});
  }

  Names names(const AgentFilter& filter) {
    Names found;
    for (const AgentView& agent : find_agents(segment_.get(), filter).agents)
      found.push_back(agent.name);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(count_agents(segment_.get(), filter), found.size());
    return found;
  }

  tests::TestSegment segment_;
  tests::SegmentFiller filler_{segment_.get()};
};

TEST_F(AgentSearch, AllCapabilitiesOrAnyOfThem) {
  put("a", {"fast", "cheap"});
  put("b", {"fast"});
  put("c", {"good"});
  put("d");
  EXPECT_EQ(names({.all_capabilities = {"fast", "cheap"}}), (Names{"a"}));
  EXPECT_EQ(names({.any_capabilities = {"cheap", "good"}}), (Names{"a", "c"}));
  EXPECT_EQ(names({.capability = "fast", .any_capabilities = {"cheap", "good"}}), (Names{"a"}));
  EXPECT_EQ(names({.all_capabilities = {"fast", "never seen"}}), Names{});
  EXPECT_EQ(names({.any_capabilities = {"good", "never seen"}}), (Names{"c"}));
  EXPECT_EQ(names({.any_capabilities = {"never seen"}}), Names{});
}

TEST_F(AgentSearch, NamesMatchAPattern) {
  put("jobs.1");
  put("jobs.22");
  put("old-jobs.1");
  filler_.create("counter");
  EXPECT_EQ(names({.name = "jobs.1"}), (Names{"jobs.1"}));
  EXPECT_EQ(names({.name = "jobs*"}), (Names{"jobs.1", "jobs.22"}));
  EXPECT_EQ(names({.name = "jobs.?"}), (Names{"jobs.1"}));
  EXPECT_EQ(names({.name = "*jobs*1"}), (Names{"jobs.1", "old-jobs.1"}));
  EXPECT_EQ(names({.name = "jobs"}), Names{});
}

TEST_F(AgentSearch, PatternsTakeLinearTime) {
  EXPECT_TRUE(matches_name("", ""));
  EXPECT_TRUE(matches_name("*", ""));
  EXPECT_FALSE(matches_name("?", ""));
  EXPECT_TRUE(matches_name("**a**", "bab"));
  EXPECT_TRUE(matches_name("*aab", "aaaab"));
  EXPECT_FALSE(matches_name("a*b", "a"));
  std::string stars;
  for (int i = 0; i < 30; ++i)
    stars += "*a";
  EXPECT_FALSE(matches_name(stars + "b", std::string(63, 'a')));
}

TEST_F(AgentSearch, ChildrenAreFoundByTheirParent) {
  const AgentId parent = put("parent");
  const AgentId child = put("child");
  const auto shard = static_cast<std::uint32_t>(child.endpoint()) - 1;
  segment_.get().agents(shard).profile(child.slot()).parent = parent.value();
  EXPECT_EQ(names({.parent = parent}), (Names{"child"}));
  const AgentList found = find_agents(segment_.get(), {.parent = parent});
  EXPECT_EQ(found.agents.at(0).parent, parent);
}

TEST_F(AgentSearch, PagesMakeUpTheWhole) {
  for (int i = 0; i < 7; ++i)
    put("agent" + std::to_string(i));
  Names all;
  for (std::size_t offset = 0; offset < 9; offset += 3) {
    const AgentList page = find_agents(segment_.get(), {.limit = 3, .offset = offset});
    EXPECT_EQ(page.total, 7U);
    for (const AgentView& agent : page.agents)
      all.push_back(agent.name);
  }
  EXPECT_EQ(all.size(), 7U);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, names({}));
}

}  // namespace
}  // namespace mabeam::shm
