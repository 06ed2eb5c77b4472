// Traces of a whole runtime: one message from a client through agents on two workers, the tree that
// is shown of it, its export, and how many messages are sampled.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class TraceTest : public RuntimeFixture {
 protected:
  void configure_with(const std::string& more) {
    configure("[runtime]\nworkers = 2\nshards = 2\n[worker]\nmodules = [\"" MABEAM_MODULE_DIR
              "/relay.so\"]\n" +
              more);
  }

  /// A relay on each worker, the first linked to the second.
  std::vector<AgentId> make_chain(Client& client) {
    const auto relays = client.create("relay", 2).value();
    EXPECT_TRUE(client.call(relays[0], "link", relays[1].value()));
    return relays;
  }

  Json spans_of(const std::string& trace) {
    return mabeam({"trace", trace, "--json"}).json()["spans"];
  }
};

TEST_F(TraceTest, AMessageIsFollowedOverTwoWorkers) {
  configure_with("");
  start_ready();
  Client client = Client::attach(name()).value();
  const std::vector<AgentId> relays = make_chain(client);
  EXPECT_EQ(mabeam({"trace", "--json"}).json()["total"], 0) << "nothing is traced by default";

  const Ran sent = mabeam({"send", to_string(relays[0]), "number", "1", "--trace", "--json"});
  ASSERT_EQ(sent.exit, 0) << sent.err;
  const std::string trace = sent.json()["trace_id"];
  EXPECT_THAT(sent.err, HasSubstr("trace " + trace));
  ASSERT_TRUE(wait_until(kPatience, [&] { return spans_of(trace).size() == 3; }));
  const Json spans = spans_of(trace);
  EXPECT_EQ(spans[0]["side"], "client");
  EXPECT_EQ(spans[0]["parent"], nullptr);
  EXPECT_EQ(spans[1]["agent"], to_string(relays[0]));
  EXPECT_EQ(spans[1]["parent"], spans[0]["id"]);
  EXPECT_EQ(spans[2]["agent"], to_string(relays[1]));
  EXPECT_EQ(spans[2]["parent"], spans[1]["id"]);
  EXPECT_EQ(spans[2]["depth"], 2);
  EXPECT_NE(spans[1]["worker"], spans[2]["worker"]);
  EXPECT_EQ(spans[2]["error"], nullptr);

  const Ran tree = mabeam({"trace", trace});
  EXPECT_EQ(tree.exit, 0);
  EXPECT_THAT(tree.out, HasSubstr("\nclient signal number "));
  EXPECT_THAT(tree.out, HasSubstr("\n  signal number "));
  EXPECT_THAT(tree.out, HasSubstr("\n    signal number "));
  EXPECT_THAT(mabeam({"trace"}).out, HasSubstr(trace + "  signal number      3"));

  const std::string file = (folder() / "trace.json").string();
  ASSERT_EQ(mabeam({"trace", trace, "--chrome", file}).exit, 0);
  std::ifstream in{file};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const Json chrome = Json::parse(text, nullptr, false);
  ASSERT_TRUE(chrome["traceEvents"].is_array());
  int slices = 0;
  for (const Json& event : chrome["traceEvents"])
    slices += event["ph"] == "X" ? 1 : 0;
  EXPECT_EQ(slices, 3);
}

TEST_F(TraceTest, ACallIsTracedWithItsAnswerAndBelowAnothersSpan) {
  configure_with("");
  start_ready();
  Client client = Client::attach(name()).value();
  const AgentId relay = client.create("relay").value().at(0);
  const Ran failed = mabeam({"call", to_string(relay), "link", "x", "--trace"});
  EXPECT_EQ(failed.exit, 1);
  const std::size_t at = failed.err.find("trace ");
  ASSERT_NE(at, std::string::npos) << failed.err;
  const std::string trace = failed.err.substr(at + 6, 32);
  ASSERT_TRUE(wait_until(kPatience, [&] { return spans_of(trace).size() == 2; }));
  const Json spans = spans_of(trace);
  EXPECT_EQ(spans[0]["kind"], "request");
  EXPECT_NE(spans[0]["error"], nullptr);
  EXPECT_EQ(spans[0]["error"], spans[1]["error"]);
  EXPECT_LE(spans[0]["sent_ns"], spans[1]["started_ns"]);
  EXPECT_GE(spans[0]["ended_ns"], spans[1]["ended_ns"]);

  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(mabeam({"call", to_string(relay), "get", "--traceparent", parent}).exit, 0);
  const Json below = spans_of("0af7651916cd43dd8448eb211c80319c");
  ASSERT_EQ(below.size(), 2U);
  EXPECT_EQ(below[0]["parent"], "b7ad6b7169203331");

  const Ran created = mabeam({"create", "--type", "relay", "--trace", "--json"});
  ASSERT_EQ(created.exit, 0) << created.err;
  EXPECT_EQ(created.json()["ids"].size(), 1U);
  ASSERT_TRUE(wait_until(
      kPatience, [&] { return spans_of(created.json().value("trace_id", "-")).size() == 2; }));
  EXPECT_EQ(spans_of(created.json()["trace_id"])[0]["kind"], "create");

  EXPECT_EQ(mabeam({"call", to_string(relay), "get", "--traceparent", "01-x"}).exit, 64);
  EXPECT_EQ(mabeam({"trace", "nonsense"}).exit, 64);
  EXPECT_EQ(mabeam({"trace", std::string(31, '0') + "1"}).exit, 1);
  EXPECT_EQ(mabeam({"trace", "--chrome", "/nowhere/at/all"}).exit, 1);
}

// Workers and clients read the word: a reload changes it at once.
TEST_F(TraceTest, AReloadChangesHowManyAreSampled) {
  configure_with("[trace]\nsample = 1\n");
  Program& supervisor = start_ready();
  Client client = Client::attach(name()).value();
  const AgentId relay = client.create("relay").value().at(0);
  ASSERT_TRUE(client.call(relay, "get"));
  EXPECT_TRUE(client.last_trace());
  configure_with("[trace]\nsample = 0.0\n");
  supervisor.signal(SIGHUP);
  ASSERT_TRUE(wait_until(kPatience, [&] {
    return supervisor.err().find(R"("changed":"trace.sample")") != std::string::npos;
  }));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.call(relay, "get"));
    EXPECT_FALSE(client.last_trace());
  }
}

}  // namespace
}  // namespace mabeam::tests
