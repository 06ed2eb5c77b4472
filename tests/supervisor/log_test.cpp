#include "supervisor/log.hpp"

#include "supervisor/descriptor.hpp"
#include "tests/supervisor/log_pipe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

TEST(Log, JsonLineHasItsFields) {
  LogPipe pipe;
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
  LogPipe pipe;
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
  const std::array fields{LogField{"a", 1}, LogField{"b", "two words"}, LogField{"c", ""}};
  EXPECT_EQ(render_line(LogFormat::text, "prod", "it\nis", fields),
            "it\\u000ais a=1 b=\"two words\" c=\"\"");
}

TEST(Log, JournalLineBeginsWithItsLevel) {
  LogPipe pipe;
  Log log({.level = LogLevel::debug, .format = LogFormat::journald}, "prod", pipe.fd());
  log.error("e");
  log.warn("w");
  log.info("i");
  log.debug("d");
  EXPECT_EQ(pipe.take(), "<3>e\n<4>w\n<6>i\n<7>d\n");
}

// Standard error is what $JOURNAL_STREAM names, as a unit's is.
TEST(Log, JournalGetsEveryFieldAsOneOfItsOwn) {
  const std::string path = ::testing::TempDir() + "journal-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const Descriptor journal{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
  ASSERT_EQ(::bind(journal.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  LogPipe pipe;

  struct stat status {};

  ASSERT_EQ(::fstat(pipe.fd(), &status), 0);
  const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
  Log log({.format = LogFormat::automatic}, "prod", pipe.fd(), path.c_str());
  ::unsetenv("JOURNAL_STREAM");
  log.warn("worker died", {{"worker", 2U}, {"lived_ms", 1.5}, {"cause", "a\nb"}});
  std::array<char, 4096> bytes{};
  const auto count = ::recv(journal.get(), bytes.data(), bytes.size(), 0);
  ASSERT_GT(count, 0);
  EXPECT_EQ(std::string(bytes.data(), static_cast<std::size_t>(count)),
            std::string{"MESSAGE=worker died worker=2 lived_ms=1.5 cause=\"a\\u000ab\"\n"
                        "PRIORITY=4\nSYSLOG_IDENTIFIER=mabeam-supervisor\nMABEAM_RUNTIME=prod\n"
                        "MABEAM_WORKER=2\nMABEAM_LIVED_MS=1.5\nMABEAM_CAUSE\n\3"} +
                std::string(7, '\0') + "a\nb\n");
  EXPECT_EQ(pipe.take(), "") << "not twice";
  ::unlink(path.c_str());
}

TEST(Log, LevelIsObeyedAndMayBeChanged) {
  LogPipe pipe;
  Log log({.level = LogLevel::warn, .format = LogFormat::journald}, "prod", pipe.fd());
  log.info("no");
  log.configure({.level = LogLevel::info, .format = LogFormat::journald});
  log.info("yes");
  EXPECT_EQ(pipe.take(), "<6>yes\n");
}

TEST(Log, FullPipeDropsLinesAndTellsHowMany) {
  LogPipe pipe;
  Log log({.format = LogFormat::journald}, "prod", pipe.fd());
  for (int i = 0; i < 10'000; ++i)
    log.info("line " + std::to_string(i) + " that nobody reads");
  const std::string whole = pipe.take();
  EXPECT_TRUE(whole.ends_with("reads\n"));
  const auto lost = 10'000 - std::count(whole.begin(), whole.end(), '\n');
  log.info("back");
  EXPECT_EQ(pipe.take(), "<4>log lines were dropped lines=" + std::to_string(lost) + "\n<6>back\n");
}

// The line and the record are of the same text and fields.
TEST(Log, WhatIsToldIsRecordedInTheSameWords) {
  alignas(128) std::array<std::byte, shm::FactSlots::bytes_for(16)> region{};
  LogPipe pipe;
  Log log({.level = LogLevel::warn, .format = LogFormat::json}, "prod", pipe.fd());
  log.record_in(shm::FlightRecorder{region});
  log.warn("worker died", {{"worker", 2U}, {"code", -3}, {"ms", 1.26}, {"cause", "a \"b\""}});
  log.debug("below the level");
  const auto line = nlohmann::json::parse(pipe.take());
  const FactList list = shm::read_facts(region);
  ASSERT_EQ(list.facts.size(), 2U);
  const FactView& fact = list.facts[0];
  EXPECT_EQ(line["message"], fact.text);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(fact.level, FactLevel::warn);
  ASSERT_EQ(fact.fields.size(), line.size() - 4);  // time, level, runtime, message
  for (const FactField& field : fact.fields)
    std::visit([&](const auto& value) { EXPECT_EQ(line[field.key], value); }, field.value);
  EXPECT_EQ(list.facts[1].text, "below the level");
}

TEST(Log, RepeatsAreCountedInLogAndRecorder) {
  alignas(128) std::array<std::byte, shm::FactSlots::bytes_for(64)> region{};
  LogPipe pipe;
  Log log({.format = LogFormat::journald}, "prod", pipe.fd());
  log.record_in(shm::FlightRecorder{region});
  for (int i = 0; i < 1000; ++i)
    log.warn("again", {{"worker", 1U}});
  log.warn("again", {{"worker", 2U}});
  log.tell_repeats();  // the period is not over
  EXPECT_EQ(shm::read_facts(region).facts.size(), shm::Repeats::kMostInPeriod + 1);
  const std::string text = pipe.take();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), shm::Repeats::kMostInPeriod + 1);
  log.end_repeats();
  EXPECT_EQ(pipe.take(), "<4>repeated: again worker=1 times=980\n");
  log.end_repeats();
  log.warn("later");
  EXPECT_EQ(pipe.take(), "<4>later\n") << "it is told once";
}

TEST(Log, OneClientsFactsAreNoRepeatsOfAnothers) {
  LogPipe pipe;
  Log log({.format = LogFormat::journald}, "prod", pipe.fd());
  for (std::uint32_t endpoint = 0; endpoint < 100; ++endpoint)
    log.info("client attached", {{"endpoint", endpoint}, {"pid", 4711}});
  const std::string text = pipe.take();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
}

// What is longer a pipe may take in part, and then the next line begins in the middle of one.
TEST(Log, LinesFitIntoAPipeAtOnceHoweverMuchIsEscaped) {
  for (const char c : {'\x01', '\xFF', '"'}) {
    LogPipe pipe;
    Log log({.format = LogFormat::json}, "prod", pipe.fd());
    log.info("worker says", {{"worker", 0U}, {"text", std::string(1024, c)}});
    EXPECT_TRUE(nlohmann::json::accept(pipe.take()));
  }
}

TEST(Log, TerminalsAreGivenNothingToObey) {
  const std::array fields{LogField{"text",
                                   "a\xC2\x9B"
                                   "31mb\x1B[0m \xC3\xA9"}};
  EXPECT_EQ(render_line(LogFormat::text, "prod", "it\xC2\x85is", fields),
            "it\\u0085is text=\"a\\u009b31mb\\u001b[0m \xC3\xA9\"");
}

TEST(Log, LongLinesAreShownInPart) {
  LogPipe pipe;
  Log log({.format = LogFormat::json}, "prod", pipe.fd());
  log.info(std::string(100'000, 'x'), {{"text", std::string(100'000, 'y')}});
  EXPECT_TRUE(nlohmann::json::accept(pipe.take()));
}

}  // namespace
}  // namespace mabeam::supervisor
