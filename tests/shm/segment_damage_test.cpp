// Segment: a damaged, foreign or short file is refused by name, by attach() and by open_file()
// alike, and by no other way: no flipped bit of the identity passes.
#include "shm/segment.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>

namespace mabeam::shm {
namespace {

/// The file of a segment without a supervisor, to be written to as a file.
class SegmentDamage : public ::testing::Test {
 protected:
  SegmentDamage() {
    EXPECT_TRUE(Segment::create(guard_.name(), small_dimensions()));
    fd_ = ::open(guard_.path().c_str(), O_RDWR | O_CLOEXEC);
  }

  SegmentDamage(const SegmentDamage&) = delete;
  SegmentDamage& operator=(const SegmentDamage&) = delete;

  ~SegmentDamage() override { ::close(fd_); }

  template <class T>
  void write(std::size_t offset, T value) const {
    ASSERT_EQ(::pwrite(fd_, &value, sizeof value, static_cast<off_t>(offset)),
              static_cast<ssize_t>(sizeof value));
  }

  [[nodiscard]] unsigned char byte_at(std::size_t offset) const {
    unsigned char byte = 0;
    EXPECT_EQ(::pread(fd_, &byte, 1, static_cast<off_t>(offset)), 1);
    return byte;
  }

  /// What both ways to open it say; they agree.
  [[nodiscard]] Errc refusal() const {
    const auto file = Segment::open_file(guard_.path());
    const auto attached = Segment::attach(guard_.name(), Access::read_only);
    EXPECT_EQ(file.has_value(), attached.has_value());
    if (attached) return Errc{};
    EXPECT_EQ(file.error().code, attached.error().code);
    return attached.error().code;
  }

  NameGuard guard_{unique_name()};
  int fd_ = -1;
};

TEST_F(SegmentDamage, AnIntactFileOpens) {
  EXPECT_EQ(refusal(), Errc{});
}

TEST_F(SegmentDamage, EveryFlippedBitOfTheIdentityIsRefused) {
  for (std::size_t offset = 0; offset < offsetof(Header, checksum) + 8; ++offset) {
    const unsigned char good = byte_at(offset);
    for (unsigned bit = 0; bit < 8; ++bit) {
      write(offset, static_cast<unsigned char>(good ^ (1U << bit)));
      const auto segment = Segment::attach(guard_.name(), Access::read_only);
      ASSERT_FALSE(segment) << "byte " << offset << " bit " << bit;
      const Errc code = segment.error().code;
      ASSERT_TRUE(code == Errc::corrupt || code == Errc::incompatible) << code_name(code);
    }
    write(offset, good);
  }
  EXPECT_EQ(refusal(), Errc{});
}

TEST_F(SegmentDamage, AnotherLayoutIsIncompatible) {
  write(offsetof(Header, layout_hash), layout_hash() + 1);
  EXPECT_EQ(refusal(), Errc::incompatible);
  write(offsetof(Header, layout_hash), layout_hash());
  write(offsetof(Header, layout_version), kLayoutVersion + 1);
  EXPECT_EQ(refusal(), Errc::incompatible);
}

TEST_F(SegmentDamage, AnotherByteOrderIsNamed) {
  write(offsetof(Header, byte_order), __builtin_bswap32(kByteOrder));
  EXPECT_EQ(refusal(), Errc::byte_order);
}

TEST_F(SegmentDamage, AnotherMagicIsCorrupt) {
  write(offsetof(Header, magic), std::uint64_t{0});
  EXPECT_EQ(refusal(), Errc::corrupt);
}

TEST_F(SegmentDamage, EveryShorterFileIsTruncated) {
  const auto total = compute_layout(small_dimensions())->total_bytes;
  for (const std::uint64_t bytes : {total - 1, total / 2, std::uint64_t{4096}, std::uint64_t{4095},
                                    std::uint64_t{100}, std::uint64_t{0}}) {
    ASSERT_EQ(::ftruncate(fd_, static_cast<off_t>(bytes)), 0);
    EXPECT_EQ(refusal(), Errc::truncated) << bytes;
  }
}

TEST_F(SegmentDamage, AFileFullOfAnythingIsCorrupt) {
  for (const int byte : {0x00, 0xFF, 0x41}) {
    const std::vector<char> bytes(8192, static_cast<char>(byte));
    ASSERT_EQ(::pwrite(fd_, bytes.data(), bytes.size(), 0), 8192);
    EXPECT_EQ(refusal(), Errc::corrupt);
  }
}

TEST_F(SegmentDamage, AnUnknownStateIsNotTakenForRunning) {
  write(offsetof(Header, state), std::uint32_t{99});
  const auto segment = Segment::attach(guard_.name(), Access::read_only);
  ASSERT_TRUE(segment);
  EXPECT_NE(segment->state(), RuntimeState::running);
}

TEST_F(SegmentDamage, AnotherPidNamespaceMayOnlyRead) {
  const auto segment = Segment::take_over(guard_.name());
  ASSERT_TRUE(segment);
  Header copy{};
  ASSERT_EQ(::pread(fd_, static_cast<void*>(&copy), offsetof(Header, checksum), 0),
            static_cast<ssize_t>(offsetof(Header, checksum)));
  copy.pid_namespace += 1;
  std::uint64_t checksum = 0xCBF29CE484222325;  // as segment_file.cpp computes it
  const auto* bytes = reinterpret_cast<const unsigned char*>(&copy);
  for (std::size_t i = 0; i < offsetof(Header, checksum); ++i) {
    checksum = (checksum ^ bytes[i]) * 0x100000001B3;
  }
  write(offsetof(Header, pid_namespace), copy.pid_namespace);
  write(offsetof(Header, checksum), checksum);
  EXPECT_TRUE(Segment::attach(guard_.name(), Access::read_only));
  EXPECT_EQ(Segment::attach(guard_.name(), Access::read_write).error().code, Errc::bad_permissions);
}

TEST_F(SegmentDamage, OpenFileIsACopy) {
  const auto copy = Segment::open_file(guard_.path());
  ASSERT_TRUE(copy);
  copy->header().subscription_epoch.store(5);
  EXPECT_EQ(Segment::open_file(guard_.path())->header().subscription_epoch.load(), 0U);
  EXPECT_EQ(Segment::open_file("/nowhere/at/all").error().code, Errc::not_found);
}

}  // namespace
}  // namespace mabeam::shm
