// Where `mabeam serve` listens: "127.0.0.1:9464", "[::1]:9464", or "unix:/run/mabeam/serve.sock".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mabeam::tools {

struct ListenAddress {
  std::string host;  ///< without brackets; empty for a Unix socket
  std::uint16_t port = 0;
  std::string path;  ///< of a Unix socket

  [[nodiscard]] bool is_unix() const { return !path.empty(); }

  /// Only this machine can connect.
  [[nodiscard]] bool is_loopback() const;
};

/// Nothing for any other text.
std::optional<ListenAddress> parse_listen_address(std::string_view text);

/// "http://127.0.0.1:9464", "unix:PATH".
std::string to_string(const ListenAddress& address);

}  // namespace mabeam::tools
