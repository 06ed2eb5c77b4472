// A new segment: built under another name, filled and touched, and renamed when it is whole.
#include "shm/clock.hpp"
#include "shm/huge_pages.hpp"
#include "shm/process.hpp"
#include "shm/segment.hpp"
#include "shm/segment_object.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

namespace bip = boost::interprocess;

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

}  // namespace mabeam::shm
