#include "supervisor/inheritance.hpp"

#include "shm/layout.hpp"

#include <cstdlib>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

bool is_sound(const Inheritance& inheritance) {
  const auto is_descriptor = [](int fd) { return fd > STDERR_FILENO; };
  return is_descriptor(inheritance.lock) && inheritance.lock != inheritance.bell &&
         (inheritance.bell == -1 || is_descriptor(inheritance.bell)) && inheritance.workers >= 1 &&
         inheritance.workers <= shm::kMaxWorkers;
}

}  // namespace

std::string inheritance_text(const Inheritance& inheritance, pid_t pid) {
  std::ostringstream text;
  text << pid << ' ' << inheritance.lock << ' ' << inheritance.bell << ' ' << inheritance.workers
       << ' ' << inheritance.since.count();
  return text.str();
}

std::optional<Inheritance> parse_inheritance(const std::string& text, pid_t pid) {
  std::istringstream words{text};
  Inheritance found;
  pid_t heir = 0;
  std::int64_t since = 0;
  words >> heir >> found.lock >> found.bell >> found.workers >> since;
  if (!words || !words.eof() || heir != pid || !is_sound(found)) return std::nullopt;
  found.since = Time{since};
  return found;
}

std::optional<Inheritance> take_inheritance() {
  // NOLINTBEGIN(concurrency-mt-unsafe): the supervisor has one thread.
  const char* text = std::getenv(kHandoverVariable);
  if (text == nullptr) return std::nullopt;
  auto found = parse_inheritance(text, ::getpid());
  ::unsetenv(kHandoverVariable);
  // NOLINTEND(concurrency-mt-unsafe)
  if (!found || ::fcntl(found->lock, F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
  if (::fcntl(found->bell, F_SETFD, FD_CLOEXEC) != 0) found->bell = -1;
  return found;
}

}  // namespace mabeam::supervisor
