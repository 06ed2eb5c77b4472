// What the bus hears of agents' lives.
#include "shm/event_log.hpp"
#include "tests/worker/life_support.hpp"

namespace mabeam::worker {
namespace {

using Told = std::vector<std::pair<std::string, std::string>>;

class ShardLifecycleEvents : public LifeTest {
 protected:
  ShardLifecycleEvents() : LifeTest(32) {}

  static std::string json(AgentId id, std::string_view type, std::string_view reason) {
    return R"({"id":")" + to_string(id) + R"(","type":")" + std::string{type} + R"(","reason":")" +
           std::string{reason} + R"("})";
  }

  void fail_once(AgentId agent) {
    post(agent, "fail", Task{.value = 5});
    run();
  }
};

TEST_F(ShardLifecycleEvents, NobodyListensNothingIsTold) {
  const AgentId agent = create({.type = "mayfly"}).value();
  fail_once(agent);
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(record().events_published, 0U);
}

TEST_F(ShardLifecycleEvents, StartAndStop) {
  listen("agent.>");
  const AgentId agent = create({.type = "steady"}).value();
  EXPECT_EQ(told(), (Told{{"agent.started", json(agent, "steady", "")}}));
  ASSERT_EQ(stop(agent), Errc{});
  EXPECT_EQ(told().back(), (Told::value_type{"agent.stopped", json(agent, "steady", "")}));
}

TEST_F(ShardLifecycleEvents, OnlyWhatSomebodyWantsIsTold) {
  listen("agent.stopped");
  const AgentId agent = create({.type = "steady"}).value();
  fail_once(agent);
  ASSERT_EQ(stop(agent), Errc{});
  EXPECT_EQ(told(), (Told{{"agent.stopped", json(agent, "steady", "")}}));
}

TEST_F(ShardLifecycleEvents, SourceIsTheAgent) {
  listen("agent.>");
  const AgentId agent = create({.type = "steady"}).value();
  auto log = shm::EventLogObserver::open(segment_.log(1), segment_.endpoints()).value();
  log.start_at_oldest();
  shm::RecordHeader header{};
  std::vector<std::byte> body;
  ASSERT_TRUE(log.next(header, body).value());
  shm::MessageHeader message;
  std::memcpy(&message, body.data(), sizeof message);
  EXPECT_EQ(message.source, agent.value());
  EXPECT_EQ(message.content, static_cast<std::uint32_t>(Content::json));
}

TEST_F(ShardLifecycleEvents, ReasonOfAStopIsTold) {
  listen("agent.stopped");
  const AgentId parent = create({.type = "breeder"}).value();
  const AgentId child = breed(parent, "steady").front();
  shm::StopRequest request{.with_children = 1, .reason_length = 10};
  std::memcpy(request.reason.data(), "moved\n\"up\"", 10);
  post(parent, "stop", request, {.kind = shm::Kind::stop});
  run();
  EXPECT_EQ(told(), (Told{{"agent.stopped", json(child, "steady", R"(moved\u000a\"up\")")},
                          {"agent.stopped", json(parent, "breeder", R"(moved\u000a\"up\")")}}));
}

TEST_F(ShardLifecycleEvents, FailureAndRestart) {
  const AgentId agent = create({.type = "phoenix"}).value();
  listen("agent.>");
  fail_once(agent);
  const std::string told_of = json(agent, "phoenix", "schema_mismatch");
  EXPECT_EQ(told(), (Told{{"agent.failed", told_of}, {"agent.restarted", told_of}}));
}

TEST_F(ShardLifecycleEvents, FailureThatStops) {
  const AgentId agent = create({.type = "mayfly"}).value();
  listen("agent.>");
  fail_once(agent);
  const std::string told_of = json(agent, "mayfly", "schema_mismatch");
  EXPECT_EQ(told(), (Told{{"agent.failed", told_of}, {"agent.stopped", told_of}}));
}

TEST_F(ShardLifecycleEvents, RestartThatWasAskedFor) {
  const AgentId agent = create({.type = "steady"}).value();
  listen("agent.restarted");
  post(agent, "restart", {}, {.kind = shm::Kind::restart});
  run();
  EXPECT_EQ(told(), (Told{{"agent.restarted", json(agent, "steady", "asked")}}));
}

TEST_F(ShardLifecycleEvents, StartThatIsUndoneIsNotTold) {
  listen("agent.>");
  Moody::refuses_to_start = true;
  EXPECT_FALSE(create({.type = "steady"}));
  const AgentId parent = create({.type = "puppet"}).value();
  post(parent, "make-fail", Task{.value = 1});
  run();
  EXPECT_EQ(told(), (Told{{"agent.started", json(parent, "puppet", "")},
                          {"agent.failed", json(parent, "puppet", "schema_mismatch")}}));
}

/// Fails at whatever it hears.
struct Clumsy {
  static constexpr AgentType type{.name = "clumsy"};

  Result<> on_event(Context& /*context*/, const Event& /*event*/) const {
    return fail(Errc::schema_mismatch);
  }
};

// Else it would fail at its own failure, and so on for ever.
TEST_F(ShardLifecycleEvents, FailureAtSuchAnEventIsNotTold) {
  ASSERT_TRUE(adopt(0, ++incarnation_, kTypes<Puppet, Clumsy>));
  const AgentId clumsy = create({.type = "clumsy", .subscribe = {"agent.>"}}).value();
  const AgentId other = create().value();
  run();
  EXPECT_EQ(told(), (Told{{"agent.started", json(other, "puppet", "")}}));
  EXPECT_EQ(header(clumsy).failures, 1U) << "counted all the same";
}

TEST_F(ShardLifecycleEvents, FullLogHoldsTheMessageBack) {
  const AgentId emitter = create().value();
  listen("agent.>");
  auto reader = shm::EventLogReader::open(segment_.log(1), segment_.endpoints(), kSecondClient);
  reader->join();
  for (int i = 0; i < 4; ++i)
    post(emitter, "emit", Task{.value = 1, .bytes = kQuarterLog});
  run();
  const std::uint64_t before = record().events_published;
  ASSERT_EQ(before, 4U);
  std::uint64_t made = 0;
  // What is left of the log holds a few more.
  for (; !shard().is_waiting() && made < 20; ++made) {
    post_create({.type = "puppet"});
    run();
  }
  ASSERT_TRUE(shard().is_waiting());
  EXPECT_EQ(record().agents_live, made) << "the emitter, and all but the last";
  EXPECT_EQ(record().events_published, before + made - 1);
  reader->skip_all();
  reader->release();
  run();
  EXPECT_FALSE(shard().is_waiting());
  EXPECT_EQ(record().agents_live, made + 1);
  EXPECT_EQ(record().events_published, before + made);
}

TEST_F(ShardLifecycleEvents, DeathAfterTheCommitTellsOnce) {
  listen("agent.>");
  const AgentId agent = create({.type = "mayfly"}).value();
  post(agent, "fail", Task{.value = 5});
  commit_and_die();
  EXPECT_EQ(told().size(), 1U);
  adopt_anew();
  run();
  EXPECT_EQ(told().size(), 3U);
}

}  // namespace
}  // namespace mabeam::worker
