// What a worker says of burials: where, how often, and what of it is counted only.
#include "worker/burial_notes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::worker {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

class BurialNotesTest : public ::testing::Test {
 protected:
  ~BurialNotesTest() override {
    close_reader();
    ::close(pipe_[1]);
  }

  void close_reader() {
    if (pipe_[0] >= 0) ::close(pipe_[0]);
    pipe_[0] = -1;
  }

  void fill_pipe() const {
    const std::array<char, 4096> bytes{};
    while (::write(pipe_[1], bytes.data(), bytes.size()) > 0) {
    }
  }

  std::string read_all() const {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
      const auto count = ::read(pipe_[0], buffer.data(), buffer.size());
      if (count <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

  void say(std::int64_t now_ns, std::string_view name = "jobs") {
    notes().poison({.shard = 2,
                    .message = "cra\nsh",
                    .agent = AgentId{EndpointId{3}, 1, 7},
                    .name = name,
                    .deaths = 3},
                   now_ns);
  }

  BurialNotes& notes() { return notes_; }

 private:
  std::array<int, 2> pipe_{-1, -1};
  BurialNotes notes_{open_pipe()};

  int open_pipe() {
    EXPECT_EQ(::pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK), 0);
    return pipe_[1];
  }
};

TEST_F(BurialNotesTest, PoisonNamesTheMessageAndTheAgent) {
  say(kSecond);
  EXPECT_EQ(read_all(),
            "mabeam-worker: shard 2: 'cra?sh' for agent 0300000100000007 'jobs' is now a dead "
            "letter: poison (deaths of workers under it: 3)\n");
  say(2 * kSecond, "");
  EXPECT_NE(read_all().find("for agent 0300000100000007 is now"), std::string::npos);
}

TEST_F(BurialNotesTest, CorruptSaysHowMuchIsLost) {
  notes().corrupt(1, 4, 96, kSecond);
  EXPECT_EQ(read_all(),
            "mabeam-worker: shard 1: 96 bytes of a ring from endpoint 4 given up, with a dead "
            "letter: corrupt\n");
}

TEST_F(BurialNotesTest, OneLineASecondAndTheRestIsCounted) {
  say(kSecond);
  say(kSecond + 1);
  say(2 * kSecond - 1);
  notes().corrupt(1, 4, 96, 2 * kSecond - 1);
  const std::string first = read_all();
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 1);
  say(2 * kSecond);
  EXPECT_TRUE(read_all().ends_with(" (3 more since the last such line)\n"));
  say(3 * kSecond);
  EXPECT_EQ(read_all().find("more since"), std::string::npos);
}

TEST_F(BurialNotesTest, FullPipeIsNotWaitedFor) {
  fill_pipe();
  say(kSecond);
  (void)read_all();
  say(kSecond + 1);
  EXPECT_TRUE(read_all().ends_with(" (1 more since the last such line)\n"));
}

TEST_F(BurialNotesTest, PipeWithoutAReaderKillsNobody) {
  close_reader();
  say(kSecond);
}

}  // namespace
}  // namespace mabeam::worker
