// Ids: one word, packed as drawn; 16 hexadecimal digits there and back.
#include "mabeam/ids.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <unordered_set>

namespace mabeam {
namespace {

TEST(AgentIds, PartsComeBack) {
  const AgentId id{EndpointId{200}, 0x123456, 0x89ABCDEF};
  EXPECT_EQ(id.endpoint(), EndpointId{200});
  EXPECT_EQ(id.slot(), 0x123456U);
  EXPECT_EQ(id.generation(), 0x89ABCDEFU);
  EXPECT_EQ(id.value(), 0xC812345689ABCDEFU);
  EXPECT_FALSE(id.is_client());
  EXPECT_TRUE((AgentId{EndpointId{9}, AgentId::kClientSlot, 0}.is_client()));
}

TEST(AgentIds, ASlotThatIsTooLargeTouchesNoOtherPart) {
  const AgentId id{EndpointId{1}, 0xFFFFFFFF, 2};
  EXPECT_EQ(id.endpoint(), EndpointId{1});
  EXPECT_EQ(id.generation(), 2U);
}

TEST(AgentIds, NobodyIsFalse) {
  EXPECT_FALSE(AgentId{});
  EXPECT_TRUE(AgentId{1});
}

TEST(AgentIds, AreSixteenDigits) {
  EXPECT_EQ(to_string(AgentId{}), "0000000000000000");
  EXPECT_EQ(to_string(AgentId{0x0123456789ABCDEF}), "0123456789abcdef");
  EXPECT_EQ(to_string(AgentId{~std::uint64_t{0}}), "ffffffffffffffff");
}

TEST(AgentIds, ComeBackFromTheirText) {
  std::mt19937_64 random{1};
  for (int i = 0; i < 1000; ++i) {
    const AgentId id{random()};
    EXPECT_EQ(parse_agent_id(to_string(id)), id);
  }
  EXPECT_EQ(parse_agent_id("0123456789ABCDEF"), AgentId{0x0123456789ABCDEF});
}

TEST(AgentIds, OtherTextIsNoId) {
  for (const char* text :
       {"", "1", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "0x23456789abcdef",
        "-123456789abcdef", "+123456789abcdef", " 123456789abcdef", "0123456789abcde "}) {
    EXPECT_EQ(parse_agent_id(text), std::nullopt) << text;
  }
}

TEST(AgentIds, CanBeKeys) {
  const std::unordered_set<AgentId> ids{AgentId{1}, AgentId{2}, AgentId{1}};
  EXPECT_EQ(ids.size(), 2U);
}

}  // namespace
}  // namespace mabeam
