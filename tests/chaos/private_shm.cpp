#include "tests/chaos/private_shm.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace mabeam::tests {
namespace {

constexpr const char* kFolder = "/dev/shm";
constexpr const char* kFiller = "/dev/shm/filler";

bool is_private = false;

std::string why(const char* what) {
  const int error = errno;
  return std::string{"a private /dev/shm cannot be made here ("} + what + ": " +
         std::strerror(error) + ")";  // NOLINT(concurrency-mt-unsafe): before any thread
}

}  // namespace

std::optional<std::string> make_shm_private(std::uint64_t bytes) {
  if (is_private) return std::nullopt;
  if (::unshare(CLONE_NEWNS) != 0) return why("unshare");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return why("mount");
  const std::string size = "size=" + std::to_string(bytes);
  if (::mount("tmpfs", kFolder, "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) != 0) {
    return why("mount");
  }
  is_private = true;
  return std::nullopt;
}

void fill_private_shm() {
  if (!is_private) return;
  const int file = ::open(kFiller, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  static const std::array<char, 64 << 10> zeros{};
  while (::write(file, zeros.data(), zeros.size()) > 0) {
  }
  ::close(file);
}

void empty_private_shm() {
  ::unlink(kFiller);
}

}  // namespace mabeam::tests
