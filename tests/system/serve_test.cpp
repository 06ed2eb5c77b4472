// `mabeam serve` beside a real runtime: what it shows of deaths, and that nobody notices its own.
#include "tests/support/http_client.hpp"
#include "tests/support/runtime_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <memory>
#include <string>

namespace mabeam::tests {
namespace {

using ::testing::HasSubstr;

class ServeTest : public RuntimeFixture {
 protected:
  [[nodiscard]] std::unique_ptr<Program> serve(const std::string& address) const {
    const std::vector<std::string> words{"--name", name(), "serve", "--listen", address};
    auto started = std::make_unique<Program>(program("mabeam"), words, folder());
    EXPECT_TRUE(wait_until(kPatience, [&] {
      return started->err().find("listening on") != std::string::npos;
    })) << started->err();
    return started;
  }

  /// Of "listening on http://127.0.0.1:PORT".
  static int port_of(const Program& serve) {
    const std::string log = serve.err();
    const std::string before = "listening on http://127.0.0.1:";
    const std::size_t at = log.find(before);
    return at == std::string::npos ? 0 : std::stoi(log.substr(at + before.size()));
  }

  [[nodiscard]] std::string socket_path() const { return (folder() / "serve.sock").string(); }

  [[nodiscard]] HttpAnswer get_local(const std::string& path) const {
    HttpClient client{socket_path()};
    client.get(path);
    return client.answer();
  }
};

TEST_F(ServeTest, ShowsADeathAndTheRestart) {
  configure("[runtime]\nworkers = 1\n[restart]\nbackoff_min = \"500ms\"\n");
  Program& supervisor = start_ready();
  const auto server = serve("127.0.0.1:0");
  const int port = port_of(*server);
  const std::string none = "mabeam_worker_restarts_total{worker=\"0\"} 0\n";
  const std::string twice = "mabeam_worker_restarts_total{worker=\"0\"} 2\n";
  EXPECT_EQ(http_get(port, "/readyz").status, 200);
  EXPECT_THAT(http_get(port, "/metrics").body, HasSubstr(none));
  EXPECT_EQ(http_get(port, "/api/v1/ps").status, 403);
  EXPECT_EQ(http_get(port, "/metrics", {"Host: evil.example"}).status, 403);

  const pid_t first = ready_worker(0);
  ::kill(first, SIGKILL);  // it is replaced at once, and only the next one waits
  ASSERT_TRUE(wait_workers_ready({first}));
  ::kill(ready_worker(0), SIGKILL);
  HttpAnswer probe;
  ASSERT_TRUE(wait_until(kPatience, [&] {
    probe = http_get(port, "/readyz");
    return probe.status == 503;
  }));
  EXPECT_THAT(probe.body, HasSubstr("no worker is ready"));
  EXPECT_EQ(http_get(port, "/healthz").status, 200) << "there is somebody to restart it";
  ASSERT_TRUE(wait_until(kPatience, [&] { return http_get(port, "/readyz").status == 200; }));
  EXPECT_THAT(http_get(port, "/metrics").body, HasSubstr(twice));

  const Ran top = mabeam({"top", "--once", "--interval", "1ms", "--json"});
  EXPECT_EQ(top.exit, 0) << top.err;
  EXPECT_EQ(top.json()["workers"][0]["restarts"], 2) << top.out;
  EXPECT_THAT(mabeam({"top", "--once", "--interval", "1ms"}).out, HasSubstr("signal 9, "));

  const auto says = [&](const char* words) {
    return wait_until(kPatience, [&] { return server->err().find(words) != std::string::npos; });
  };
  supervisor.kill();
  EXPECT_TRUE(says("is not live: no supervisor")) << server->err();
  EXPECT_EQ(http_get(port, "/healthz").status, 503);
  start_ready();
  EXPECT_TRUE(says("is live again")) << server->err();
  server->signal(SIGTERM);
  EXPECT_EQ(server->wait(), 0) << server->err();
}

TEST_F(ServeTest, StreamsEventsAndOutlivesTheRuntimeWhichNeverMissesIt) {
  configure("[runtime]\nworkers = 1\n[serve]\nlisten = \"unix:" + socket_path() + "\"\n");
  Program& first = start_ready();
  auto server = serve("unix:" + socket_path());
  {
    HttpClient reader{socket_path()};
    reader.get("/events?pattern=job.>");
    ASSERT_TRUE(reader.comes("retry:", kPatience)) << reader.received();
    server->kill();
    EXPECT_FALSE(reader.comes("event:", kPatience)) << "the connection is gone";
  }
  ASSERT_EQ(mabeam({"create", "--type", "counter", "--name", "c", "--subscribe", "job.>"}).exit, 0);
  EXPECT_EQ(mabeam({"health"}).exit, 0) << "nobody notices";

  // Without --listen: where the runtime's configuration says.
  server = std::make_unique<Program>(program("mabeam"),
                                     std::vector<std::string>{"--name", name(), "serve"}, folder());
  ASSERT_TRUE(wait_until(kPatience, [&] { return get_local("/healthz").status == 200; }))
      << server->err();
  HttpClient reader{socket_path()};
  reader.get("/events?pattern=job.>");
  ASSERT_TRUE(reader.comes("retry:", kPatience));
  ASSERT_EQ(mabeam({"emit", "job.done", "17"}).exit, 0);
  EXPECT_TRUE(reader.comes("\"topic\":\"job.done\"", kPatience)) << reader.received();
  EXPECT_EQ(nlohmann::json::parse(get_local("/api/v1/agents").body)["total"], 1);

  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 0);
  EXPECT_TRUE(reader.comes("event: end", kPatience)) << reader.received();
  EXPECT_EQ(get_local("/metrics").status, 503);
  start_ready();
  EXPECT_EQ(get_local("/metrics").status, 200);
  server->signal(SIGINT);
  EXPECT_EQ(server->wait(), 0);
}

}  // namespace
}  // namespace mabeam::tests
