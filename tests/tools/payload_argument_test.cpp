#include "tools/cli/payload_argument.hpp"

#include "tools/cli/input.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace mabeam::tools {

namespace {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view bytes)
      : path_(std::filesystem::temp_directory_path() /
              ("mabeam-payload-" + std::to_string(::getpid()))) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  ~TemporaryFile() { std::filesystem::remove(path_); }

  [[nodiscard]] std::string path() const { return path_.string(); }

  [[nodiscard]] std::string operand() const { return "@" + path(); }

 private:
  std::filesystem::path path_;
};

std::string bytes_of(const PayloadArgument& argument) {
  const PayloadRef payload = argument.ref();
  const auto bytes = payload.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(PayloadArgument, LeftOutIsEmptyWithoutContent) {
  const auto argument = PayloadArgument::read(std::nullopt);
  ASSERT_TRUE(argument);
  EXPECT_TRUE(argument->ref().bytes().empty());
  EXPECT_EQ(argument->ref().content(), Content::none);
}

TEST(PayloadArgument, TextStandsForItself) {
  const auto argument = PayloadArgument::read("5");
  ASSERT_TRUE(argument);
  EXPECT_EQ(bytes_of(*argument), "5");
  EXPECT_EQ(argument->ref().content(), Content::text);
}

TEST(PayloadArgument, FileIsReadWholeAndKeepsItsLastLineEnd) {
  const TemporaryFile file("one\ntwo\n");
  const auto argument = PayloadArgument::read(file.operand());
  ASSERT_TRUE(argument) << argument.error().message;
  EXPECT_EQ(bytes_of(*argument), "one\ntwo\n");
  EXPECT_EQ(argument->ref().content(), Content::text);
}

TEST(PayloadArgument, WhatIsNoTextIsBytes) {
  const TemporaryFile file(std::string_view("\xFF\0x", 3));
  const auto argument = PayloadArgument::read(file.operand());
  ASSERT_TRUE(argument);
  EXPECT_EQ(bytes_of(*argument), std::string_view("\xFF\0x", 3));
  EXPECT_EQ(argument->ref().content(), Content::bytes);
}

TEST(PayloadArgument, UnreadableFileIsNamedWithTheReason) {
  const auto missing = PayloadArgument::read("@/nonexistent/file");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().exit, Exit::refused);
  EXPECT_EQ(missing.error().message, "cannot read '/nonexistent/file': No such file or directory");
  const auto directory = PayloadArgument::read("@/tmp");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().exit, Exit::refused);
  EXPECT_EQ(directory.error().message, "cannot read '/tmp': Is a directory");
}

TEST(Input, LimitIsTheLargestThatIsRead) {
  const TemporaryFile file("1234");
  EXPECT_EQ(Input::open(file.path())->read_all(4), "1234");
  const auto over = Input::open(file.path())->read_all(3);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().message, "'" + file.path() + "' is over 3 bytes");
}

TEST(PayloadArgument, EndlessInputIsRefusedAtTheLargestRing) {
  const auto argument = PayloadArgument::read("@/dev/zero");
  ASSERT_FALSE(argument);
  EXPECT_EQ(argument.error().message, "'/dev/zero' is over 67108864 bytes");
}

}  // namespace

}  // namespace mabeam::tools
