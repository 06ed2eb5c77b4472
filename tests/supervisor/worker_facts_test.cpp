// WorkerFacts: what of the flight recorder's records becomes a line of the log, and when.
#include "supervisor/worker_facts.hpp"

#include "shm/flight_recorder.hpp"
#include "tests/supervisor/log_pipe.hpp"
#include "tests/support/test_segment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace mabeam::supervisor {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WorkerFactsTest : public ::testing::Test {
 protected:
  WorkerFactsTest() { facts_.emplace(segment_.get(), log_); }

  void note(std::string_view text, std::vector<shm::LogField> fields = {}) {
    shm::FlightRecorder{segment_.get().recorder(), 1}.write(FactLevel::warn, text, fields);
  }

  /// A record that somebody has begun.
  void begin() { (void)shm::FactSlots{segment_.get().recorder()}.begin(); }

  std::vector<nlohmann::json> lines() {
    std::istringstream text{pipe_.take()};
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(text, line);)
      lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  std::vector<std::string> told(nanoseconds now, bool is_last = false) {
    facts_->scan(now, is_last);
    std::vector<std::string> texts;
    for (const auto& line : lines())
      texts.push_back(line["message"]);
    return texts;
  }

  void replace_supervisor() { facts_.emplace(segment_.get(), log_); }

 private:
  static shm::Dimensions dimensions() {
    shm::Dimensions d = tests::small_dimensions();
    d.recorder_facts = 512;
    return d;
  }

  tests::TestSegment segment_{dimensions()};
  LogPipe pipe_;

 protected:
  Log log_{{.format = LogFormat::json}, "prod", pipe_.fd()};
  std::optional<WorkerFacts> facts_;
};

TEST_F(WorkerFactsTest, HaveTheirLevelAndTheirFields) {
  note("poison", {{"shard", 2U}, {"agent", "a1"}});
  facts_->scan(seconds{1});
  const auto all = lines();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["level"], "warning");
  EXPECT_EQ(all[0]["message"], "poison");
  EXPECT_EQ(all[0]["worker"], 1);
  EXPECT_EQ(all[0]["shard"], 2);
  EXPECT_EQ(all[0]["agent"], "a1");
}

TEST_F(WorkerFactsTest, KeysOfALineAreNotTheirs) {
  note("poison", {{"message", "other"},
                  {"level", "error"},
                  {"time", "1970"},
                  {"runtime", "x"},
                  {"a\":1,\"b", "x"},
                  {"worker", 7U}});
  facts_->scan(seconds{1});
  const auto all = lines();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["message"], "poison");
  EXPECT_EQ(all[0]["level"], "warning");
  EXPECT_EQ(all[0]["runtime"], "prod");
  EXPECT_EQ(all[0].size(), 5U) << all[0];
}

TEST_F(WorkerFactsTest, AreToldOnceWhoeverIsTheSupervisor) {
  note("first");
  EXPECT_THAT(told(seconds{1}), ElementsAre("first"));
  note("second");
  replace_supervisor();
  EXPECT_THAT(told(seconds{2}), ElementsAre("second"));
  EXPECT_THAT(told(seconds{3}), IsEmpty());
}

TEST_F(WorkerFactsTest, ThoseThatAreBeingWrittenAreWaitedForTogether) {
  for (int i = 0; i < 8; ++i)
    begin();
  note("behind them");
  EXPECT_THAT(told(seconds{10}), IsEmpty());
  begin();
  note("later");
  EXPECT_THAT(told(seconds{10} + WorkerFacts::kPatience - nanoseconds{1}), IsEmpty());
  EXPECT_THAT(told(seconds{10} + WorkerFacts::kPatience), ElementsAre("behind them"));
  EXPECT_THAT(told(seconds{10} + 2 * WorkerFacts::kPatience), ElementsAre("later"));
}

TEST_F(WorkerFactsTest, NothingIsWaitedForAtTheEnd) {
  begin();
  note("behind it");
  EXPECT_THAT(told(seconds{10}, true), ElementsAre("behind it"));
}

// Whatever it says of itself, what was held back is told of some worker.
TEST_F(WorkerFactsTest, WorkerOfANumberThatCannotBe) {
  for (std::uint32_t i = 0; i <= shm::Repeats::kMostInPeriod; ++i)
    note("again and again", {{"worker", std::uint64_t{1} << 40U}});
  facts_->scan(seconds{1});
  (void)lines();
  log_.end_repeats();
  const auto all = lines();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["message"], "repeated: again and again");
  EXPECT_EQ(all[0]["worker"], 0);
}

TEST_F(WorkerFactsTest, FloodIsHeldBack) {
  for (int i = 0; i < 30; ++i)
    note("again and again");
  EXPECT_EQ(told(seconds{1}).size(), shm::Repeats::kMostInPeriod);
  for (int i = 0; i < 300; ++i)
    note("no. " + std::to_string(i));
  EXPECT_EQ(told(seconds{2}).size(), WorkerFacts::kMostLines);
}

}  // namespace
}  // namespace mabeam::supervisor
