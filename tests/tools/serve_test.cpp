// What `mabeam serve` answers, and whom: addresses, hosts, tokens, paths.
#include "shm/clock.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"
#include "tools/serve/event_stream.hpp"
#include "tools/serve/guard.hpp"
#include "tools/serve/listen_address.hpp"
#include "tools/serve/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace mabeam::tools {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::SegmentFiller;

const std::string kToken = "0123456789abcdef";

TEST(ListenAddressText, IsHostAndPortOrASocket) {
  EXPECT_EQ(to_string(parse_listen_address("127.0.0.1:9464").value()), "http://127.0.0.1:9464");
  EXPECT_EQ(to_string(parse_listen_address("[::1]:80").value()), "http://[::1]:80");
  EXPECT_EQ(to_string(parse_listen_address("unix:/run/a").value()), "unix:/run/a");
  EXPECT_TRUE(parse_listen_address("[::1]:80")->is_loopback());
  EXPECT_FALSE(parse_listen_address("0.0.0.0:80")->is_loopback());
  for (const std::string text : {"", "9464", ":1", "a:", "a:65536", "::1:80", "a:-1", "unix:"})
    EXPECT_FALSE(parse_listen_address(text)) << text;
  EXPECT_FALSE(parse_listen_address("unix:/" + std::string(200, 'x')));
}

int status_of_host(const Guard& guard, const std::vector<std::string>& hosts) {
  const auto refused = guard.refuse_host({.path = "/metrics", .hosts = hosts});
  return refused ? refused->status : 200;
}

TEST(ServeGuard, AnswersToAddressesAndKnownNamesOnly) {
  const Guard guard{{"Metrics.lan"}};
  for (const std::string host : {"127.0.0.1", "127.0.0.1:9464", "[::1]:9464", "10.1.2.3:1",
                                 "localhost:9464", "LOCALHOST", "metrics.lan:80", "METRICS.lan."})
    EXPECT_EQ(status_of_host(guard, {host}), 200) << host;
  for (const std::string host : {"evil.example", "localhost.evil.example:9464", "127.0.0.1.evil",
                                 "", "[::1", ":80", "lan", "1234::zz", "[evil]"})
    EXPECT_EQ(status_of_host(guard, {host}), 403) << host;
  EXPECT_EQ(status_of_host(guard, {}), 400);
  EXPECT_EQ(status_of_host(guard, {"localhost", "evil.example"}), 400);
  EXPECT_FALSE(guard.refuse_host({.path = "/", .hosts = {"any"}, .is_local = true}));
}

int status_of_token(const Guard& guard, const std::string& authorization) {
  const auto refused = guard.refuse_stranger({.path = "/", .authorization = authorization});
  return refused ? refused->status : 200;
}

TEST(ServeGuard, WantsTheWholeTokenOrTheUnixSocket) {
  const Guard guard{{}, kToken};
  EXPECT_EQ(status_of_token(guard, "Bearer " + kToken), 200);
  EXPECT_EQ(status_of_token(guard, "bearer " + kToken), 200);
  for (const std::string& wrong : std::vector<std::string>{
           "", kToken, "Bearer ", "Bearer " + kToken.substr(1), "Bearer " + kToken + "0",
           "Bearer " + kToken + kToken, "Basic " + kToken, "Bearer 0123456789abcdeg"})
    EXPECT_EQ(status_of_token(guard, wrong), 401) << wrong;
  EXPECT_EQ(status_of_token(Guard{}, "Bearer "), 403) << "without a token nobody has it";
  EXPECT_FALSE(Guard{}.refuse_stranger({.path = "/", .is_local = true}));
}

TEST(ServeGuard, TakesATokenOfAFileThatOthersCannotRead) {
  namespace fs = std::filesystem;
  const fs::path path = fs::temp_directory_path() / ("mabeam-token-" + std::to_string(::getpid()));
  std::ofstream{path} << kToken << "\nmore\n";
  fs::permissions(path, fs::perms::owner_read);
  EXPECT_EQ(read_token(path.string()).value(), kToken);
  fs::permissions(path, fs::perms::owner_read | fs::perms::others_read);
  EXPECT_EQ(read_token(path.string()).error().exit, Exit::permission);
  fs::remove(path);
  EXPECT_EQ(read_token(path.string()).error().exit, Exit::refused);
  std::ofstream{path} << "short\n";
  fs::permissions(path, fs::perms::owner_read);
  EXPECT_EQ(read_token(path.string()).error().exit, Exit::usage);
  fs::remove(path);
}

class ServeSite : public ::testing::Test {
 protected:
  HttpResponse get(const std::string& path,
                   std::multimap<std::string, std::string> parameters = {}) {
    return site_.answer({.path = path,
                         .parameters = std::move(parameters),
                         .hosts = {"localhost"},
                         .authorization = "Bearer " + kToken});
  }

  void TearDown() override { stop(); }

  void start() {
    segment_.emplace(shm::Segment::create(name_, tests::small_dimensions()).value());
    filler_.emplace(*segment_);
    filler_->fill();
  }

  void stop() {
    filler_.reset();
    if (segment_) segment_->remove();
    segment_.reset();
  }

  std::string name_ = "t-" + std::to_string(::getpid()) + "-serve";
  std::vector<std::string> log_;
  std::optional<shm::Segment> segment_;
  std::optional<SegmentFiller> filler_;
  Site site_{{.runtime = name_, .guard = Guard{{}, kToken}, .streams = 2},
             [this](const std::string& line) { log_.push_back(line); }};
};

TEST_F(ServeSite, RuntimeComesAndGoes) {
  const std::vector<std::string> paths{"/metrics", "/healthz", "/readyz", "/events", "/api/v1/ps"};
  for (int round = 0; round < 2; ++round) {
    for (const std::string& path : paths) {
      const HttpResponse response = get(path);
      EXPECT_EQ(response.status, 503) << path;
      EXPECT_THAT(response.body, HasSubstr("there is no runtime")) << path;
    }
    start();
    for (const std::string& path : paths)
      EXPECT_EQ(get(path).status, 200) << path << ": " << get(path).body;
    stop();
  }
  EXPECT_THAT(log_, ElementsAre(HasSubstr("there is no runtime"), HasSubstr("is there"),
                                HasSubstr("there is no runtime"), HasSubstr("is there")))
      << "a line for each change";
}

TEST_F(ServeSite, StrangersSeeNumbersOnly) {
  start();
  const auto ask = [&](const std::string& path, bool is_local) {
    return site_.answer({.path = path, .hosts = {"localhost"}, .is_local = is_local}).status;
  };
  for (const std::string path : {"/", "/metrics", "/healthz", "/readyz"})
    EXPECT_EQ(ask(path, false), 200) << path;
  for (const std::string path :
       {"/events", "/api/v1", "/api/v1/ps", "/api/v1/agents", "/api/v1/none", "/none"})
    EXPECT_EQ(ask(path, false), 401) << path;
  EXPECT_EQ(ask("/api/v1/ps", true), 200);
  EXPECT_EQ(site_.answer({.path = "/metrics", .hosts = {"evil.example"}}).status, 403);
}

TEST_F(ServeSite, DocumentsAreThoseOfTheCommands) {
  start();
  const HttpResponse response = get("/api/v1/ps");
  EXPECT_EQ(response.content_type, "application/json");
  const auto document = nlohmann::json::parse(response.body);
  EXPECT_EQ(document["schema_version"], 1);
  EXPECT_EQ(document["runtime"], name_);
  EXPECT_EQ(document["workers"].size(), 2U);
  const auto paths = nlohmann::json::parse(get("/api/v1").body)["paths"];
  for (const std::string path : paths) {
    if (path == "/api/v1/inspect") continue;
    EXPECT_EQ(get(path).status, 200) << path << ": " << get(path).body;
  }
  EXPECT_EQ(get("/api/v1/inspect").status, 400) << "of whom?";
  EXPECT_EQ(get("/api/v1/inspect", {{"of", "nobody"}}).status, 404);
  const auto agents = nlohmann::json::parse(get("/api/v1/agents", {{"limit", "1"}}).body);
  ASSERT_EQ(agents["agents"].size(), 1U);
  EXPECT_EQ(get("/api/v1/inspect", {{"of", agents["agents"][0]["id"]}}).status, 200);
  EXPECT_EQ(get("/api/v1/none").status, 404);
  EXPECT_EQ(get("/api/v2").status, 404);
}

TEST_F(ServeSite, NothingThatIsAskedReadsAFileOrChangesAnything) {
  start();
  for (const auto& [path, parameter] :
       std::vector<std::pair<std::string, std::string>>{{"ps", "file"},
                                                        {"ps", "runtime"},
                                                        {"ps", "name"},
                                                        {"deadletters", "drop"},
                                                        {"deadletters", "replay"},
                                                        {"trace", "chrome"},
                                                        {"inspect", "timeout"},
                                                        {"ps", "help"},
                                                        {"breakers", "of"},
                                                        {"deadletters", "of"}})
    EXPECT_EQ(get("/api/v1/" + path, {{parameter, "/etc/passwd"}}).status, 400)
        << path << "?" << parameter;
  EXPECT_EQ(get("/api/v1/agents", {{"limit", "-1"}}).status, 400);
  EXPECT_EQ(get("/api/v1/history", {{"of", "--file"}}).status, 200) << "a topic that nobody has";
  for (const std::string command : {"stop", "create", "call", "shutdown", "verify", "serve"})
    EXPECT_EQ(get("/api/v1/" + command).status, 404) << command;
  EXPECT_EQ(site_.answer({.method = "POST", .path = "/metrics", .hosts = {"localhost"}}).status,
            405);
}

TEST_F(ServeSite, ProbesTellLivenessFromReadiness) {
  start();
  for (const std::uint32_t worker : {0U, 1U}) {
    segment_->worker(worker).supervised_state.store(
        static_cast<std::uint32_t>(WorkerState::backoff));
  }
  EXPECT_EQ(get("/healthz").body, "live\n");
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_THAT(get("/readyz").body, StartsWith("not ready: no worker is ready\n"));
  segment_->header().supervisor.store(0);
  EXPECT_EQ(get("/healthz").status, 503);
  EXPECT_THAT(get("/healthz").body, HasSubstr("supervisor: no supervisor"));
}

// 85% full is nothing, unless it was 95% before.
TEST_F(ServeSite, HealthIsOneInMetricsAndDocument) {
  start();
  auto* log = reinterpret_cast<shm::RingHeader*>(segment_->parking(1).data());
  const std::uint64_t room = shm::parking_room(log->capacity);
  const auto parking = [&] {
    const auto document = nlohmann::json::parse(get("/api/v1/health").body);
    for (const auto& part : document["components"])
      if (part["name"] == "parking") return part["status"].get<std::string>();
    return std::string{};
  };
  log->tail.store(room * 85 / 100);
  EXPECT_EQ(parking(), "healthy");
  log->tail.store(room * 95 / 100);
  EXPECT_THAT(get("/metrics").body, HasSubstr("mabeam_health{part=\"parking\"} 1\n"));
  log->tail.store(room * 85 / 100);
  EXPECT_EQ(parking(), "degraded");
}

/// Keeps what is written, and ends after so many waits.
class FewWaits : public HttpStream {
 public:
  explicit FewWaits(std::function<void(int)> on_wait, int most)
      : on_wait_(std::move(on_wait)),
        most_(most) {}

  bool write(std::string_view text) override {
    written += text;
    return true;
  }

  bool wait(std::chrono::milliseconds time) override {
    pauses.push_back(time);
    on_wait_(++waits_);
    return waits_ < most_;
  }

  std::string written;
  std::vector<std::chrono::milliseconds> pauses;

 private:
  std::function<void(int)> on_wait_;
  int most_;
  int waits_ = 0;
};

TEST_F(ServeSite, EventsAreStreamedUntilTheRuntimeEnds) {
  start();
  FewWaits stream{
      [&](int wait) {
        if (wait == 1) filler_->emit(1, "job.done", "first\nline");
        if (wait == 2)
          segment_->header().state.store(static_cast<std::uint32_t>(RuntimeState::removed));
      },
      100};
  const HttpResponse response = get("/events", {{"pattern", "job.>"}});
  EXPECT_EQ(response.content_type, "text/event-stream");
  response.stream(stream);
  EXPECT_THAT(stream.written, StartsWith("retry: 2000\n\nid: "));
  EXPECT_THAT(stream.written, HasSubstr("\ndata: {\"schema_version\":1,\"topic\":\"job.done\""));
  EXPECT_THAT(stream.written, HasSubstr(R"("payload_text":"first\nline")"));
  EXPECT_THAT(stream.written,
              HasSubstr("event: end\ndata: {\"reason\":\"the runtime has ended\"}\n\n"));
}

TEST_F(ServeSite, ReaderThatComesBackMissesNothing) {
  start();
  filler_->emit(1, "job.first", "");
  const std::int64_t seen = shm::monotonic_ns();
  filler_->emit(1, "job.second", "");
  const auto written = [&](std::string id) {
    FewWaits stream{[](int) {}, 2};
    site_
        .answer({.path = "/events",
                 .hosts = {"localhost"},
                 .last_event_id = std::move(id),
                 .is_local = true})
        .stream(stream);
    return stream.written;
  };
  EXPECT_THAT(written(std::to_string(seen)), HasSubstr("job.second"));
  for (const std::string id : {"", "1:7", "-5", "9223372036854775807"})
    EXPECT_EQ(written(id), "retry: 2000\n\n") << id;
  EXPECT_EQ(get("/events", {{"patern", "job.>"}}).status, 400);
}

// While there are always events.
TEST_F(ServeSite, TwoStreamsTogetherLookNoMoreOftenThanOne) {
  start();
  const auto pauses_of = [&](const HttpResponse& response) {
    FewWaits stream{[&](int) { filler_->emit(1, "job.done", "again"); }, 3};
    response.stream(stream);
    return stream.pauses;
  };
  const HttpResponse first = get("/events");
  EXPECT_THAT(pauses_of(first), Each(std::chrono::milliseconds{1}));
  {
    const HttpResponse idle = get("/events", {{"pattern", "nothing.>"}});
    (void)pauses_of(idle);
    EXPECT_THAT(pauses_of(first), Each(std::chrono::milliseconds{1})) << "it has nothing to send";
  }
  const HttpResponse second = get("/events");
  (void)pauses_of(second);
  EXPECT_EQ(pauses_of(first).back(), std::chrono::milliseconds{2});
}

TEST_F(ServeSite, StreamsAreCounted) {
  start();
  {
    const HttpResponse first = get("/events");
    const HttpResponse second = get("/events");
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(second.status, 200);
    EXPECT_EQ(get("/events").status, 503);
  }
  EXPECT_EQ(get("/events").status, 200);
  EXPECT_EQ(get("/events", {{"pattern", "a..b"}}).status, 400);
  EXPECT_EQ(get("/events", {{"since", "yesterday"}}).status, 400);
}

}  // namespace
}  // namespace mabeam::tools
