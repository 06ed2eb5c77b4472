// The segment's name, lock and file: attach, check, take over, remove.
#include "shm/huge_pages.hpp"
#include "shm/process.hpp"
#include "shm/segment.hpp"
#include "shm/segment_object.hpp"

#include <boost/interprocess/anonymous_shared_memory.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

namespace bip = boost::interprocess;
using std::chrono::milliseconds;

constexpr std::uint64_t kHeaderRoom = 4096;
constexpr int kLockTries = 100;
constexpr milliseconds kLockPause{10};

/// The kernel's link to what is open there, which works without a name.
std::string link_to(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

/// True if the supervisor that the segment names lives, and is not this process. A lock that is
/// free all the same is a copy's, or that of one who is just ending. Its number is another's if we
/// may not signal it: the segment is ours, and so would he be.
bool is_run_by_another(const Header& header) {
  const ProcessId supervisor{header.supervisor.load(std::memory_order_acquire)};
  const auto pid = static_cast<pid_t>(supervisor.pid());
  return pid > 0 && supervisor != self_process() && is_alive(supervisor) && ::kill(pid, 0) == 0;
}

bool lock_with_patience(const Segment& segment) {
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (try_lock(segment.lock_descriptor()) && !is_run_by_another(segment.header())) return true;
    std::this_thread::sleep_for(kLockPause);
  }
  return false;
}

Result<> check_owner(int fd, Access access) {
  struct stat status {};

  if (::fstat(fd, &status) != 0) return fail_system(errno);
  const mode_t mode = status.st_mode & 07777U;
  const bool is_ours = status.st_uid == ::geteuid();
  const bool may_read = access == Access::read_only && mode == 0640;
  if ((mode != 0600 && mode != 0640) || (!is_ours && !may_read)) return fail(Errc::bad_permissions);
  return {};
}

/// Before it is opened, which may wait for ever: a pipe's does. What is not there, or is a link, is
/// refused by the opening itself.
Result<> check_kind(const std::string& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISLNK(status.st_mode))
    return {};
  return fail(status.st_uid == ::geteuid() ? Errc::corrupt : Errc::bad_permissions);
}

/// A private copy of a header, to be checked.
struct HeaderCopy {
  alignas(Header) std::array<std::byte, sizeof(Header)> bytes;

  [[nodiscard]] const Header& get() const { return *reinterpret_cast<const Header*>(bytes.data()); }
};

}  // namespace

bool is_runtime_name(std::string_view name) {
  if (name.empty() || name.size() > 32 || name.front() == '_' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string path_of_segment(std::string_view runtime) {
  return path_of(object_name(runtime));
}

Result<Segment> Segment::open_bytes(std::span<std::byte> bytes) {
  if (bytes.size() < kHeaderRoom) return fail(Errc::truncated);
  HeaderCopy copy{};
  std::memcpy(copy.bytes.data(), bytes.data(), copy.bytes.size());
  const Header& header = copy.get();
  if (header.magic != kMagic) return fail(Errc::corrupt);
  if (header.byte_order == __builtin_bswap32(kByteOrder)) return fail(Errc::byte_order);
  if (header.byte_order != kByteOrder) return fail(Errc::corrupt);
  if (header.layout_version != kLayoutVersion || header.layout_hash != layout_hash()) {
    return fail(Errc::incompatible);
  }
  if (header.checksum != header_checksum(header)) return fail(Errc::corrupt);
  const Result<Layout> layout = compute_layout(header.dimensions);
  if (!layout || layout->regions != header.regions || layout->total_bytes != header.total_bytes) {
    return fail(Errc::corrupt);
  }
  if (bytes.size() < layout->total_bytes) return fail(Errc::truncated);
  Segment segment;
  segment.base_ = bytes.data();
  segment.layout_ = *layout;
  segment.name_ =
      std::string{header.name.data(), ::strnlen(header.name.data(), header.name.size())};
  return segment;
}

Result<Segment> Segment::open_region(bip::mapped_region region, std::uint64_t bytes) {
  Result<Segment> segment = open_bytes({static_cast<std::byte*>(region.get_address()), bytes});
  if (segment) segment->region_ = std::move(region);  // which does not move the bytes
  return segment;
}

template <class Object>
Result<Segment> Segment::open_object(const Object& object, Access access) {
  if (const Result<> owner = check_owner(descriptor(object), access); !owner) {
    return fail(owner.error());
  }

  struct stat status {};

  if (::fstat(descriptor(object), &status) != 0) return fail_system(errno);
  if (status.st_size < static_cast<off_t>(kHeaderRoom)) return fail(Errc::truncated);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const bip::mode_t mode = access == Access::read_only ? bip::read_only : bip::read_write;
  Result<Segment> segment = open_region(map_for_huge_pages(object, mode, size), size);
  if (!segment) return segment;
  if (segment->state() == RuntimeState::removed) return fail(Errc::not_running);
  if (access == Access::read_write) {
    if (segment->header().pid_namespace != pid_namespace()) return fail(Errc::bad_permissions);
    // A child of a fork must not be a second writer in our place (pitfall 5.3).
    ::madvise(segment->base_, segment->layout_.total_bytes, MADV_DONTFORK);
  }
  return segment;
}

Result<Segment> Segment::attach(std::string_view name, Access access) {
  if (!is_runtime_name(name)) return fail(Argument::runtime_name);
  const bip::mode_t mode = access == Access::read_only ? bip::read_only : bip::read_write;
  if (const Result<> kind = check_kind(path_of_segment(name)); !kind) return fail(kind.error());
  try {
    bip::shared_memory_object object{bip::open_only, object_name(name).c_str(), mode};
    Result<Segment> segment = open_object(object, access);
    if (segment) segment->object_ = std::move(object);
    return segment;
  } catch (const bip::interprocess_exception& error) {
    return fail(error_of(error));
  }
}

Result<Segment> Segment::attach_to(std::string_view name, int fd) {
  const auto attached = [&]() -> Result<Segment> {
    try {
      bip::file_mapping object{link_to(fd).c_str(), bip::read_write};
      ::fcntl(descriptor(object), F_SETFD, FD_CLOEXEC);
      Result<Segment> segment = open_object(object, Access::read_write);
      if (segment && segment->name() != name) return fail(Errc::not_found);
      if (segment) segment->reopened_ = std::move(object);
      return segment;
    } catch (const bip::interprocess_exception& error) {
      return fail(error_of(error));
    }
  };
  Result<Segment> segment = attached();
  ::close(fd);
  return segment;
}

Result<Segment> Segment::take_over(std::string_view name) {
  Result<Segment> segment = attach(name, Access::read_write);
  if (!segment) return segment;
  if (!lock_with_patience(*segment)) return fail(Errc::in_use);
  if (!segment->is_named()) return fail(Errc::not_found);
  return segment;
}

// The lock belongs to what was opened, not to the process or the number: with that under the number
// of our own object, it is as if we had taken it.
Result<Segment> Segment::inherit(std::string_view name, int fd) {
  const int lock = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  Result<Segment> segment = attach_to(name, fd);
  if (segment && !try_lock(lock)) segment = fail(Errc::in_use);
  if (segment && ::dup3(lock, segment->lock_descriptor(), O_CLOEXEC) < 0)
    segment = fail_system(errno);
  ::close(lock);
  return segment;
}

int Segment::lock_descriptor() const {
  const int named = descriptor(object_);
  return named >= 0 ? named : descriptor(reopened_);
}

Result<int> Segment::open_again() const {
  const int fd = ::open(link_to(lock_descriptor()).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail_system(errno);
  return fd;
}

bool Segment::is_named() const {
  return is_still_named(lock_descriptor(), path_of_segment(name_));
}

Result<Segment> Segment::open_file(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::file_status status = std::filesystem::status(path, unknown);
  if (std::filesystem::is_directory(status)) return fail_system(EISDIR);
  if (std::filesystem::is_other(status))
    return fail_system(ESPIPE);  // to open it may wait for ever
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return fail_system(errno, errno == ENOENT ? Errc::not_found : Errc::system);
  const std::streamoff bytes = file.tellg();
  if (bytes < static_cast<std::streamoff>(kHeaderRoom)) return fail(Errc::truncated);
  try {
    bip::mapped_region copy = bip::anonymous_shared_memory(static_cast<std::size_t>(bytes));
    file.seekg(0);
    if (!file.read(static_cast<char*>(copy.get_address()), bytes)) return fail_system(EIO);
    return open_region(std::move(copy), static_cast<std::uint64_t>(bytes));
  } catch (const bip::interprocess_exception& error) {
    return fail(error_of(error));
  }
}

Result<> Segment::discard(std::string_view name) {
  if (!is_runtime_name(name)) return fail(Argument::runtime_name);
  if (::unlink(path_of_segment(name).c_str()) == 0) return {};
  return fail_system(errno, errno == ENOENT ? Errc::not_found : Errc::system);
}

void Segment::remove() noexcept {
  header().state.store(static_cast<std::uint32_t>(RuntimeState::removed),
                       std::memory_order_release);
  if (is_named()) ::unlink(path_of_segment(name_).c_str());
  for (std::uint32_t i = 0; i < kMaxWorkers; ++i)
    ring_bell(worker(i).doorbell);
  for (std::uint32_t i = first_client(); i < endpoints(); ++i)
    ring_bell(endpoint(i).doorbell);
}

}  // namespace mabeam::shm
