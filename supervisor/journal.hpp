// Journal: the native protocol of systemd-journald (systemd.io/JOURNAL_NATIVE_PROTOCOL): a line of
// the log is one datagram, and each of its fields one of the journal's.
//
//   journalctl MABEAM_RUNTIME=prod MABEAM_WORKER=2 -o json
#pragma once

#include "shm/log_field.hpp"
#include "supervisor/descriptor.hpp"

#include <span>
#include <string>
#include <string_view>

namespace mabeam::supervisor {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

/// One entry: MESSAGE, PRIORITY (syslog(3)'s), SYSLOG_IDENTIFIER, MABEAM_RUNTIME, and MABEAM_KEY
/// for each field.
std::string journal_entry(char priority, std::string_view runtime, std::string_view message,
                          std::span<const shm::LogField> fields);

class Journal {
 public:
  /// Not open where nobody listens there, and with no path.
  explicit Journal(const char* path = kJournalSocket);

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(socket_); }

  /// False if it was not taken: the journal is gone, or has no room now. Never waits.
  [[nodiscard]] bool write(std::string_view entry) const noexcept;

 private:
  Descriptor socket_;
};

}  // namespace mabeam::supervisor
