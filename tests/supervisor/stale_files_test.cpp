// Segments that nobody will use: taken away, and nothing else is.
#include "supervisor/stale_files.hpp"

#include "shm/segment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

using std::chrono::seconds;
using Names = std::vector<std::string>;

class StaleFiles : public ::testing::Test {
 protected:
  StaleFiles() : folder_("/tmp/mabeam-stale-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }

  ~StaleFiles() override { std::filesystem::remove_all(folder_); }

  std::string put(const std::string& name, seconds age = seconds{3600}) const {
    const std::string path = folder_ + "/" + name;
    if (!std::filesystem::exists(path)) std::ofstream{path} << "x";
    const timespec then{::time(nullptr) - age.count(), 0};
    const std::array times{then, then};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
    return path;
  }

  /// A segment in that state, as its supervisor leaves it.
  std::string put_segment(const std::string& name, RuntimeState state) const {
    alignas(shm::Header) std::array<std::byte, sizeof(shm::Header)> bytes{};
    auto& header = *reinterpret_cast<shm::Header*>(bytes.data());
    header.magic = shm::kMagic;
    header.layout_hash = shm::layout_hash();
    header.checksum = shm::header_checksum(header);
    header.state.store(static_cast<std::uint32_t>(state));
    std::ofstream{folder_ + "/" + name, std::ios::binary}.write(
        reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return put(name);
  }

  [[nodiscard]] Names remove() const { return remove_stale_segments(folder_, seconds{60}); }

  std::string folder_;
};

TEST_F(StaleFiles, HalfBuiltAndHalfRemovedOnesGo) {
  put("mabeam-a.new");
  put_segment("mabeam-b", RuntimeState::removed);
  Names removed = remove();
  std::sort(removed.begin(), removed.end());
  EXPECT_EQ(removed, (Names{"mabeam-a.new", "mabeam-b"}));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(StaleFiles, WholeSegmentsStayWhoeverHasDied) {
  put_segment("mabeam-a", RuntimeState::running);
  put_segment("mabeam-b", RuntimeState::stopped);
  put("mabeam-c");
  EXPECT_EQ(remove(), Names{});
}

TEST_F(StaleFiles, WhatIsNewOrNoSegmentOrNoFileStays) {
  put("mabeam-a.new", seconds{5});
  put("mabeam-A!.new");
  put("other.new");
  std::filesystem::create_directory(folder_ + "/mabeam-d.new");
  std::filesystem::create_symlink(put("kept"), folder_ + "/mabeam-l.new");
  EXPECT_EQ(remove(), Names{});
  EXPECT_EQ(remove_stale_segments("/no/folder", seconds{60}), Names{});
}

TEST_F(StaleFiles, OneThatItsSupervisorHoldsStays) {
  const int fd = ::open(put("mabeam-a.new").c_str(), O_RDWR | O_CLOEXEC);

  struct flock lock {};

  lock.l_type = F_WRLCK;
  lock.l_len = 1;
  ASSERT_EQ(::fcntl(fd, F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(remove(), Names{});
  ::close(fd);
  EXPECT_EQ(remove(), Names{"mabeam-a.new"});
}

}  // namespace
}  // namespace mabeam::supervisor
