// Guard: who may ask what.
//
// A Host that is a name nobody has allowed is refused, whatever is asked: a web page can make its
// visitor's browser talk to 127.0.0.1 by a name of its own that it has resolve to there (DNS
// rebinding). An address is no such name, and neither is localhost.
//
// What shows more than numbers wants the token, or comes over the Unix socket.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/serve/http.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tools {

inline constexpr std::size_t kShortestToken = 16;

class Guard {
 public:
  /// `hosts`: names that are allowed, besides localhost. Without a token nobody has the right one.
  explicit Guard(std::vector<std::string> hosts = {}, std::optional<std::string> token = {});

  /// Nothing if the request is for this server.
  [[nodiscard]] std::optional<HttpResponse> refuse_host(const HttpRequest& request) const;
  /// Nothing if who asks may see everything.
  [[nodiscard]] std::optional<HttpResponse> refuse_stranger(const HttpRequest& request) const;

 private:
  [[nodiscard]] bool is_known(std::string_view host) const;

  std::vector<std::string> hosts_;
  std::optional<std::string> token_;
};

/// The first line of a file that others cannot read.
/// Errors: refused (it cannot be read), permission (others may read it), usage (too short).
Outcome<std::string> read_token(const std::string& path);

}  // namespace mabeam::tools
