#include "tools/serve/listen_address.hpp"

#include <charconv>

#include <sys/un.h>

namespace mabeam::tools {

namespace {

constexpr std::string_view kUnix = "unix:";

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return port;
}

}  // namespace

bool ListenAddress::is_loopback() const {
  return is_unix() || host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) return std::nullopt;
    return ListenAddress{.host = {}, .port = 0, .path = std::string{path}};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool has_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (has_brackets) host = host.substr(1, host.size() - 2);
  const auto port = parse_port(text.substr(colon + 1));
  const bool is_bare_v6 = !has_brackets && host.find(':') != std::string_view::npos;
  if (host.empty() || is_bare_v6 || !port) return std::nullopt;
  return ListenAddress{.host = std::string{host}, .port = *port, .path = {}};
}

std::string to_string(const ListenAddress& address) {
  if (address.is_unix()) return std::string{kUnix} + address.path;
  const bool is_v6 = address.host.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + address.host + "]" : address.host;
  return "http://" + host + ":" + std::to_string(address.port);
}

}  // namespace mabeam::tools
