#include "supervisor/limits/dying.hpp"

#include "shm/process.hpp"

#include <charconv>
#include <csignal>
#include <cstdint>
#include <string>

namespace mabeam::supervisor {
namespace {

/// The set of signals behind `field`, in hexadecimal digits.
bool has_kill(std::string_view status, std::string_view field) {
  const std::size_t at = status.find(field);
  if (at == std::string_view::npos) return false;
  const std::string_view digits = status.substr(at + field.size(), 16);
  std::uint64_t signals = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), signals, 16);
  return (signals >> (SIGKILL - 1U) & 1U) != 0;
}

}  // namespace

bool is_dying(std::string_view status) {
  return status.find("\nVmSize:") == std::string_view::npos || has_kill(status, "\nSigPnd:\t") ||
         has_kill(status, "\nShdPnd:\t");
}

bool is_dying(pid_t pid) {
  return is_dying(shm::read_proc(pid, "status"));
}

}  // namespace mabeam::supervisor
