// The segment's name, lock and file: create, attach, check, take over, remove.
#include "shm/clock.hpp"
#include "shm/huge_pages.hpp"
#include "shm/process.hpp"
#include "shm/segment.hpp"
#include "shm/segment_object.hpp"

#include <boost/interprocess/anonymous_shared_memory.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

namespace bip = boost::interprocess;
using std::chrono::milliseconds;

constexpr std::string_view kFolder = "/dev/shm/";
constexpr std::uint64_t kHeaderRoom = 4096;
constexpr int kLockTries = 100;
constexpr milliseconds kLockPause{10};

std::string object_name(std::string_view runtime) {
  return "mabeam-" + std::string{runtime};
}

std::string path_of(const std::string& object) {
  return std::string{kFolder} + object;
}

/// What Boost throws, as our error.
Error error_of(const bip::interprocess_exception& error) {
  const int os = error.get_native_error();
  switch (os) {
    case ENOENT:
      return {Errc::not_found, 0, os};
    case EEXIST:
      return {Errc::name_taken, 0, os};
    case EACCES:
    case EPERM:
    case ELOOP:
      return {Errc::bad_permissions, 0, os};
    case ENOSPC:
      return {Errc::no_room, 0, os};
    default:
      return {Errc::system, 0, os};
  }
}

int descriptor(const bip::shared_memory_object& object) {
  return object.get_mapping_handle().handle;
}

bool lock_with_patience(int fd) {
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (try_lock(fd)) return true;
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

/// A private copy of a header, to be checked.
struct HeaderCopy {
  alignas(Header) std::array<std::byte, sizeof(Header)> bytes;

  [[nodiscard]] const Header& get() const { return *reinterpret_cast<const Header*>(bytes.data()); }
};

/// Reserves every page, so that no later touch can fail: a full /dev/shm is an error here and now.
Result<> reserve(int fd, std::uint64_t bytes) {
  const int refused = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  if (refused == ENOSPC || refused == EFBIG || refused == ENOMEM) {
    return fail_system(refused, Errc::no_room);
  }
  if (refused != 0) return fail_system(refused);
  return {};
}

/// False where filling would stop half-way, with everybody else's memory taken.
bool has_room(int fd, std::uint64_t bytes) {
  struct statvfs shm {};

  if (::fstatvfs(fd, &shm) != 0 || shm.f_blocks == 0) return true;  // there is no limit
  return shm.f_bavail >= bytes / shm.f_bsize;
}

/// Maps a new object and gives it its memory, in huge pages as far as there are any.
Result<bip::mapped_region> make_memory(const bip::shared_memory_object& object,
                                       std::uint64_t bytes) {
  const int fd = descriptor(object);
  if (!has_room(fd, bytes)) return fail_system(ENOSPC, Errc::no_room);
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) return fail_system(errno, Errc::no_room);
  bip::mapped_region region = map_for_huge_pages(object, bip::read_write, bytes);
  take_huge_pages({static_cast<std::byte*>(region.get_address()), bytes});
  if (const Result<> reserved = reserve(fd, bytes); !reserved) return fail(reserved.error());
  ::madvise(region.get_address(), bytes, MADV_POPULATE_WRITE);
  return region;
}

void fill_header(Header& header, std::string_view name, const Layout& layout,
                 std::string_view serve_listen) {
  header.magic = kMagic;
  header.byte_order = kByteOrder;
  header.layout_version = kLayoutVersion;
  header.layout_hash = layout_hash();
  header.page_bytes = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
  header.region_count = kRegions;
  header.total_bytes = layout.total_bytes;
  header.pid_namespace = pid_namespace();
  header.created_unix_ns = unix_ns();
  header.created_ns = monotonic_ns();
  std::copy(name.begin(), name.end(), header.name.begin());
  header.dimensions = layout.dimensions;
  header.regions = layout.regions;
  if (serve_listen.size() < kListenBytes) {
    std::copy(serve_listen.begin(), serve_listen.end(), header.serve_listen.begin());
  }
  header.checksum = header_checksum(header);
}

/// Removes what a supervisor that was killed while building has left. Errors: in_use.
Result<> clear_unfinished(const std::string& building) {
  const int fd = ::open(path_of(building).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return {};
  const bool is_free = try_lock(fd);
  if (is_free) ::unlink(path_of(building).c_str());
  ::close(fd);
  if (!is_free) return fail(Errc::in_use);
  return {};
}

}  // namespace

bool is_runtime_name(std::string_view name) {
  if (name.empty() || name.size() > 32 || name.front() == '_' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<Segment> Segment::create(std::string_view name, const Dimensions& dimensions,
                                CreateOptions options) {
  if (!is_runtime_name(name)) return fail(Argument::runtime_name);
  const Result<Layout> layout = compute_layout(dimensions);
  if (!layout) return fail(layout.error());
  const std::string object = object_name(name);
  const std::string building = object + ".new";
  if (::access(path_of(object).c_str(), F_OK) == 0) return fail(Errc::name_taken);
  if (const Result<> cleared = clear_unfinished(building); !cleared) return fail(cleared.error());
  try {
    Segment segment;
    bip::permissions mode;
    mode.set_permissions(options.group_read ? 0640 : 0600);
    segment.object_ = {bip::create_only, building.c_str(), bip::read_write, mode};
    const int fd = descriptor(segment.object_);
    // Before the lock another may have taken the file for an unfinished one, and removed it.
    if (!try_lock(fd) || !is_still_named(fd, path_of(building))) return fail(Errc::in_use);
    Result<bip::mapped_region> memory = make_memory(segment.object_, layout->total_bytes);
    if (!memory) {
      ::unlink(path_of(building).c_str());
      return fail(memory.error());
    }
    segment.region_ = std::move(*memory);
    segment.base_ = static_cast<std::byte*>(segment.region_.get_address());
    segment.layout_ = *layout;
    segment.name_ = name;
    ::madvise(segment.base_, layout->total_bytes, MADV_DONTFORK);
    fill_header(segment.header(), name, *layout, options.serve_listen);
    segment.lay_out_rings_and_logs();
    const int refused = ::renameat2(AT_FDCWD, path_of(building).c_str(), AT_FDCWD,
                                    path_of(object).c_str(), RENAME_NOREPLACE) == 0
                            ? 0
                            : errno;
    if (refused != 0) {
      ::unlink(path_of(building).c_str());
      return fail_system(refused, refused == EEXIST ? Errc::name_taken : Errc::system);
    }
    return segment;
  } catch (const bip::interprocess_exception& error) {
    return fail(error_of(error));
  }
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

Result<Segment> Segment::attach(std::string_view name, Access access) {
  if (!is_runtime_name(name)) return fail(Argument::runtime_name);
  const bip::mode_t mode = access == Access::read_only ? bip::read_only : bip::read_write;
  try {
    bip::shared_memory_object object{bip::open_only, object_name(name).c_str(), mode};
    if (const Result<> owner = check_owner(descriptor(object), access); !owner) {
      return fail(owner.error());
    }
    bip::offset_t bytes = 0;
    if (!object.get_size(bytes)) return fail(Errc::system);
    if (bytes < static_cast<bip::offset_t>(kHeaderRoom)) return fail(Errc::truncated);
    const auto size = static_cast<std::uint64_t>(bytes);
    Result<Segment> segment = open_region(map_for_huge_pages(object, mode, size), size);
    if (!segment) return segment;
    segment->object_ = std::move(object);
    if (segment->state() == RuntimeState::removed) return fail(Errc::not_running);
    if (access == Access::read_write) {
      if (segment->header().pid_namespace != pid_namespace()) return fail(Errc::bad_permissions);
      // A child of a fork must not be a second writer in our place (pitfall 5.3).
      ::madvise(segment->base_, segment->layout_.total_bytes, MADV_DONTFORK);
    }
    return segment;
  } catch (const bip::interprocess_exception& error) {
    return fail(error_of(error));
  }
}

Result<Segment> Segment::take_over(std::string_view name) {
  Result<Segment> segment = attach(name, Access::read_write);
  if (!segment) return segment;
  const int fd = descriptor(segment->object_);
  if (!lock_with_patience(fd)) return fail(Errc::in_use);
  if (!is_still_named(fd, path_of(object_name(name)))) return fail(Errc::not_found);
  return segment;
}

// The lock belongs to what was opened, not to the process or the number: with that under the number
// of our own object, it is as if we had taken it.
Result<Segment> Segment::inherit(std::string_view name, int fd) {
  Result<Segment> segment = attach(name, Access::read_write);
  if (segment && !is_still_named(fd, path_of(object_name(name)))) segment = fail(Errc::not_found);
  if (segment && !try_lock(fd)) segment = fail(Errc::in_use);
  if (segment && ::dup3(fd, segment->lock_descriptor(), O_CLOEXEC) < 0)
    segment = fail_system(errno);
  ::close(fd);
  return segment;
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
  if (::unlink(path_of(object_name(name)).c_str()) == 0) return {};
  return fail_system(errno, errno == ENOENT ? Errc::not_found : Errc::system);
}

void Segment::remove() noexcept {
  header().state.store(static_cast<std::uint32_t>(RuntimeState::removed),
                       std::memory_order_release);
  const std::string object = object_name(name_);
  if (is_still_named(descriptor(object_), path_of(object))) ::unlink(path_of(object).c_str());
  for (std::uint32_t i = 0; i < kMaxWorkers; ++i)
    ring_bell(worker(i).doorbell);
  for (std::uint32_t i = first_client(); i < endpoints(); ++i)
    ring_bell(endpoint(i).doorbell);
}

}  // namespace mabeam::shm
