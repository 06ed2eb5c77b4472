// Events of a whole runtime: history and its commands, replays, many subscribers and patterns, and
// what is left of subscribers that died.
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class EventsTest : public RuntimeFixture {
 protected:
  void start_runtime(const std::string& more = {}) {
    configure("[runtime]\nworkers = 2\nshards = 4\n" + more);
    start_ready();
  }

  std::int64_t count(Client& client, AgentId agent) {
    return client.call(agent, "get")->payload().as<std::int64_t>().value();
  }

  [[nodiscard]] std::size_t patterns() const {
    return Observer::attach(name())->topics()->patterns.size();
  }
};

TEST_F(EventsTest, HistoryIsShownAndReplayed) {
  start_runtime();
  ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", "late"}).exit, 0);
  for (const std::string text : {"1", "2", "3"})
    ASSERT_EQ(mabeam({"emit", "job.done", text}).exit, 0);
  ASSERT_EQ(mabeam({"emit", "other", "4"}).exit, 0);

  const Json all = mabeam({"history", "job.*", "--json"}).json();
  EXPECT_EQ(all["schema_version"], 1);
  EXPECT_EQ(all["events"].size(), 3U);
  EXPECT_EQ(all["gone"], 0);
  const Json last = mabeam({"history", "job.*", "--last", "1", "--json"}).json();
  ASSERT_EQ(last["events"].size(), 1U);
  EXPECT_EQ(last["events"][0]["payload_text"], "3");
  const std::string log = std::to_string(last["events"][0]["log"].get<int>());
  const std::string number = std::to_string(last["events"][0]["sequence"].get<int>());
  const Json rest =
      mabeam({"history", "--log", log, "--from", log + ":" + number, "--json"}).json();
  EXPECT_EQ(rest["events"][0]["payload_text"], "3");
  EXPECT_THAT(mabeam({"history"}).out, HasSubstr("job.done"));
  EXPECT_EQ(mabeam({"history", "--log", "999"}).exit, 64);
  EXPECT_EQ(mabeam({"history", "--from", "3"}).exit, 64);
  EXPECT_EQ(mabeam({"history", "a..b"}).exit, 64);
  EXPECT_EQ(mabeam({"history", "--source", "nobody"}).exit, 1);
  const Json tail = mabeam({"tail", "job.*", "--since", "1h", "--count", "3", "--json"}).json();
  EXPECT_TRUE(tail.is_discarded()) << "one document a line";
  const std::string source = all["events"][1]["source"].get<std::string>();
  const Json one =
      mabeam({"tail", ">", "--since", "1h", "--count", "1", "--source", source, "--json"}).json();
  EXPECT_EQ(one["payload_text"], "2");

  EXPECT_EQ(mabeam({"replay", "job.*", "late"}).out, "3\n");
  const auto has = [&](const char* events) {
    return mabeam({"call", "late", "get"}).out == events;
  };
  EXPECT_TRUE(wait_until(kPatience, [&] { return has("3\n"); })) << "a call may overtake it";
  EXPECT_EQ(mabeam({"replay", "job.*", "late", "--last", "1", "--json"}).json()["replayed"], 1);
  EXPECT_TRUE(wait_until(kPatience, [&] { return has("4\n"); }));
  EXPECT_EQ(mabeam({"replay", "job.*", "nobody"}).exit, 1);
}

TEST_F(EventsTest, ATailOfAgentsSeesThemComeAndGo) {
  start_runtime();
  Program tail{
      program("mabeam"), {"tail", "agent.*", "--count", "3", "--json", "--name", name()}, folder()};
  ASSERT_TRUE(wait_until(kPatience, [&] { return patterns() >= 5; })) << "it has asked for them";
  ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", "c"}).exit, 0);
  ASSERT_EQ(mabeam({"update", "c", "--metadata", "blue"}).exit, 0);
  ASSERT_EQ(mabeam({"stop", "c"}).exit, 0);
  ASSERT_EQ(tail.wait(), 0);
  for (const std::string topic : {"agent.started", "agent.updated", "agent.stopped"})
    EXPECT_THAT(tail.out(), HasSubstr(topic));
  EXPECT_TRUE(wait_until(kPatience, [&] { return patterns() == 0; }))
      << "it is gone from every table";
}

TEST_F(EventsTest, AReplayThatIsCutShortSaysHowToGoOn) {
  start_runtime("[channels]\nblock_bytes = \"4KiB\"\n");
  Client client = Client::attach(name()).value();
  const AgentId agent = client.create("counter").value().front();
  const std::string log = std::to_string(static_cast<int>(client.id().endpoint()));
  // One is longer than ring and blocks carry.
  for (const std::size_t bytes : {10U, 10U, 20'000U, 10U})
    ASSERT_TRUE(client.emit("job.done", std::string(bytes, 'x')));
  const Ran ran = mabeam({"replay", "job.*", to_string(agent)});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("after 2 of 4 events; the rest is --from " + log + ":2"));
  EXPECT_TRUE(wait_until(kPatience, [&] { return count(client, agent) == 2; }));
  EXPECT_EQ(mabeam({"replay", "job.*", to_string(agent), "--from", log + ":3"}).out, "1\n");
  EXPECT_TRUE(wait_until(kPatience, [&] { return count(client, agent) == 3; }));
}

TEST_F(EventsTest, HistoryIsReadableWhenEverythingIsDead) {
  start_runtime();
  ASSERT_EQ(mabeam({"emit", "job.done", "1"}).exit, 0);
  std::vector<pid_t> workers{ready_worker(0), ready_worker(1)};
  supervisor().kill();
  for (const pid_t worker : workers)
    ::kill(worker, SIGKILL);
  EXPECT_EQ(mabeam({"history", "--json"}).json()["events"].size(), 1U);
  EXPECT_EQ(mabeam({"topics"}).exit, 0);
  EXPECT_EQ(mabeam({"channels"}).exit, 0);
  start_ready();
  EXPECT_EQ(mabeam({"history", "--json"}).json()["events"].size(), 1U);
}

TEST_F(EventsTest, TopicsAndChannelsAreShown) {
  start_runtime();
  ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", "c", "--subscribe", "job.*"}).exit, 0);
  ASSERT_EQ(mabeam({"emit", "job.done", "1"}).exit, 0);
  const Json topics = mabeam({"topics", "job.>", "--json"}).json();
  ASSERT_EQ(topics["topics"].size(), 1U);
  EXPECT_EQ(topics["topics"][0]["topic"], "job.done");
  EXPECT_EQ(topics["topics"][0]["events"], 1);
  EXPECT_EQ(topics["topics"][0]["subscribers"], 1);
  EXPECT_EQ(topics["patterns"][0]["topics"], 1);
  EXPECT_THAT(mabeam({"topics", "--subscribers"}).out, HasSubstr("job.*"));
  const Json channels = mabeam({"channels", "--json"}).json();
  EXPECT_GE(channels["channels"].size(), 2U) << "the create and its answer";
  EXPECT_GE(channels["logs"].size(), 1U);
  EXPECT_THAT(mabeam({"channels"}).out, HasSubstr("HIGH WATER"));
}

TEST_F(EventsTest, TenThousandPatternsAndAThousandSubscribersComeAndGo) {
  constexpr int kHolders = kSanitizer ? 125 : 625;
  start_runtime();
  Client client = Client::attach(name()).value();
  for (int round = 0; round < 2; ++round) {
    std::vector<AgentId> agents;
    for (int made = 0; made < kHolders; ++made) {
      std::vector<std::string> texts;
      std::vector<std::string_view> some;
      for (int i = 0; i < 16; ++i)
        texts.push_back("pattern." + std::to_string(made * 16 + i) + (i % 2 == 0 ? ".*" : ".x"));
      some.assign(texts.begin(), texts.end());
      AgentOptions options;
      options.subscribe = some;
      agents.push_back(client.create("counter", 1, options).value().front());
    }
    const std::vector<std::string_view> hot{"hot", "hot.>", "*"};
    AgentOptions options;
    options.subscribe = hot;
    const std::vector<AgentId> thousand = client.create("counter", 1000, options).value();
    agents.insert(agents.end(), thousand.begin(), thousand.end());
    EXPECT_EQ(patterns(), 16U * kHolders + 3);
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(client.emit("hot", "x", std::chrono::seconds{5}));
    ASSERT_TRUE(client.emit("pattern." + std::to_string(16 * kHolders - 2) + ".x", "x",
                            std::chrono::seconds{5}));
    EXPECT_EQ(client.wait_delivered(std::chrono::seconds{20}).pending, 0U);
    const auto replies = client.call_many(thousand, "get").value();
    for (const Result<ClientReply>& reply : replies)
      ASSERT_EQ(reply->payload().as<std::int64_t>().value(), 10) << "once, whatever matches";
    EXPECT_EQ(count(client, agents[kHolders - 1]), 1)
        << "its literal does not match, its wildcard does";
    for (const Result<>& stopped : client.stop_agents(agents, std::chrono::seconds{20}))
      ASSERT_TRUE(stopped);
    EXPECT_EQ(patterns(), 0U) << "who is stopped is gone from every table";
  }
}

TEST_F(EventsTest, AClientThatIsKilledIsGoneFromEveryTable) {
  start_runtime();
  for (int round = 0; round < 3; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Result<Client> client = Client::attach(name());
      bool is_subscribed = client.has_value();
      for (int i = 0; i < 500 && is_subscribed; ++i)
        is_subscribed = client->subscribe("mine." + std::to_string(i)).has_value();
      const char byte = is_subscribed ? 'y' : 'n';
      if (::write(ready[1], &byte, 1) == 1) ::pause();
      ::_exit(1);
    }
    char byte = 'n';
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    EXPECT_EQ(patterns(), 500U);
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(ready[0]);
    ::close(ready[1]);
    EXPECT_TRUE(wait_until(kPatience, [&] { return patterns() == 0; }));
  }
}

}  // namespace
}  // namespace mabeam::tests
