#include "tools/serve/guard.hpp"

#include "tools/cli/encoding.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <utility>

#include <sys/stat.h>

namespace mabeam::tools {

namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// "[::1]:80" is "[::1]", "Name.:80" is "name".
std::string name_in(std::string_view host) {
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == std::string_view::npos) return {};
  std::string name = lower(host.substr(0, host.find(':', bracket)));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

bool is_address(const std::string& name) {
  in_addr v4{};
  if (::inet_pton(AF_INET, name.c_str(), &v4) == 1) return true;
  if (name.size() < 3 || name.front() != '[' || name.back() != ']') return false;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, name.substr(1, name.size() - 2).c_str(), &v6) == 1;
}

/// Compares all of it, so that nobody finds the token byte by byte.
bool is_equal(std::string_view given, std::string_view token) {
  bool is_same = given.size() == token.size();
  for (std::size_t i = 0; i < given.size(); ++i)
    is_same &= given[i] == token[i % token.size()];
  return is_same;
}

constexpr std::string_view kBearer = "bearer ";

std::string_view token_in(std::string_view authorization) {
  const bool is_bearer = lower(authorization.substr(0, kBearer.size())) == kBearer;
  return is_bearer ? authorization.substr(kBearer.size()) : std::string_view{};
}

}  // namespace

Guard::Guard(std::vector<std::string> hosts, std::optional<std::string> token)
    : token_(std::move(token)) {
  for (const std::string& host : hosts)
    hosts_.push_back(name_in(host));
}

bool Guard::is_known(std::string_view host) const {
  const std::string name = name_in(host);
  return name == "localhost" || is_address(name) ||
         (!name.empty() && std::find(hosts_.begin(), hosts_.end(), name) != hosts_.end());
}

std::optional<HttpResponse> Guard::refuse_host(const HttpRequest& request) const {
  if (request.is_local) return std::nullopt;
  if (request.hosts.size() != 1) {
    return http_failure(400, "bad_request", "a request has one Host header");
  }
  if (is_known(request.hosts.front())) return std::nullopt;
  return http_failure(403, "bad_permissions",
                      "this is no server of the name '" + one_line(request.hosts.front()) +
                          "'; use an address or localhost, or start it with --allow-host");
}

std::optional<HttpResponse> Guard::refuse_stranger(const HttpRequest& request) const {
  if (request.is_local) return std::nullopt;
  if (!token_) {
    return http_failure(403, "bad_permissions",
                        "without a token only /metrics, /healthz and /readyz are shown; start "
                        "'mabeam serve' with --token-file, or listen on a Unix socket");
  }
  if (is_equal(token_in(request.authorization), *token_)) return std::nullopt;
  HttpResponse response =
      http_failure(401, "bad_permissions",
                   "the token is missing or wrong; send it as 'Authorization: Bearer TOKEN'");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"mabeam\"");
  return response;
}

Outcome<std::string> read_token(const std::string& path) {
  const std::string label = "'" + one_line(path) + "'";
  std::ifstream file(path);
  std::string token;
  if (!file) return unreadable(label, errno);
  std::getline(file, token);

  struct stat status {};

  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return tl::unexpected(Failure{.exit = Exit::permission,
                                  .code = "bad_permissions",
                                  .message = label + " is open to others: chmod 600 " + label});
  }
  if (token.ends_with('\r')) token.pop_back();
  if (token.size() < kShortestToken) {
    return usage_error("the first line of " + label +
                       " is the token: " + std::to_string(kShortestToken) +
                       " bytes or more, as by: openssl rand -hex 16");
  }
  return token;
}

}  // namespace mabeam::tools
