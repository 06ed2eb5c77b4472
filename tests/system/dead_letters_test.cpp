// Seeing and settling from outside: mabeam deadletters, types and inspect, on a real runtime.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <string>

namespace mabeam::tests {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class SeeingTest : public RuntimeFixture {
 protected:
  void start_with_counter() {
    configure("[runtime]\nworkers = 1\n");
    start_ready();
    client_.emplace(Client::attach(name()).value());
    counter_ = client_->create("counter", 1, {.name = "hits"}, seconds{20}).value().at(0);
  }

  /// A signal that comes too late, and is a dead letter when this returns.
  void expire(std::int64_t step) {
    const std::uint64_t before = buried();
    ASSERT_TRUE(client_->send(counter_, "increment", step, {.deadline = nanoseconds{1}}));
    ASSERT_TRUE(wait_until(kPatience, [&] { return buried() == before + 1; }));
  }

  [[nodiscard]] std::uint64_t buried() const {
    return Observer::attach(name()).value().dead_letters().buried;
  }

  [[nodiscard]] std::int64_t count() {
    return client_->call(counter_, "get", {}, seconds{20})->payload().as<std::int64_t>().value();
  }

  std::optional<Client> client_;
  AgentId counter_;
};

TEST_F(SeeingTest, DeadLetterIsReplayedOnceWhoeverDies) {
  start_with_counter();
  expire(5);
  expire(7);
  const Json listed = mabeam({"deadletters", "--json", "--agent", "hits"}).json();
  ASSERT_EQ(listed["total"], 2);
  EXPECT_EQ(listed["by_reason"]["expired"], 2);
  const Json& oldest = listed["deadletters"][1];
  EXPECT_EQ(oldest["reason"], "expired");
  EXPECT_EQ(oldest["kind"], "signal");
  EXPECT_EQ(oldest["name"], "increment");
  EXPECT_EQ(oldest["target"], to_string(counter_));
  EXPECT_EQ(oldest["payload_text"], "5");
  const std::string id = oldest["id"];
  const pid_t old = ready_worker(0);
  ASSERT_EQ(::kill(old, SIGKILL), 0);
  ASSERT_TRUE(wait_workers_ready({old}));
  const Ran replayed = mabeam({"deadletters", "--replay", id, "--json", "--timeout", "20s"});
  EXPECT_EQ(replayed.exit, 0) << replayed.err;
  EXPECT_EQ(replayed.json()["replayed"][0]["id"], id);
  EXPECT_EQ(count(), 5);
  const Ran again = mabeam({"deadletters", "--replay", id, "--json", "--timeout", "20s"});
  EXPECT_EQ(again.exit, 1);
  EXPECT_EQ(again.json()["error"]["code"], "not_found");
  EXPECT_EQ(count(), 5);
}

TEST_F(SeeingTest, PoisonCostsThreeRestartsThenLiesInTheDeadLetters) {
  configure(
      "[runtime]\nworkers = 1\nshards = 1\nfault_agents = true\n"
      "[restart]\nbackoff_min = \"1ms\"\nbackoff_max = \"2ms\"\n");
  start_ready();
  client_.emplace(Client::attach(name()).value());
  const AgentId fault = client_->create("fault", 1, {.name = "bad"}, seconds{20}).value().at(0);
  counter_ = client_->create("counter", 1, {}, seconds{20}).value().at(0);
  ASSERT_TRUE(client_->send(fault, "crash", 42));
  for (const int step : {1, 2, 3})  // behind it in the same ring
    ASSERT_TRUE(client_->send(counter_, "increment", step));
  EXPECT_EQ(count(), 6);
  EXPECT_EQ(view()->workers.at(0).restarts, 3U);
  const Json listed = mabeam({"deadletters", "--json"}).json();
  ASSERT_EQ(listed["total"], 1);
  EXPECT_EQ(listed["by_reason"]["poison"], 1);
  const Json& letter = listed["deadletters"][0];
  EXPECT_EQ(letter["reason"], "poison");
  EXPECT_EQ(letter["kind"], "signal");
  EXPECT_EQ(letter["name"], "crash");
  EXPECT_EQ(letter["target"], to_string(fault));
  EXPECT_EQ(letter["payload_text"], "42");
  // The faulty agent lives, and is served again.
  const auto refused = client_->call(fault, "dance", {}, seconds{20});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unknown_action);
}

TEST_F(SeeingTest, DeadLettersAreSelectedAndDropped) {
  start_with_counter();
  expire(5);
  expire(7);
  EXPECT_EQ(mabeam({"deadletters", "--drop"}).exit, 64) << "it must be said which";
  EXPECT_EQ(mabeam({"deadletters", "--reason", "boredom"}).exit, 64);
  EXPECT_EQ(mabeam({"deadletters", "--replay", "--drop", "--all"}).exit, 64);
  EXPECT_EQ(mabeam({"deadletters", "nonsense"}).exit, 64);
  const Ran dropped =
      mabeam({"deadletters", "--drop", "--reason", "expired", "--limit", "1", "--timeout", "20s"});
  EXPECT_EQ(dropped.exit, 0) << dropped.err;
  EXPECT_EQ(dropped.out, "dropped 1 of 1\n");
  const Ran replayed = mabeam({"deadletters", "--replay", "--all", "--timeout", "20s"});
  EXPECT_EQ(replayed.out, "replayed 1 of 1\n");
  EXPECT_EQ(count(), 5) << "the newest was dropped";
  const Ran none = mabeam({"deadletters"});
  EXPECT_EQ(none.exit, 0);
  EXPECT_THAT(none.err,
              HasSubstr("buried 2 (2 expired): 0 waiting, 1 replayed, 1 dropped, 0 gave way"));
}

TEST_F(SeeingTest, InspectTellsTheStateWithOrWithoutAWorker) {
  start_with_counter();
  ASSERT_TRUE(client_->call(counter_, "increment", 66, seconds{20}));
  const Json told = mabeam({"inspect", "hits", "--json", "--timeout", "20s"}).json();
  EXPECT_EQ(told["id"], to_string(counter_));
  EXPECT_EQ(told["type"], "counter");
  EXPECT_TRUE(told["parent"].is_null());
  EXPECT_EQ(told["handled"], 1);
  EXPECT_EQ(told["state"]["described"]["count"], 66);
  EXPECT_EQ(told["state"]["payload_base64"], "QgAAAAAAAAA=");
  EXPECT_THAT(mabeam({"inspect", "hits", "--timeout", "20s"}).out, HasSubstr("{\"count\":66}"));
  EXPECT_THAT(mabeam({"inspect", "hits", "--raw"}).out,
              HasSubstr("00000000  42 00 00 00 00 00 00 00"));
  EXPECT_EQ(mabeam({"inspect", "nobody"}).exit, 1);
  const pid_t worker = ready_worker(0);
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  const Ran blind = mabeam({"inspect", "hits", "--json", "--timeout", "50ms"});
  ASSERT_EQ(::kill(worker, SIGCONT), 0);
  EXPECT_EQ(blind.exit, 0);
  EXPECT_TRUE(blind.json()["state"]["described"].is_null());
  EXPECT_EQ(blind.json()["state"]["payload_base64"], "QgAAAAAAAAA=");
}

TEST_F(SeeingTest, TypesAreListedWithTheirModulesAndActions) {
  configure("[runtime]\nworkers = 2\n[worker]\nmodules = [\"" MABEAM_MODULE_DIR "/relay.so\"]\n");
  start_ready();
  const Json types = mabeam({"types", "--json"}).json()["types"];
  ASSERT_EQ(types.size(), 4U);
  EXPECT_EQ(types[0]["name"], "counter");
  EXPECT_TRUE(types[0]["module"].is_null());
  EXPECT_EQ(types[0]["state_bytes"], 8);
  EXPECT_EQ(types[0]["actions"][0]["name"], "increment");
  EXPECT_EQ(types[3]["name"], "relay");
  EXPECT_EQ(types[3]["module"], MABEAM_MODULE_DIR "/relay.so");
  EXPECT_THAT(mabeam({"types"}).out, HasSubstr("built in"));
  const Ran actions = mabeam({"agents", "--type", "demo", "--actions"});
  EXPECT_THAT(actions.out, HasSubstr("answers pong"));
  EXPECT_EQ(mabeam({"agents", "--type", "echo", "--actions", "--json"}).json()["types"].size(), 1U);
}

}  // namespace
}  // namespace mabeam::tests
