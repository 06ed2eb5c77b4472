#include "tests/support/test_segment.hpp"

#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::tests {

using shm::Segment;

namespace {

std::string segment_name() {
  static int count = 0;
  return "o" + std::to_string(::getpid()) + "-" + std::to_string(count++);
}

}  // namespace

shm::Dimensions small_dimensions() {
  shm::Dimensions d;
  d.workers = 2;
  d.shards = 2;
  d.clients = 1;
  d.max_agents = 24;
  d.max_state_bytes = 64;
  d.agents_per_shard = 16;
  d.names_per_shard = 32;
  d.subscriptions_per_endpoint = 32;
  d.timers_per_shard = 8;
  d.metadata_per_shard = 8;
  d.symbol_slots = 64;
  d.symbol_text_bytes = 1024;
  d.ring_bytes = {4096, 4096, 4096};
  d.log_bytes = 65536;
  d.dead_letter_bytes = 4096;
  d.span_bytes = 4096;
  d.block_bytes = 4096;
  return d;
}

TestSegment::TestSegment(const shm::Dimensions& dimensions)
    : segment_(Segment::create(segment_name(), dimensions).value()) {
}

TestSegment::~TestSegment() {
  segment_.remove();
}

SegmentFile::SegmentFile(const Segment& segment)
    : path_((std::filesystem::temp_directory_path() / segment_name()).string()),
      bytes_(segment.bytes().begin(), segment.bytes().end()),
      file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
  write(0, bytes_);
}

SegmentFile::~SegmentFile() {
  ::close(file_);
  ::unlink(path_.c_str());
}

void SegmentFile::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written <= 0) throw std::runtime_error("cannot write " + path_);
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void SegmentFile::restore(std::uint64_t offset, std::size_t count) const {
  write(offset, std::span{bytes_}.subspan(offset, count));
}

}  // namespace mabeam::tests
