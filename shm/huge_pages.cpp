#include "shm/huge_pages.hpp"

#include "shm/words.hpp"

#include <sys/mman.h>

namespace mabeam::shm {
namespace {

namespace bip = boost::interprocess;

constexpr int kCollapse = 25;  // MADV_COLLAPSE, which the headers of glibc 2.36 do not have

/// An address on the grid with room for that many bytes, free until somebody else maps there; null
/// if there is none.
void* free_address(std::uint64_t bytes) noexcept {
  const std::uint64_t room = bytes + kHugePage;
  void* found =
      ::mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) return nullptr;
  ::munmap(found, room);
  const auto address = reinterpret_cast<std::uintptr_t>(found);
  return static_cast<std::byte*>(found) + (align_up(address, kHugePage) - address);
}

template <class Object>
bip::mapped_region map_on_grid(const Object& object, bip::mode_t mode, std::uint64_t bytes) {
  if (void* address = free_address(bytes); address != nullptr) {
    try {
      return {object, mode, 0, bytes, address};
    } catch (const bip::interprocess_exception&) {
      // Another thread was faster: then it is anywhere.
    }
  }
  return {object, mode, 0, bytes};
}

}  // namespace

bip::mapped_region map_for_huge_pages(const bip::shared_memory_object& object, bip::mode_t mode,
                                      std::uint64_t bytes) {
  return map_on_grid(object, mode, bytes);
}

bip::mapped_region map_for_huge_pages(const bip::file_mapping& object, bip::mode_t mode,
                                      std::uint64_t bytes) {
  return map_on_grid(object, mode, bytes);
}

// Only a range that has a page already is collapsed. Asking for that page by madvise() is refused
// where touching it would be a SIGBUS: on a full /dev/shm.
void take_huge_pages(std::span<std::byte> memory) noexcept {
  const std::uint64_t bytes = memory.size() / kHugePage * kHugePage;
  for (std::uint64_t at = 0; at < bytes; at += kHugePage) {
    if (::madvise(memory.data() + at, 1, MADV_POPULATE_WRITE) != 0) return;
  }
  ::madvise(memory.data(), bytes, kCollapse);
}

}  // namespace mabeam::shm
