// Payloads of 1 MiB in a whole runtime, as it is by default: from the command line, to agents and
// subscribers in other processes, through the death of a worker.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMiB = 1U << 20U;

std::string letters(std::size_t bytes) {
  std::string text(bytes, 'a');
  for (std::size_t i = 0; i < bytes; ++i)
    text[i] = static_cast<char>('a' + (i + i / 1000) % 26);
  return text;
}

class BlocksTest : public RuntimeFixture {
 protected:
  void start_runtime() {
    // Nobody is to be evicted for being slow on a loaded machine.
    configure("[runtime]\nworkers = 2\nshards = 4\n[worker]\nstall_timeout = \"60s\"\n");
    start_ready();
  }

  /// The standard output of a command that must succeed.
  std::string mabeam(std::vector<std::string> words) {
    const Ran ran = RuntimeFixture::mabeam(std::move(words));
    EXPECT_EQ(ran.exit, 0) << ran.err;
    return ran.out;
  }

  /// "@FILE", of that text.
  std::string file_of(const std::string& text) {
    const auto path = folder() / "payload";
    std::ofstream{path} << text;
    return "@" + path.string();
  }
};

TEST_F(BlocksTest, CommandsTakeAFileOfAMebibyte) {
  start_runtime();
  const std::string text = letters(kMiB);
  const std::string file = file_of(text);
  mabeam({"create", "--type", "echo", "--name", "echo"});
  mabeam({"create", "--type", "counter", "--name", "counter", "--subscribe", "big.*"});
  EXPECT_EQ(mabeam({"call", "echo", "say", file}), text + "\n");
  mabeam({"send", "counter", "increment", file_of("1")});
  mabeam({"emit", "big.news", file_of(text)});
  EXPECT_TRUE(wait_until(kPatience, [&] { return mabeam({"call", "counter", "get"}) == "2\n"; }));
  const Json history = Json::parse(mabeam({"history", "big.news", "--json"}));
  ASSERT_EQ(history["events"].size(), 1U);
  EXPECT_EQ(history["events"][0]["payload_text"], text);
  mabeam({"verify"});
}

TEST_F(BlocksTest, SubscribersInOtherProcessesGetAMebibyteEachThroughTheDeathOfWorkers) {
  start_runtime();
  const std::string text = letters(kMiB);
  const auto subscriber = [&] {
    const pid_t child = ::fork();
    if (child != 0) return child;
    auto client = Client::attach(name());
    if (!client || !client->subscribe("big.*") || !client->emit("ready")) ::_exit(1);
    std::size_t whole = 0;
    while (whole < 5) {
      const auto polled = client->poll_events(
          [&](const EventView& event) { whole += event.payload.text() == text ? 1U : 0U; }, 10,
          kPatience);
      if (!polled || *polled == 0) ::_exit(2);
    }
    ::_exit(client->events_missed() == 0 ? 0 : 3);
  };
  const std::array children{subscriber(), subscriber()};
  const auto are_ready = [&] {
    return Observer::attach(name())->history({.pattern = "ready"})->events.size() == 2;
  };
  ASSERT_TRUE(wait_until(kPatience, are_ready));
  Client client = Client::attach(name()).value();
  const AgentId counter =
      client.create("counter", 1, {.subscribe = std::array<std::string_view, 1>{"big.*"}})
          .value()
          .front();
  for (int i = 0; i < 5; ++i) {
    if (i == 2) ::kill(ready_worker(0), SIGKILL);
    if (i == 3) ::kill(ready_worker(1), SIGKILL);
    EXPECT_TRUE(client.emit("big.news", text, kPatience));
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_TRUE(wait_until(kPatience, [&] {
    const auto count = client.call(counter, "get");
    return count && count->payload().as<std::int64_t>() == std::int64_t{5};
  }));
}

}  // namespace
}  // namespace mabeam::tests
