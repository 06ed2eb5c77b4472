#include "supervisor/log.hpp"

#include "supervisor/descriptor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

/// A pipe, with what was written to it.
class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
  }

  [[nodiscard]] int fd() const { return write_.get(); }

  std::string take() {
    std::array<char, 1 << 17> bytes{};
    ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
    const auto count = ::read(read_.get(), bytes.data(), bytes.size());
    return {bytes.data(), count < 0 ? 0 : static_cast<std::size_t>(count)};
  }

 private:
  Descriptor read_;
  Descriptor write_;
};

TEST(Log, JsonLineHasItsFields) {
  Pipe pipe;
  Log log({.format = LogFormat::automatic}, "prod", pipe.fd());
  log.info("worker ready", {{"worker", 2U}, {"pid", 4711}, {"ms", 3.14159}, {"cause", "x"}});
  const auto line = nlohmann::json::parse(pipe.take());
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["runtime"], "prod");
  EXPECT_EQ(line["message"], "worker ready");
  EXPECT_EQ(line["worker"], 2);
  EXPECT_EQ(line["pid"], 4711);
  EXPECT_EQ(line["ms"], 3.1);
  EXPECT_EQ(line["cause"], "x");
}

TEST(Log, WhateverTheTextTheLineIsJson) {
  Pipe pipe;
  Log log({.format = LogFormat::json}, "prod", pipe.fd());
  std::string every;
  for (int byte = 0; byte < 256; ++byte)
    every += static_cast<char>(byte);
  for (const std::string& text :
       {every, std::string{"\"\\\n{} {0} %v"}, std::string{"\xC3\xA9\xF0\x9F\x90\x9D"},
        std::string{"\xED\xA0\x80 \xC0\x80 \xF4\x90\x80\x80 \xE2\x82"}}) {
    log.error(text, {{"text", text}});
    const std::string line = pipe.take();
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1);
  }
}

TEST(Log, TextLineQuotesWhatNeedsIt) {
  EXPECT_EQ(
      render_line(LogFormat::text, "prod", "it\nis", {{"a", 1}, {"b", "two words"}, {"c", ""}}),
      "it\\u000ais a=1 b=\"two words\" c=\"\"");
}

TEST(Log, JournalLineBeginsWithItsLevel) {
  Pipe pipe;
  Log log({.level = LogLevel::debug, .format = LogFormat::journald}, "prod", pipe.fd());
  log.error("e");
  log.warn("w");
  log.info("i");
  log.debug("d");
  EXPECT_EQ(pipe.take(), "<3>e\n<4>w\n<6>i\n<7>d\n");
}

TEST(Log, LevelIsObeyedAndMayBeChanged) {
  Pipe pipe;
  Log log({.level = LogLevel::warn, .format = LogFormat::journald}, "prod", pipe.fd());
  log.info("no");
  log.configure({.level = LogLevel::info, .format = LogFormat::journald});
  log.info("yes");
  EXPECT_EQ(pipe.take(), "<6>yes\n");
}

TEST(Log, FullPipeDropsLinesAndTellsHowMany) {
  Pipe pipe;
  Log log({.format = LogFormat::journald}, "prod", pipe.fd());
  for (int i = 0; i < 10'000; ++i)
    log.info("a line that nobody reads");
  const std::string whole = pipe.take();
  EXPECT_TRUE(whole.ends_with("reads\n"));
  log.info("back");
  EXPECT_THAT(pipe.take(),
              ::testing::MatchesRegex("<4>log lines were dropped lines=[0-9]+\n<6>back\n"));
}

TEST(Log, LongLinesAreShownInPart) {
  Pipe pipe;
  Log log({.format = LogFormat::json}, "prod", pipe.fd());
  log.info(std::string(100'000, 'x'), {{"text", std::string(100'000, 'y')}});
  EXPECT_TRUE(nlohmann::json::accept(pipe.take()));
}

}  // namespace
}  // namespace mabeam::supervisor
