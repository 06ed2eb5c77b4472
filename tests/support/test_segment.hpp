// TestSegment: a small segment that is gone when the test is, and a file with a copy of one.
#pragma once

#include "shm/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tests {

/// Two shards, two workers, one client; under 1 MB.
shm::Dimensions small_dimensions();

/// A new segment under a name of its own, removed when it goes.
class TestSegment {
 public:
  explicit TestSegment(const shm::Dimensions& dimensions = small_dimensions());
  ~TestSegment();
  TestSegment(const TestSegment&) = delete;
  TestSegment& operator=(const TestSegment&) = delete;

  [[nodiscard]] const shm::Segment& get() const { return segment_; }

  [[nodiscard]] shm::Segment& get() { return segment_; }

  [[nodiscard]] std::string_view name() const { return segment_.name(); }

 private:
  shm::Segment segment_;
};

/// A file with a segment's bytes, which may be damaged. Removed when it goes.
class SegmentFile {
 public:
  explicit SegmentFile(const shm::Segment& segment);
  ~SegmentFile();
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }

  [[nodiscard]] std::byte at(std::uint64_t offset) const { return bytes_[offset]; }

  /// Overwrites bytes of the file; restore() brings back what the segment had there.
  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void restore(std::uint64_t offset, std::size_t count) const;

 private:
  std::string path_;
  std::vector<std::byte> bytes_;
  int file_ = -1;
};

}  // namespace mabeam::tests
