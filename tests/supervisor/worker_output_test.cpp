// WorkerOutput: how much is listened to of a worker that prints without end.
#include "supervisor/worker_output.hpp"

#include <gtest/gtest.h>

#include <string>

#include <unistd.h>

namespace mabeam::supervisor {
namespace {

class ChattyWorker : public ::testing::Test {
 protected:
  ChattyWorker() : output_(WorkerOutput::open(end_).value()) {}

  void print(const std::string& text) {
    ASSERT_EQ(::write(end_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  bool read(Time now) {
    return output_.read(now, [this](std::string_view line, std::string_view) {
      ++told_;
      last_ = line;
    });
  }

  Descriptor end_;
  WorkerOutput output_;
  std::uint32_t told_ = 0;
  std::string last_;
};

TEST_F(ChattyWorker, LinesOverTheBoundAreDroppedUntilTheNextPeriod) {
  std::string lines;
  for (std::uint32_t i = 0; i < 2 * WorkerOutput::kMostLines; ++i)
    lines += "a\n";
  print(lines);
  ASSERT_TRUE(read(WorkerOutput::kPeriod));
  EXPECT_EQ(told_, WorkerOutput::kMostLines);
  EXPECT_TRUE(output_.has_said_enough());
  print("later\n");
  ASSERT_TRUE(read(2 * WorkerOutput::kPeriod));
  EXPECT_EQ(told_, WorkerOutput::kMostLines + 1);
  EXPECT_FALSE(output_.has_said_enough());
}

TEST_F(ChattyWorker, LongLineIsCutAndSaysSo) {
  const std::string whole(WorkerOutput::kLongest, 'a');
  print(whole + "\n");
  ASSERT_TRUE(read(WorkerOutput::kPeriod));
  EXPECT_EQ(last_, whole);
  print(whole + "b\nnext\n");
  ASSERT_TRUE(read(WorkerOutput::kPeriod));
  EXPECT_EQ(last_, "next");
  print(whole + "b\n");
  ASSERT_TRUE(read(WorkerOutput::kPeriod));
  EXPECT_EQ(last_, whole + "...");
}

TEST_F(ChattyWorker, BytesWithoutAnEndCountToo) {
  const std::string much(WorkerOutput::kMostAtOnce / 2, '.');
  for (std::uint64_t read_so_far = 0; read_so_far < WorkerOutput::kMostBytes;
       read_so_far += much.size()) {
    EXPECT_FALSE(output_.has_said_enough());
    print(much);
    ASSERT_TRUE(read(WorkerOutput::kPeriod));
  }
  EXPECT_TRUE(output_.has_said_enough());
  EXPECT_EQ(told_, 0U);
}

}  // namespace
}  // namespace mabeam::supervisor
