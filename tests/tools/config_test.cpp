// `mabeam config`: the example configuration, whole or a section of it.
#include "tools/config/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace mabeam::tools::config {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ConfigText, IsTheExampleToTheByte) {
  std::ifstream file{MABEAM_SOURCE_DIR "/examples/mabeam.toml"};
  const std::string example{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_FALSE(example.empty());
  EXPECT_EQ(kText, example);
}

TEST(ConfigText, HasSections) {
  const std::string worker{section("worker")};
  EXPECT_THAT(worker, StartsWith("[worker]\n"));
  EXPECT_THAT(worker, HasSubstr("#max_attempts"));
  EXPECT_THAT(worker, Not(HasSubstr("[restart]")));
  EXPECT_THAT(std::string{section("serve")}, HasSubstr("#listen"));
  for (const char* none : {"", "wroker", "worker]\n", "runtime]"})
    EXPECT_TRUE(section(none).empty()) << none;
}

}  // namespace

}  // namespace mabeam::tools::config
