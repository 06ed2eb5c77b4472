#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace mabeam {
namespace {

using tests::SegmentFiller;
using tests::TestSegment;

class ObserverInspect : public ::testing::Test {
 protected:
  void SetUp() override { filler_.start(); }

  [[nodiscard]] Observer observe() const { return Observer::attach(segment_.name()).value(); }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
};

TEST_F(ObserverInspect, TellsEverythingOfOneAgent) {
  constexpr std::array<std::string_view, 2> kPatterns{"job.*", "pkg.>"};
  filler_.create("echo", {.subscribe = kPatterns});
  const AgentId id = filler_.create("counter", {.subscribe = kPatterns});
  const shm::AgentTable table = segment_.get().agents(0);
  shm::AgentRecord& record = table.record(id.slot());
  shm::AgentProfile& profile = table.profile(id.slot());
  profile.parent = AgentId(static_cast<EndpointId>(3), AgentId::kClientSlot, 0).value();
  std::byte* half = table.half(id.slot(), record.version.load());
  shm::StateHeader header{};
  std::memcpy(&header, half, sizeof header);
  header.failures = 3;
  header.restarts = 2;
  header.reason = static_cast<std::uint16_t>(Errc::incompatible);
  std::memcpy(half, &header, sizeof header);
  std::memset(half + sizeof header, 0x41, 8);
  const AgentDetail detail = observe().inspect(id).value();
  EXPECT_EQ(detail.agent.id, id);
  EXPECT_EQ(detail.agent.type, "counter");
  EXPECT_EQ(detail.parent.value(), profile.parent);
  EXPECT_EQ(detail.created_unix_ns, profile.created_unix_ns);
  EXPECT_EQ(detail.failures, 3U);
  EXPECT_EQ(detail.restarts, 2U);
  EXPECT_EQ(detail.reason, "incompatible");
  EXPECT_EQ(detail.state_version, 1U);
  EXPECT_EQ(detail.state_bytes, 8U);
  EXPECT_EQ(detail.state, std::vector<std::byte>(8, std::byte{0x41}));
  EXPECT_EQ(detail.subscriptions, (std::vector<std::string>{"job.*", "pkg.>"}));
}

TEST_F(ObserverInspect, TellsWhatIsNotedOfIt) {
  const AgentId noted = filler_.create("counter", {.metadata = R"({"owner":"ops"})"});
  const AgentId bare = filler_.create("counter");
  EXPECT_EQ(observe().inspect(noted)->metadata, R"({"owner":"ops"})");
  EXPECT_EQ(observe().inspect(bare)->metadata, "");
}

TEST_F(ObserverInspect, MetadataThatIsDamagedIsNone) {
  const AgentId id = filler_.create("counter", {.metadata = "text"});
  const auto records = static_cast<std::uint32_t>(segment_.get().metadata(0).size());
  for (const std::uint32_t record : {records, shm::MetadataWord::kNone - 1}) {
    segment_.get().agents(0).profile(id.slot()).metadata.store(shm::MetadataWord{1, record}.pack());
    EXPECT_EQ(observe().inspect(id)->metadata, "");
  }
}

TEST_F(ObserverInspect, AgentThatIsGoneIsNotFound) {
  const AgentId id = filler_.create("counter");
  filler_.end(id);
  EXPECT_EQ(observe().inspect(id).error().code, Errc::not_found);
  EXPECT_EQ(observe().inspect(AgentId{}).error().code, Errc::not_found);
}

TEST_F(ObserverInspect, StateThatSaysItIsLargerThanItsRoomIsCut) {
  const AgentId id = filler_.create("counter");
  const shm::AgentTable table = segment_.get().agents(0);
  std::byte* half = table.half(id.slot(), table.record(id.slot()).version.load());
  const std::uint32_t bytes = 0xFFFFFFFF;
  std::memcpy(half + offsetof(shm::StateHeader, bytes), &bytes, sizeof bytes);
  EXPECT_EQ(observe().inspect(id)->state->size(), table.max_state_bytes());
}

TEST_F(ObserverInspect, TypesAreListedByName) {
  filler_.create("zebra");
  filler_.create("zebra");
  const shm::TypeTable table = segment_.get().types();
  ASSERT_TRUE(table.publish(filler_.symbol("zebra"), {.state_bytes = 8,
                                                      .state_version = 2,
                                                      .can_describe = true,
                                                      .module = "/lib/z.so",
                                                      .actions = {{"run", "runs"}}}));
  ASSERT_TRUE(table.publish(filler_.symbol("ant"), {.is_serialized = true, .is_durable = false}));
  const std::vector<TypeView> types = observe().types();
  ASSERT_EQ(types.size(), 2U);
  EXPECT_EQ(types[0].name, "ant");
  EXPECT_EQ(types[0].agents, 0U);
  EXPECT_EQ(types[0].state_bytes, segment_.get().dimensions().max_state_bytes);
  EXPECT_TRUE(types[0].is_serialized);
  EXPECT_FALSE(types[0].is_durable);
  EXPECT_EQ(types[1].name, "zebra");
  EXPECT_EQ(types[1].agents, 2U);
  EXPECT_EQ(types[1].state_version, 2U);
  EXPECT_EQ(types[1].state_bytes, 8U);
  EXPECT_EQ(types[1].module, "/lib/z.so");
  EXPECT_TRUE(types[1].can_describe);
  EXPECT_TRUE(types[1].is_durable);
  ASSERT_EQ(types[1].actions.size(), 1U);
  EXPECT_EQ(types[1].actions[0].name, "run");
  EXPECT_EQ(types[1].actions[0].description, "runs");
}

TEST_F(ObserverInspect, TellsWhetherTheStateIsDurable) {
  const AgentId id = filler_.create("zebra");
  EXPECT_TRUE(observe().inspect(id)->is_durable);
  segment_.get().agents(static_cast<std::uint32_t>(id.endpoint()) - 1).record(id.slot()).storage =
      shm::kTransient;
  EXPECT_FALSE(observe().inspect(id)->is_durable);
}

TEST_F(ObserverInspect, DamagedTypeIsLeftOutAndFoundByVerify) {
  ASSERT_TRUE(segment_.get().types().publish(filler_.symbol("ant"), {}));
  EXPECT_EQ(observe().verify().damage_total, 0U);
  auto* header = reinterpret_cast<shm::TypeTable::Header*>(
      segment_.get().bytes().data() + segment_.get().layout()[shm::Region::types].offset);
  header->slots[0].info.store(~std::uint64_t{0});
  EXPECT_TRUE(observe().types().empty());
  EXPECT_EQ(observe().verify().damage_total, 1U);
}

}  // namespace
}  // namespace mabeam
