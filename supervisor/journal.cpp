#include "supervisor/journal.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>

namespace mabeam::supervisor {
namespace {

/// A value with a line's end in it comes with its length instead.
void append_field(std::string& entry, std::string_view name, std::string_view value) {
  entry.append(name);
  if (value.find('\n') == std::string_view::npos) {
    entry.append("=").append(value).append("\n");
    return;
  }
  entry += '\n';
  for (std::uint64_t length = value.size(), i = 0; i < 8; ++i, length >>= 8U)
    entry += static_cast<char>(length & 0xFFU);
  entry.append(value).append("\n");
}

/// As the journal allows: capitals, digits and underscores.
std::string journal_name(std::string_view key) {
  std::string name = "MABEAM_";
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    name += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return name;
}

std::string plain_value(const shm::LogField::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return text->substr(0, shm::kShownBytes);
  }
  std::string text;
  shm::append_value(text, value, false);
  return text;
}

}  // namespace

std::string journal_entry(char priority, std::string_view runtime, std::string_view message,
                          std::span<const shm::LogField> fields) {
  std::string entry;
  append_field(entry, "MESSAGE", shm::render_text(message, fields));
  append_field(entry, "PRIORITY", {&priority, 1});
  append_field(entry, "SYSLOG_IDENTIFIER", "mabeam-supervisor");
  append_field(entry, "MABEAM_RUNTIME", runtime);
  for (const shm::LogField& field : fields)
    append_field(entry, journal_name(field.key), plain_value(field.value));
  return entry;
}

Journal::Journal(const char* path) {
  if (path == nullptr) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::copy_n(path, length, address.sun_path);
  Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return;
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), generic, sizeof address) != 0) return;
  socket_ = std::move(socket);
}

bool Journal::write(std::string_view entry) const noexcept {
  return ::send(socket_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

}  // namespace mabeam::supervisor
