// What is noted of agents: given with a create, changed by clients and by the agents themselves,
// and told.
#include "shm/event_log.hpp"
#include "tests/worker/metadata_support.hpp"

#include <array>
#include <cstring>

namespace mabeam::worker {
namespace {

using shm::Kind;

TEST_F(ShardMetadata, ComesWithTheCreate) {
  EXPECT_EQ(noted(create_noted(R"({"owner":"ops"})")), R"({"owner":"ops"})");
  const std::string longest(255, 'x');
  EXPECT_EQ(noted(create_noted(longest)), longest);
  EXPECT_EQ(noted(create({.type = "noted"}).value()), "");
}

TEST_F(ShardMetadata, EveryAgentOfACreateHasItsOwn) {
  post_create({.type = "noted", .count = 3, .metadata = "all"});
  run();
  const Letter reply = take(Priority::high).front();
  ASSERT_EQ(reply.payload.size(), 3 * sizeof(AgentId));
  std::array<AgentId, 3> agents;
  std::memcpy(agents.data(), reply.payload.data(), sizeof agents);
  EXPECT_EQ(update(agents[1], "other"), Errc{});
  EXPECT_EQ(noted(agents[0]), "all");
  EXPECT_EQ(noted(agents[1]), "other");
  EXPECT_EQ(noted(agents[2]), "all");
}

TEST_F(ShardMetadata, GoesBesideAnInitialState) {
  const Task task{.value = 4};
  Memory memory;
  memory.sum = 77;
  const std::string_view bytes{reinterpret_cast<const char*>(&memory), sizeof memory};
  const AgentId agent = create({.initial = bytes, .metadata = "both"}).value();
  EXPECT_EQ(noted(agent), "both");
  post(agent, "any", task);
  run();
  EXPECT_EQ(state(agent).sum, 81);
}

TEST_F(ShardMetadata, IsReplacedAndRemoved) {
  const AgentId agent = create({.type = "noted"}).value();
  EXPECT_EQ(update(agent, "one"), Errc{});
  EXPECT_EQ(noted(agent), "one");
  EXPECT_EQ(update(agent, "two"), Errc{});
  EXPECT_EQ(noted(agent), "two");
  EXPECT_EQ(update(agent, ""), Errc{});
  EXPECT_EQ(noted(agent), "");
  EXPECT_EQ(room(), kRoom);
}

TEST_F(ShardMetadata, RecordInForceIsNotWritten) {
  const AgentId agent = create_noted("one");
  const auto word = shm::MetadataWord::unpack(segment_.agents(0).profile(agent.slot()).metadata);
  EXPECT_EQ(update(agent, "two"), Errc{});
  EXPECT_EQ(segment_.metadata(0)[word.record].view(), "one");
  const auto next = shm::MetadataWord::unpack(segment_.agents(0).profile(agent.slot()).metadata);
  EXPECT_EQ(next.serial, word.serial + 1);
}

TEST_F(ShardMetadata, WhatIsNoTextIsRefused) {
  const AgentId agent = create_noted("kept");
  const std::string too_long(256, 'x');
  const std::string has_zero("a\0b", 3);
  for (const std::string& text : {too_long, has_zero}) {
    EXPECT_EQ(update(agent, text), Errc::invalid_argument);
    EXPECT_EQ(create({.type = "noted", .metadata = text}).error().code, Errc::invalid_argument);
    tell(agent, "note", text);
    EXPECT_EQ(header(agent).failures, text == too_long ? 1U : 2U);
  }
  EXPECT_EQ(noted(agent), "kept");
  EXPECT_EQ(room(), kRoom - 1);
}

TEST_F(ShardMetadata, CreateThatIsShorterThanItSaysIsRefused) {
  shm::CreateRequest request;
  request.metadata_length = 1;
  post({EndpointId{1}, 0, 0}, "noted", std::as_bytes(std::span{&request, 1}),
       {.kind = Kind::create});
  run();
  EXPECT_EQ(take(Priority::high).front().code, Errc::invalid_argument);
}

TEST_F(ShardMetadata, OneThatIsGoneIsNotFound) {
  const AgentId agent = create_noted("one");
  ASSERT_EQ(stop(agent), Errc{});
  EXPECT_EQ(update(agent, "two"), Errc::not_found);
  const AgentId next = create({.type = "noted"}).value();
  EXPECT_EQ(next.slot(), agent.slot());
  EXPECT_EQ(noted(next), "");
}

TEST_F(ShardMetadata, SuspendedAgentsIsChangedAtOnce) {
  const AgentId agent = create_noted("one");
  post(agent, "suspend", {}, {.kind = Kind::suspend});
  run();
  take(Priority::high);
  EXPECT_EQ(update(agent, "two"), Errc{});
  EXPECT_EQ(noted(agent), "two");
}

// ---- by handlers -----------------------------------------------------------------------------

TEST_F(ShardMetadata, AgentChangesItsOwn) {
  const AgentId agent = create_noted("one");
  tell(agent, "note", "two");
  EXPECT_EQ(noted(agent), "two");
  tell(agent, "twice", "last");
  EXPECT_EQ(noted(agent), "last");
  tell(agent, "clear", "again");
  EXPECT_EQ(noted(agent), "again");
  tell(agent, "clear", "");
  EXPECT_EQ(noted(agent), "");
  EXPECT_EQ(room(), kRoom);
}

TEST_F(ShardMetadata, AgentReadsItsOwnAsItsMessageLeavesIt) {
  const AgentId agent = create_noted("one");
  tell(agent, "note", "two");
  EXPECT_EQ(Noted::seen, (Texts{"one", "two"}));
  tell(agent, "clear", "");
  EXPECT_EQ(Noted::seen, (Texts{"two", ""}));
  tell(agent, "clear", "three");
  EXPECT_EQ(Noted::seen, (Texts{"", "three"}));
}

TEST_F(ShardMetadata, FailureUndoesIt) {
  const AgentId agent = create_noted("one");
  for (const std::string_view what : {"note-fail", "twice-fail", "clear-fail", "child-fail"}) {
    tell(agent, what, "two");
    EXPECT_EQ(noted(agent), "one") << what;
  }
  EXPECT_EQ(room(), kRoom - 1);
}

TEST_F(ShardMetadata, EndInTheSameMessageFreesAll) {
  for (const std::string_view what : {"note-stop", "twice-stop", "clear-stop"})
    tell(create_noted("one"), what, "two");
  EXPECT_EQ(segment_.live_agents(), 0U);
  EXPECT_EQ(room(), kRoom);
}

TEST_F(ShardMetadata, ChildHasWhatItIsGivenOrWhatItsStartNotes) {
  const AgentId parent = create({.type = "noted"}).value();
  tell(parent, "child", "given");
  EXPECT_EQ(of_children(parent), Texts{"given"});
  Noted::begins = true;
  tell(parent, "child", "given");
  EXPECT_EQ(of_children(parent), (Texts{"given", "born"}));
  tell(parent, "child", "");
  EXPECT_EQ(of_children(parent), (Texts{"given", "born", "born"}));
  EXPECT_EQ(room(), kRoom - 3);
}

// ---- what is told ----------------------------------------------------------------------------

TEST_F(ShardMetadata, EachChangeIsTold) {
  const AgentId agent = create_noted("one");
  listen("agent.>");
  EXPECT_EQ(update(agent, "two"), Errc{});
  tell(agent, "note", "three");
  EXPECT_EQ(update(agent, ""), Errc{});
  const Told::value_type event{"agent.updated", json(agent)};
  EXPECT_EQ(told(), (Told{event, event, event}));
}

TEST_F(ShardMetadata, NoChangeIsNotTold) {
  const AgentId agent = create_noted("one");
  const AgentId bare = create({.type = "noted"}).value();
  const std::uint64_t word = segment_.agents(0).profile(agent.slot()).metadata.load();
  listen("agent.updated");
  EXPECT_EQ(update(agent, "one"), Errc{});
  EXPECT_EQ(update(bare, ""), Errc{});
  tell(agent, "note", "one");
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(segment_.agents(0).profile(agent.slot()).metadata.load(), word);
}

TEST_F(ShardMetadata, WhatAnAgentBeginsWithIsToldByItsStart) {
  Noted::begins = true;
  listen("agent.>");
  const AgentId agent = create_noted("one");
  EXPECT_EQ(noted(agent), "born");
  EXPECT_EQ(told(), (Told{{"agent.started", json(agent)}}));
}

TEST_F(ShardMetadata, FullLogHoldsTheUpdateBack) {
  const AgentId agent = create_noted("one");
  const AgentId emitter = create().value();
  auto reader = shm::EventLogReader::open(segment_.log(1), segment_.endpoints(), kSecondClient);
  listen(">");
  reader->join();
  while (!shard().is_waiting())
    tell(emitter, "emit", {});
  EXPECT_TRUE(shard().is_waiting());
  post_update(agent, "two");
  run();
  EXPECT_EQ(noted(agent), "one");
  reader->skip_all();
  reader->release();
  run();
  EXPECT_EQ(noted(agent), "two");
}

}  // namespace
}  // namespace mabeam::worker
