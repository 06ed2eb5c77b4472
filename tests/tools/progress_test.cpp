#include "tools/cli/progress.hpp"

#include "tests/support/wait_until.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace mabeam::tools {
namespace {

TEST(ProgressTest, LongWorkIsToldOnATerminalAndWipedAtTheEnd) {
  std::ostringstream out;
  std::ostringstream err;
  Output output(out, err, {.err_is_terminal = true});
  Progress progress(output);
  progress.update("stopped", 1, 2'000);
  EXPECT_EQ(err.str(), "") << "what is soon done is not told";
  ASSERT_TRUE(tests::wait_until(std::chrono::seconds{10}, [&] {
    progress.update("stopped", 1'200, 2'000);
    return !err.str().empty();
  }));
  EXPECT_EQ(err.str(), "\r\x1B[Kstopped 1,200 of 2,000");
  progress.clear();
  EXPECT_EQ(err.str(), "\r\x1B[Kstopped 1,200 of 2,000\r\x1B[K");
  EXPECT_EQ(out.str(), "");
}

TEST(ProgressTest, NothingIsToldWhereNobodyLooks) {
  std::ostringstream out;
  std::ostringstream err;
  Output output(out, err, {});
  Progress progress(output);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(tests::wait_until(std::chrono::seconds{10}, [&] {
    progress.update("stopped", 1, 2);
    return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds{700};
  }));
  progress.clear();
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace mabeam::tools
