// What is noted of agents: given with a create, changed by clients and by the agents themselves,
// kept whatever dies, in a pool that can be full.
#include "shm/agent_search.hpp"
#include "shm/event_log.hpp"
#include "shm/metadata.hpp"
#include "tests/worker/life_support.hpp"

#include <string>

namespace mabeam::worker {
namespace {

using shm::Kind;

using Texts = std::vector<std::string>;
using Told = std::vector<std::pair<std::string, std::string>>;

/// Notes of itself what a signal says, as its name says:
///   note  that    twice  "first", then that    clear  nothing, then that
///   child of a child that it makes
/// With "-fail" behind it, then fails; with "-stop" behind it, then stops. Its children note "born"
/// as they start.
struct Noted {
  static constexpr AgentType type{.name = "noted"};

  Result<> on_start(Context& context) const {
    return begins ? context.update_metadata("born") : Result<>{};
  }

  Result<> on_signal(Context& context, const Signal& signal) const {
    seen = {context.metadata()};
    const std::string_view what = signal.name();
    const std::string_view text = signal.payload().text();
    Result<> done;
    if (what.starts_with("twice")) done = context.update_metadata("first");
    if (what.starts_with("clear")) done = context.update_metadata("");
    if (what.starts_with("child")) {
      const Result<AgentId> made = context.create("noted", {.metadata = text});
      if (!made) done = fail(made.error());
    } else if (done) {
      done = context.update_metadata(text);
    }
    if (!done) return done;
    seen.push_back(context.metadata());
    if (what.ends_with("-stop")) return context.stop();
    return what.ends_with("-fail") ? fail(Errc::schema_mismatch) : Result<>{};
  }

  static inline bool begins = false;
  static inline Texts seen;  ///< by the last signal's handler, before and after
};

constexpr std::size_t kRecords = 8;
constexpr std::size_t kRoom = kRecords - 1;  // for agents: one is spare

class ShardMetadata : public LifeTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kHere = kTypes<Puppet, Stillborn, Noted>;

  ShardMetadata() : LifeTest(32) {
    Noted::begins = false;
    adopt_again();
  }

  void adopt_again() { adopt(0, ++incarnation_, kHere).value(); }

  AgentId create_noted(std::string_view text) {
    return create({.type = "noted", .metadata = text}).value();
  }

  [[nodiscard]] std::string noted(AgentId agent) const {
    return shm::read_metadata(segment_.agents(0), segment_.metadata(0), agent.slot());
  }

  void post_update(AgentId agent, std::string_view text) {
    post(agent, "update", text, {.kind = Kind::update});
  }

  Errc update(AgentId agent, std::string_view text) {
    post_update(agent, text);
    run();
    return take(Priority::high).front().code;
  }

  void tell(AgentId agent, std::string_view what, std::string_view text) {
    post(agent, what, text);
    run();
  }

  /// What is noted of an agent's children, by slot.
  [[nodiscard]] Texts of_children(AgentId parent) const {
    Texts texts;
    for (const AgentView& child : shm::find_agents(segment_, {.parent = parent}).agents)
      texts.push_back(noted(child.id));
    return texts;
  }

  /// How many more agents may be given metadata.
  std::size_t room() {
    std::vector<AgentId> made;
    for (;;) {
      const Result<AgentId> agent = create({.type = "noted", .metadata = "filler"});
      if (!agent) {
        EXPECT_EQ(agent.error().code, Errc::metadata_full);
        break;
      }
      made.push_back(*agent);
    }
    for (const AgentId agent : made)
      EXPECT_EQ(stop(agent), Errc{});
    return made.size();
  }

  static std::string json(AgentId id) {
    return R"({"id":")" + to_string(id) + R"(","type":"noted","reason":""})";
  }
};

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

// ---- the pool --------------------------------------------------------------------------------

TEST_F(ShardMetadata, FullPoolRefusesAndIsOtherwiseAtWork) {
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

TEST_F(ShardMetadata, BatchWithoutRoomMakesNone) {
  post_create({.type = "noted", .count = kRecords, .metadata = "some"});
  run();
  EXPECT_EQ(take(Priority::high).front().code, Errc::metadata_full);
  EXPECT_EQ(segment_.live_agents(), 0U);
  EXPECT_EQ(room(), kRoom);
}

TEST_F(ShardMetadata, CreateThatFailsGivesItBack) {
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

TEST_F(ShardMetadata, OutlivesRestartsOfAgentAndWorker) {
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

TEST_F(ShardMetadata, NextOwnerFindsWhatIsFree) {
  const AgentId first = create_noted("one");
  const AgentId second = create_noted("two");
  const AgentId third = create_noted("three");
  ASSERT_EQ(stop(second), Errc{});
  ASSERT_EQ(update(third, ""), Errc{});
  adopt_again();
  EXPECT_EQ(room(), kRoom - 1);
  EXPECT_EQ(noted(first), "one");
}

TEST_F(ShardMetadata, DeathBeforeTheCommitChangesNothing) {
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

TEST_F(ShardMetadata, DeathAfterTheCommitChangesItAll) {
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
