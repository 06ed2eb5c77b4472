#include "tests/support/http_client.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

constexpr std::chrono::milliseconds kAnswerTime{20'000};

}  // namespace

HttpClient::HttpClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  [[maybe_unused]] const int connected =
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

HttpClient::HttpClient(const std::string& socket_path)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  [[maybe_unused]] const int connected =
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

HttpClient::~HttpClient() {
  ::close(socket_);
}

void HttpClient::send(const std::string& text) const {
  [[maybe_unused]] const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
}

void HttpClient::get(const std::string& path, const std::vector<std::string>& headers) const {
  std::string text = "GET " + path + " HTTP/1.1\r\n";
  const bool has_host = std::any_of(headers.begin(), headers.end(), [](const std::string& each) {
    return each.starts_with("Host:");
  });
  if (!has_host) text += "Host: 127.0.0.1\r\n";
  for (const std::string& header : headers)
    text += header + "\r\n";
  send(text + "\r\n");
}

bool HttpClient::receive(std::chrono::milliseconds limit) {
  pollfd wanted{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&wanted, 1, static_cast<int>(limit.count())) != 1) return false;
  std::array<char, 4096> piece{};
  const ssize_t count = ::recv(socket_, piece.data(), piece.size(), 0);
  if (count <= 0) return false;
  received_.append(piece.data(), static_cast<std::size_t>(count));
  return true;
}

HttpAnswer HttpClient::answer() {
  while (receive(kAnswerTime)) {
  }
  HttpAnswer answer;
  const std::size_t end = received_.find("\r\n\r\n");
  if (end == std::string::npos || received_.size() < 12) return answer;
  answer.status = std::atoi(received_.c_str() + 9);  // "HTTP/1.1 200 OK"
  answer.headers = received_.substr(0, end + 2);
  answer.body = received_.substr(end + 4);
  return answer;
}

bool HttpClient::comes(const std::string& text, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (received_.find(text) == std::string::npos) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !receive(left)) return false;
  }
  return true;
}

HttpAnswer http_get(int port, const std::string& path, const std::vector<std::string>& headers) {
  HttpClient client{port};
  client.get(path, headers);
  return client.answer();
}

}  // namespace mabeam::tests
