// A segment in huge pages: a process that dies gives back some twenty of them instead of ten
// thousand small ones, a new one finds what it maps without a fault for each 4 KiB, and few entries
// of the TLB reach every agent. Whatever the kernel refuses of it is done in small pages.
#pragma once

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace mabeam::shm {

inline constexpr std::uint64_t kHugePage = 2U << 20U;

/// Maps all of an object of that many bytes at a multiple of kHugePage, without which the kernel
/// cannot map its huge pages as such; anywhere, if no such address is free.
/// Throws boost::interprocess::interprocess_exception.
boost::interprocess::mapped_region map_for_huge_pages(
    const boost::interprocess::shared_memory_object& object, boost::interprocess::mode_t mode,
    std::uint64_t bytes);
/// The same of an object that was opened by a path.
boost::interprocess::mapped_region map_for_huge_pages(
    const boost::interprocess::file_mapping& object, boost::interprocess::mode_t mode,
    std::uint64_t bytes);

/// Takes huge pages for shared memory in which nothing has been written yet, by MADV_COLLAPSE
/// (Linux 6.1), which works whatever /sys/kernel/mm/transparent_hugepage/shmem_enabled says but
/// `deny`.
void take_huge_pages(std::span<std::byte> memory) noexcept;

}  // namespace mabeam::shm
