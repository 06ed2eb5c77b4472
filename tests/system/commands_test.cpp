// The `mabeam` command against a runtime: what it says, and what it exits with.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class CommandsTest : public RuntimeFixture {
 protected:
  void start_runtime(const std::string& more = {}) {
    configure("[runtime]\nworkers = 1\n" + more);
    start_ready();
  }
};

TEST_F(CommandsTest, StopSaysWhatItStoppedBesideTheError) {
  start_runtime();
  ASSERT_EQ(mabeam({"create", "--type", "echo", "--name", "a"}).exit, 0);
  ASSERT_EQ(mabeam({"create", "--type", "echo", "--name", "b"}).exit, 0);
  const Ran ran = mabeam({"stop", "a", "nobody", "b", "--json"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.json()["stopped"].size(), 2U) << ran.out;
  EXPECT_EQ(ran.json()["error"]["code"], "not_found");
  EXPECT_THAT(ran.err, HasSubstr("there is no agent 'nobody'"));
}

TEST_F(CommandsTest, StopEndsAllThatAFilterMatches) {
  start_runtime();
  for (const std::string agent : {"jobs-a", "jobs-b", "other"})
    ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", agent}).exit, 0);
  EXPECT_EQ(mabeam({"stop", "--match", "jobs-*", "--json"}).json()["stopped"].size(), 2U);
  refuses({"stop"}, 64, "--all");
  refuses({"stop", "other", "--all"}, 64, "not both");
  EXPECT_EQ(mabeam({"agents", "--json"}).json()["total"], 1);
  EXPECT_EQ(mabeam({"suspend", "--all", "--json"}).json()["suspended"].size(), 1U);
  EXPECT_EQ(mabeam({"stop", "--all"}).exit, 0);
  EXPECT_EQ(mabeam({"agents", "--json"}).json()["total"], 0);
}

TEST_F(CommandsTest, MetadataIsGivenShownChangedAndRemoved) {
  start_runtime();
  const auto noted = [&](const std::string& agent) {
    return mabeam({"inspect", agent, "--json"}).json()["metadata"];
  };
  ASSERT_EQ(mabeam({"create", "--type", "echo", "--name", "a", "--metadata", "{}"}).exit, 0);
  ASSERT_EQ(mabeam({"create", "--type", "echo", "--name", "b"}).exit, 0);
  EXPECT_EQ(noted("a"), "{}");
  EXPECT_EQ(noted("b"), nullptr);
  const std::string file = (folder() / "note").string();
  std::ofstream{file} << "of a file";
  EXPECT_EQ(mabeam({"update", "a", "--metadata", "@" + file}).exit, 0);
  EXPECT_EQ(noted("a"), "of a file");
  EXPECT_THAT(mabeam({"inspect", "a"}).out, HasSubstr("of a file"));
  ASSERT_EQ(mabeam({"update", "a", "--metadata", "two\nlines"}).exit, 0);
  EXPECT_THAT(mabeam({"inspect", "a"}).out, HasSubstr(R"(two\nlines)")) << "escaped once";
  const Ran all = mabeam({"update", "--type", "echo", "--metadata", "all", "--json"});
  EXPECT_EQ(all.json()["updated"].size(), 2U) << all.out << all.err;
  EXPECT_EQ(noted("b"), "all");
  EXPECT_EQ(mabeam({"update", "a", "--no-metadata"}).exit, 0);
  EXPECT_EQ(noted("a"), nullptr);
  refuses({"update", "a"}, 64, "--metadata is missing");
  refuses({"update", "a", "--metadata", "x", "--no-metadata"}, 64, "not both");
  refuses({"update", "a", "--metadata", std::string(256, 'x')}, 64, "up to 255 bytes");
  refuses({"update", "nobody", "--metadata", "x"}, 1, "there is no agent 'nobody'");
}

TEST_F(CommandsTest, SendReachesAllThatAFilterMatches) {
  start_runtime();
  for (const std::string agent : {"jobs-a", "jobs-b", "other"})
    ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", agent}).exit, 0);
  EXPECT_EQ(mabeam({"send", "--match", "jobs-*", "increment", "5"}).out, "2\n");
  EXPECT_EQ(mabeam({"send", "--type", "counter", "increment", "--json"}).json()["receivers"], 3);
  EXPECT_EQ(mabeam({"call", "jobs-b", "get"}).out, "6\n");
  EXPECT_EQ(mabeam({"call", "other", "get"}).out, "1\n");
  refuses({"send", "increment"}, 64, "AGENT SIGNAL [PAYLOAD]");
  refuses({"send", "--type", "counter", "jobs-a", "increment", "5"}, 64, "SIGNAL [PAYLOAD]");
}

TEST_F(CommandsTest, MessagesToASuspendedAgentWait) {
  start_runtime();
  ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", "a"}).exit, 0);
  EXPECT_EQ(mabeam({"suspend", "a", "--json"}).json()["suspended"].size(), 1U);
  ASSERT_EQ(mabeam({"send", "a", "increment", "5"}).exit, 0);
  const Json agent = mabeam({"agents", "--json"}).json()["agents"][0];
  EXPECT_EQ(agent["lifecycle"], "suspended");
  EXPECT_EQ(agent["reason"], "suspended");
  EXPECT_EQ(mabeam({"call", "a", "get", "--timeout", "100ms"}).exit, 124);
  EXPECT_EQ(mabeam({"resume", "a"}).exit, 0);
  EXPECT_THAT(mabeam({"call", "a", "get"}).out, HasSubstr("5"));
  EXPECT_EQ(mabeam({"agents", "--json"}).json()["agents"][0]["reason"], Json(nullptr));
  refuses({"suspend", "nobody"}, 1, "there is no agent 'nobody'");
}

TEST_F(CommandsTest, DemoAnswersNumbers) {
  start_runtime();
  ASSERT_EQ(mabeam({"create", "--type", "demo", "--name", "d"}).exit, 0);
  EXPECT_EQ(mabeam({"call", "d", "increment", "5", "--json"}).json()["reply"], 5);
  EXPECT_EQ(mabeam({"call", "d", "add_message", "hello", "--json"}).json()["reply"], 1);
  EXPECT_EQ(mabeam({"call", "d", "increment"}).out, "6\n");
}

TEST_F(CommandsTest, WhatAnAgentRefusesIsNoUsage) {
  start_runtime();
  ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", "c"}).exit, 0);
  const std::string most = "9223372036854775807";
  EXPECT_EQ(mabeam({"call", "c", "increment", most}).out, most + "\n");
  refuses({"call", "c", "increment", most}, 1, "an argument is not allowed");
}

TEST_F(CommandsTest, WhatIsTypedWronglyIsUsageAndSaysWhatIsAllowed) {
  start_runtime();
  refuses({"emit", "a.*"}, 64, "only a pattern may have *");
  refuses({"emit", std::string(300, 'x')}, 64, "up to 255 bytes");
  refuses({"create", "--type", "echo", "--subscribe", "a.b", "--subscribe", "a..b"}, 64,
          "--subscribe 'a..b'");
  refuses({"tail", "a..b"}, 64, "pattern 'a..b'");
  refuses({"create", "--type", "echo", "--name", std::string(64, 'n')}, 64, "1 to 63 bytes");
  refuses({"create", "--type", "echo", "--name", "0300000000000001"}, 64, "16 hexadecimal digits");
  refuses({"create", "--type", "echo", "--name", ""}, 64, "'name' needs a value");
  refuses({"agents", "--type", ""}, 64, "'type' needs a value");
  refuses({"call", "x", std::string(256, 'a')}, 1, "there is no agent 'x'");
  refuses({"ps", "--runtime", "Bad!"}, 64, "a to z, 0 to 9, _ and -");
}

TEST_F(CommandsTest, FilesThatCannotBeReadAreNoUsage) {
  const std::string missing = folder() / "missing";
  refuses({"ps", "--file", missing}, 1, "cannot read '" + missing + "': No such file");
  refuses({"ps", "--file", folder()}, 1, "Is a directory");
  refuses({"feed", "--topic", "x", missing}, 1, "cannot read '" + missing + "': No such file");
  refuses({"emit", "a", "@" + missing}, 1, "cannot read '" + missing + "': No such file");
  start_runtime();
  refuses({"feed", "--topic", "x", folder()}, 1, "Is a directory");
}

TEST_F(CommandsTest, FeedThatFillsTheTableOfNamesIsRefusedAndSeen) {
  start_runtime();
  EXPECT_EQ(mabeam({"health"}).exit, 0);
  const std::string lines = folder() / "lines";
  std::ofstream file{lines};
  for (int i = 0; i < 40'000; ++i)
    file << i << '\n';
  file.close();
  const Ran ran = mabeam({"feed", "--topic", "z.{1}", lines, "--json"});
  EXPECT_EQ(ran.exit, 1);
  Json report = ran.json();  // not const: what is missing is null
  EXPECT_EQ(report["error"]["code"], "symbols_full") << ran.out;
  EXPECT_EQ(report["rejected"], 0);
  EXPECT_GT(report["accepted"], 20'000);
  EXPECT_THAT(ran.err, HasSubstr("start the runtime anew"));
  EXPECT_EQ(mabeam({"stats", "--json"}).json()["messages"]["refused"], 1);
  const Ran health = mabeam({"health", "--json"});
  EXPECT_EQ(health.exit, 1);
  EXPECT_EQ(health.json()["status"], "degraded");
  EXPECT_THAT(health.out, HasSubstr(R"("name":"names","status":"degraded")"));
}

TEST_F(CommandsTest, LogSaysThatAMessageIsPoison) {
  start_runtime("fault_agents = true\n[restart]\nbackoff_min = \"1ms\"\n[log]\nlevel = \"warn\"\n");
  ASSERT_EQ(mabeam({"create", "--type", "fault", "--name", "bomb"}).exit, 0);
  EXPECT_EQ(mabeam({"call", "bomb", "crash", "--timeout", "20s"}).exit, 1);
  const std::string id = to_string(Client::attach(name()).value().find("bomb").value());
  const std::string line = R"("message":"a message is now a dead letter: poison","worker":)";
  const std::string fields =
      R"("message_name":"crash","agent":")" + id + R"(","agent_name":"bomb","deaths":3})";
  EXPECT_TRUE(wait_until(kPatience, [&] {
    const std::string log = supervisor().err();
    return log.find(line) != std::string::npos && log.find(fields) != std::string::npos;
  })) << supervisor().err();
}

}  // namespace
}  // namespace mabeam::tests
