// Segments lie in huge pages, where the machine has any.
#include "shm/huge_pages.hpp"

#include "shm/segment.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

/// What this process maps of that file in huge pages, in KiB.
std::uint64_t kib_in_huge_pages(const std::string& path) {
  std::ifstream maps{"/proc/self/smaps"};
  std::uint64_t kib = 0;
  bool is_of_file = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) is_of_file = line.ends_with(path);
    if (is_of_file && line.starts_with("ShmemPmdMapped:")) kib += std::stoull(line.substr(15));
  }
  return kib;
}

/// Whether the kernel makes a huge page of shared memory when it is asked to.
bool has_huge_pages() {
  constexpr int kCollapse = 25;
  const int fd = ::memfd_create("huge", MFD_CLOEXEC);
  EXPECT_EQ(::ftruncate(fd, kHugePage), 0);
  void* room = ::mmap(nullptr, 2 * kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const auto address = reinterpret_cast<std::uintptr_t>(room);
  char* page = static_cast<char*>(room) + (align_up(address, kHugePage) - address);
  ::mmap(page, kHugePage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  *page = 1;
  const bool is_made = ::madvise(page, kHugePage, kCollapse) == 0;
  ::munmap(room, 2 * kHugePage);
  ::close(fd);
  return is_made;
}

TEST(HugePages, ASegmentLiesInThemForEveryProcess) {
  if (!has_huge_pages()) GTEST_SKIP() << "this kernel, or its memory now, has none";
  const NameGuard guard{unique_name()};
  const auto created = Segment::create(guard.name(), choose_dimensions({}, 2).value());
  ASSERT_TRUE(created);
  const std::uint64_t most = created->layout().total_bytes / kHugePage * (kHugePage >> 10U);
  EXPECT_GE(kib_in_huge_pages(guard.path()), most / 2) << "some may be short of";
  const std::uint64_t own = kib_in_huge_pages(guard.path());
  const auto attached = Segment::attach(guard.name(), Access::read_only);
  ASSERT_TRUE(attached);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&attached->header()) % kHugePage, 0U);
  EXPECT_GT(kib_in_huge_pages(guard.path()), own) << "the page of the header, which was read";
}

}  // namespace
}  // namespace mabeam::shm
