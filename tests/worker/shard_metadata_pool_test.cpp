// The pool of metadata: it can be full, what failed gives its records back, and the next owner
// finds what is free.
#include "tests/worker/metadata_support.hpp"

namespace mabeam::worker {
namespace {

using shm::Kind;
using ShardMetadataPool = ShardMetadata;

TEST_F(ShardMetadataPool, FullPoolRefusesAndIsOtherwiseAtWork) {
  std::vector<AgentId> agents;
  for (std::size_t i = 0; i < kRoom; ++i)
    agents.push_back(create_noted("some"));
  EXPECT_EQ(create({.type = "noted", .metadata = "more"}).error().code, Errc::metadata_full);
  const AgentId bare = create({.type = "noted"}).value();
  EXPECT_EQ(update(bare, "more"), Errc::metadata_full);
  EXPECT_EQ(segment_.live_agents(), kRoom + 1);
  EXPECT_EQ(update(agents[0], "other"), Errc{}) << "who has some can be given other";
  EXPECT_EQ(update(agents[1], ""), Errc{});
  EXPECT_EQ(update(bare, "more"), Errc{});
  EXPECT_EQ(update(agents[1], "back"), Errc::metadata_full);
  ASSERT_EQ(stop(agents[2]), Errc{});
  EXPECT_EQ(update(agents[1], "back"), Errc{});
  EXPECT_EQ(room(), 0U);
}

TEST_F(ShardMetadataPool, BatchWithoutRoomMakesNone) {
  post_create({.type = "noted", .count = kRecords, .metadata = "some"});
  run();
  EXPECT_EQ(take(Priority::high).front().code, Errc::metadata_full);
  EXPECT_EQ(segment_.live_agents(), 0U);
  EXPECT_EQ(room(), kRoom);
}

TEST_F(ShardMetadataPool, CreateThatFailsGivesItBack) {
  for (int i = 0; i < 20; ++i)
    EXPECT_FALSE(create({.type = "stillborn", .metadata = "some"}));
  std::string name = "bob";
  while (shm::shard_of_name(name, 2) != 0)
    name += 'b';
  ASSERT_TRUE(create({.type = "puppet", .name = name, .metadata = "some"}));
  for (int i = 0; i < 20; ++i) {
    const auto again = create({.type = "puppet", .name = name, .metadata = "some"});
    EXPECT_EQ(again.error().code, Errc::name_taken);
  }
  EXPECT_EQ(room(), kRoom - 1);
}

// ---- what dies -------------------------------------------------------------------------------

TEST_F(ShardMetadataPool, OutlivesRestartsOfAgentAndWorker) {
  const AgentId agent = create_noted("kept");
  post(agent, "restart", {}, {.kind = Kind::restart});
  run();
  ASSERT_EQ(take(Priority::high).front().code, Errc{});
  EXPECT_EQ(noted(agent), "kept");
  adopt_again();
  EXPECT_EQ(noted(agent), "kept");
  EXPECT_EQ(update(agent, "other"), Errc{});
  EXPECT_EQ(noted(agent), "other");
}

TEST_F(ShardMetadataPool, NextOwnerFindsWhatIsFree) {
  const AgentId first = create_noted("one");
  const AgentId second = create_noted("two");
  const AgentId third = create_noted("three");
  ASSERT_EQ(stop(second), Errc{});
  ASSERT_EQ(update(third, ""), Errc{});
  adopt_again();
  EXPECT_EQ(room(), kRoom - 1);
  EXPECT_EQ(noted(first), "one");
}

TEST_F(ShardMetadataPool, DeathBeforeTheCommitChangesNothing) {
  const AgentId agent = create_noted("one");
  post_update(agent, "two");
  // A record is written by then, and no word.
  for (shm::MetadataRecord& record : segment_.metadata(0)) {
    if (record.view() != "one") record.text.fill('?');
  }
  adopt_again();
  EXPECT_EQ(noted(agent), "one");
  run();
  EXPECT_EQ(take(Priority::high).size(), 1U);
  EXPECT_EQ(noted(agent), "two");
  EXPECT_EQ(room(), kRoom - 1);
}

TEST_F(ShardMetadataPool, DeathAfterTheCommitChangesItAll) {
  listen("agent.updated");
  const AgentId agent = create_noted("one");
  for (const std::string_view text : {"two", ""}) {
    post_update(agent, text);
    commit_and_die();
    EXPECT_NE(noted(agent), text);
    adopt_again();
    EXPECT_EQ(noted(agent), text);
    run();
    EXPECT_EQ(take(Priority::high).size(), 1U);
  }
  EXPECT_EQ(told().size(), 2U);
  EXPECT_EQ(room(), kRoom);
}

}  // namespace
}  // namespace mabeam::worker
