// What the server lets a connection do, whatever it is asked.
#include "tools/serve/http_server.hpp"

#include "tests/support/http_client.hpp"
#include "tests/support/wait_until.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::tools {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using tests::http_get;
using tests::HttpClient;

constexpr auto kPatience = 20s;

class HttpServerTest : public ::testing::Test {
 protected:
  void start(const HttpLimits& limits = {}, const std::string& address = "127.0.0.1:0") {
    server_ = std::make_unique<HttpServer>(
        [this](const HttpRequest& request) { return answer(request); }, limits);
    const auto bound = server_->start(parse_listen_address(address).value());
    ASSERT_TRUE(bound) << bound.error().message;
    port_ = bound->port;
  }

  HttpResponse answer(const HttpRequest& request) {
    ++requests_;
    if (request.path == "/throw") throw std::runtime_error("thrown");
    if (request.path == "/stream") {
      return {.content_type = "text/event-stream", .stream = [this](HttpStream& stream) {
                ++streams_;
                stream.write("first\n");
                while (stream.wait(1ms)) {
                }
                --streams_;
              }};
    }
    std::string body = request.method + " " + request.path + " " + request.authorization +
                       (request.is_local ? " local" : "");
    for (const std::string& host : request.hosts)
      body += " " + host;
    for (const auto& [name, value] : request.parameters)
      body += " " + name + "=" + value;
    return {.body = std::move(body)};
  }

  std::atomic<int> requests_{0};
  std::atomic<int> streams_{0};
  int port_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, HandsOnWhatIsAskedAndAddsSecurityHeaders) {
  start();
  const auto answer =
      http_get(port_, "/a%20b?x=1%262", {"Host: h", "Host: i", "Authorization: Bearer t"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /a b Bearer t h i x=1&2");
  for (const std::string header :
       {"X-Content-Type-Options: nosniff", "Cache-Control: no-store", "X-Frame-Options: DENY",
        "Content-Security-Policy: default-src 'none'", "Connection: close"})
    EXPECT_THAT(answer.headers, HasSubstr(header));
  EXPECT_EQ(http_get(port_, "/throw").status, 500);
  HttpClient head{port_};
  head.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.answer().body, "");
}

TEST_F(HttpServerTest, RangeIsAPartialAnswer) {
  start();
  const auto part = http_get(port_, "/part", {"Host: h", "Range: bytes=0-2"});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "GET");
  EXPECT_THAT(part.headers, HasSubstr("Content-Range: bytes 0-2/"));
}

TEST_F(HttpServerTest, OneConnectionIsOneRequest) {
  start();
  HttpClient client{port_};
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 36\r\n\r\n");
  client.send("GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.answer().body, HasSubstr("POST /a"));
  EXPECT_THAT(client.received(), Not(HasSubstr("smuggled")));
  EXPECT_EQ(requests_, 1);
}

TEST_F(HttpServerTest, RequestThatIsTooLargeIsRefused) {
  start({.request_bytes = 1000});
  const std::string much(500, 'a');
  for (const std::string& headers :
       {"A: " + much + much + "\r\n", "A: " + much + "\r\nB: " + much + "\r\n"}) {
    HttpClient client{port_};
    client.send("GET / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n");
    EXPECT_NE(client.answer().status, 200);
  }
  EXPECT_EQ(requests_, 0);
  EXPECT_EQ(http_get(port_, "/", {"A: " + much}).status, 200);
}

TEST_F(HttpServerTest, NonsenseIsRefusedAndEndsNothing) {
  start();
  const std::string zeros(1, '\0');
  for (const std::string& nonsense :
       {std::string{"\r\n\r\n"}, std::string{"GET\r\n\r\n"}, zeros + "\r\n\r\n",
        std::string{"GET / HTTP/9.9\r\n\r\n"}, std::string{"BREW / HTTP/1.1\r\n\r\n"},
        std::string{"GET /%zz%%?%=%&&=& HTTP/1.1\r\nHost\r\n: \r\n\r\n"},
        std::string{"GET / HTTP/1.1\r\nRange: bytes=99999999999999999999-1,--\r\n\r\n"},
        std::string{"GET / HTTP/1.1\r\nContent-Length: -1\r\nExpect: 100-continue\r\n\r\n"}}) {
    HttpClient client{port_};
    client.send(nonsense);
    (void)client.answer();
    EXPECT_EQ(http_get(port_, "/").status, 200) << nonsense;
  }
}

TEST_F(HttpServerTest, RequestThatIsTooSlowIsCutOff) {
  start({.request_time = 50ms});
  for (const std::string& beginning :
       {std::string{"GET / HTTP/1.1\r\nHost: h\r\n"}, std::string{}}) {
    const auto begun = std::chrono::steady_clock::now();
    HttpClient client{port_};
    client.send(beginning);
    EXPECT_NE(client.answer().status, 200);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s) << "httplib's own limit, for each byte";
  }
  EXPECT_EQ(requests_, 0);
}

TEST_F(HttpServerTest, MoreConnectionsThanThereMayBeWaitForTheirTurn) {
  start({.connections = 2});
  auto first = std::make_unique<HttpClient>(port_);
  first->get("/stream");
  HttpClient second{port_};
  second.get("/stream");
  ASSERT_TRUE(tests::wait_until(kPatience, [&] { return streams_ == 2; }));
  HttpClient third{port_};
  third.get("/third");
  EXPECT_FALSE(third.comes("third", 50ms));
  first.reset();  // a reader that goes makes room
  EXPECT_TRUE(third.comes("third", kPatience));
}

TEST_F(HttpServerTest, StopEndsStreamsAndWaitsForNoRequest) {
  start({.connections = 3, .request_time = 60s});
  HttpClient reader{port_};
  reader.get("/stream");
  ASSERT_TRUE(reader.comes("first", kPatience));
  HttpClient silent{port_};
  silent.send("GET / HT");
  ASSERT_EQ(http_get(port_, "/").status, 200) << "so the one before it has been accepted, too";
  HttpClient another{port_};
  HttpClient waiting{port_};  // for one of the three to end
  const auto begun = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kPatience);
  EXPECT_EQ(streams_, 0);
  EXPECT_FALSE(server_->is_running());
  EXPECT_EQ(http_get(port_, "/").status, 0);
}

TEST_F(HttpServerTest, TakenAddressIsRefused) {
  start();
  HttpServer other{[](const HttpRequest&) { return HttpResponse{}; }};
  const auto refused =
      other.start({.host = "127.0.0.1", .port = static_cast<std::uint16_t>(port_)});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("cannot listen on http://127.0.0.1:"));
  EXPECT_THAT(refused.error().message, HasSubstr("--listen"));
}

TEST_F(HttpServerTest, UnixSocketIsItsOwnersAndTakenFromTheDeadOnly) {
  const std::string path = "/tmp/mabeam-http-" + std::to_string(::getpid());
  start({}, "unix:" + path);

  struct stat status {};

  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  HttpClient client{path};
  client.get("/a");
  EXPECT_THAT(client.answer().body, HasSubstr("GET /a  local"));
  HttpServer other{[](const HttpRequest&) { return HttpResponse{}; }};
  EXPECT_FALSE(other.start(parse_listen_address("unix:" + path).value())) << "it is in use";
  ASSERT_EQ(::rename(path.c_str(), (path + ".kept").c_str()), 0);
  server_->stop();
  ASSERT_EQ(::rename((path + ".kept").c_str(), path.c_str()), 0);  // as after a SIGKILL
  start({}, "unix:" + path);
  server_->stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace mabeam::tools
