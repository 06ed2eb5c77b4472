#include "tools/feed/feeder.hpp"

#include "tools/cli/stop_signal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

class FeederTest : public ::testing::Test {
 protected:
  std::optional<Failure> feed(std::string text, bool is_strict = false,
                              std::string_view format = "ndjson") {
    std::size_t at = 0;
    LineSource lines([&](std::span<char> buffer) {
      const std::size_t count = std::min(text.size() - at, buffer.size());
      std::copy_n(text.data() + at, count, buffer.data());
      at += count;
      return static_cast<std::ptrdiff_t>(count);
    });
    const auto reader = make_record_reader(format, lines).value();
    const TopicTemplate topics = TopicTemplate::parse("t.{a}").value();
    Output output(out_, err_, {});
    output.set_command("feed");
    Progress progress(output);
    Feeder feeder(
        *reader, topics,
        [this](std::string_view topic, std::string_view record) -> Result<> {
          if (record.find(refused_) != std::string_view::npos) return fail(refusal_);
          emitted.push_back(std::string(topic) + "=" + std::string(record));
          return {};
        },
        progress);
    auto failure = feeder.run(is_strict);
    totals = feeder.totals();
    return failure;
  }

  void refuse_records_with(std::string_view text, Errc code) {
    refused_ = text;
    refusal_ = code;
  }

  [[nodiscard]] std::string err() const { return err_.str(); }

  std::vector<std::string> emitted;
  FeedTotals totals;

 private:
  std::string refused_ = "no such text";
  Errc refusal_ = Errc::backpressure;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(FeederTest, EveryRecordIsOneEvent) {
  EXPECT_FALSE(feed("{\"a\":1}\n{\"b\":2}\n"));
  EXPECT_EQ(emitted, (std::vector<std::string>{"t.1={\"a\":1}", "t.none={\"b\":2}"}));
  EXPECT_EQ(totals.records, 2U);
  EXPECT_EQ(totals.accepted, 2U);
  EXPECT_EQ(totals.rejected, 0U);
  EXPECT_EQ(totals.bytes, 14U);
  EXPECT_EQ(err(), "");
}

TEST_F(FeederTest, BadRecordIsCountedShownAndPassed) {
  EXPECT_FALSE(feed("{\"a\":1}\n[]\n{\"a\":2}\n"));
  EXPECT_EQ(totals.records, 3U);
  EXPECT_EQ(totals.accepted, 2U);
  EXPECT_EQ(totals.rejected, 1U);
  EXPECT_EQ(err(), "mabeam feed: line 2: a JSON array, not an object (skipped)\n");
}

TEST_F(FeederTest, OnlyTheFirstTenAreShown) {
  const std::string five = "[]\n[]\n[]\n[]\n[]\n";
  EXPECT_FALSE(feed(five + five + five + five + five + five + five + five + five + five));
  EXPECT_EQ(totals.rejected, 50U);
  const std::string shown = err();
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 11);
  EXPECT_NE(shown.find("line 10: "), std::string::npos);
  EXPECT_EQ(shown.find("line 11: "), std::string::npos);
}

TEST_F(FeederTest, StrictEndsAtTheFirst) {
  const auto failure = feed("{\"a\":1}\n[]\n{\"a\":2}\n", true);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit, Exit::refused);
  EXPECT_EQ(failure->code, "bad_record");
  EXPECT_EQ(failure->message, "line 2: a JSON array, not an object");
  EXPECT_EQ(totals.accepted, 1U);
  EXPECT_EQ(totals.rejected, 1U);
}

TEST_F(FeederTest, RecordTooLargeForTheRuntimeIsTheRecordsFault) {
  refuse_records_with("large", Errc::payload_too_large);
  EXPECT_FALSE(feed("{\"a\":\"large\"}\n{\"a\":2}\n"));
  EXPECT_EQ(totals.accepted, 1U);
  EXPECT_EQ(totals.rejected, 1U);
  EXPECT_TRUE(err().starts_with("mabeam feed: line 1: topic 't.large': ")) << err();
}

TEST_F(FeederTest, FullTableOfNamesEndsTheFeed) {
  refuse_records_with("2", Errc::symbols_full);
  const auto failure = feed("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit, Exit::refused);
  EXPECT_EQ(failure->code, "symbols_full");
  EXPECT_NE(failure->message.find("start the runtime anew"), std::string::npos) << failure->message;
  EXPECT_EQ(totals.records, 1U);
  EXPECT_EQ(totals.rejected, 0U);
}

TEST_F(FeederTest, FullRuntimeEndsTheFeed) {
  refuse_records_with("2", Errc::backpressure);
  const auto failure = feed("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit, Exit::try_again);
  EXPECT_EQ(failure->code, "backpressure");
  EXPECT_EQ(totals.records, 1U);
  EXPECT_EQ(totals.accepted, 1U);
}

using FeederDeathTest = FeederTest;

// NOLINTBEGIN(readability-function-cognitive-complexity): EXPECT_EXIT alone has 36

TEST_F(FeederDeathTest, StopRequestEndsTheFeedWithoutAFailure) {
  const auto stopped_feed = [this] {
    watch_stop_signals();
    std::raise(SIGTERM);
    const auto failure = feed("{\"a\":1}\n");
    std::_Exit(!failure && totals.records == 0 && stop_requested() ? 42 : 1);
  };
  EXPECT_EXIT(stopped_feed(), ::testing::ExitedWithCode(42), "");
}

TEST_F(FeederDeathTest, SecondSignalKills) {
  const auto stubborn = [] {
    watch_stop_signals();
    std::raise(SIGINT);
    std::raise(SIGINT);
    std::_Exit(1);
  };
  EXPECT_EXIT(stubborn(), ::testing::KilledBySignal(SIGINT), "");
}

// NOLINTEND(readability-function-cognitive-complexity)

}  // namespace

}  // namespace mabeam::tools
