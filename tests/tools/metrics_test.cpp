// /metrics: names, units, series, and the page that lists them.
#include "tools/serve/metrics.hpp"

#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace mabeam::tools {
namespace {

using ::testing::HasSubstr;
using tests::SegmentFiller;
using tests::TestSegment;

std::string scrape(const TestSegment& segment) {
  const auto observer = Observer::attach(segment.name());
  return exposition(look_for_metrics(*observer, observer->health()));
}

/// Value by series, `name{labels}`.
std::map<std::string, std::string> series_of(const std::string& text) {
  std::map<std::string, std::string> series;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t blank = line.rfind(' ');
    EXPECT_TRUE(series.emplace(line.substr(0, blank), line.substr(blank + 1)).second)
        << "twice: " << line;
  }
  return series;
}

std::set<std::string> keys_of(const std::map<std::string, std::string>& series) {
  std::set<std::string> keys;
  for (const auto& [key, value] : series)
    keys.insert(key);
  return keys;
}

TEST(Metrics, NamesSayWhatTheyAreAndInWhichUnit) {
  std::set<std::string_view> names;
  for (const Metric& metric : metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_THAT(std::string{metric.name}, ::testing::MatchesRegex("mabeam_[a-z_]+"));
    EXPECT_EQ(metric.kind == MetricKind::counter, metric.name.ends_with("_total")) << metric.name;
    EXPECT_EQ(metric.kind == MetricKind::histogram, metric.samples == nullptr) << metric.name;
    for (const std::string_view unit : {"_ns", "_ms", "_us", "_kb", "_mb", "_percent", "_minutes"})
      EXPECT_FALSE(metric.name.ends_with(unit)) << metric.name << ": base units";
    EXPECT_TRUE(metric.help.ends_with('.')) << metric.name;
    EXPECT_EQ(metric.help.find_first_of("\\\n|"), std::string_view::npos)
        << metric.name << ": the serialiser escapes no help";
  }
}

TEST(Metrics, EverySeriesIsThereFromTheStartAndNoMoreCome) {
  TestSegment segment;
  const auto empty = series_of(scrape(segment));
  for (const Metric& metric : metrics()) {
    const std::string name{metric.name};
    const bool is_histogram = metric.kind == MetricKind::histogram;
    const std::string start = name + (is_histogram ? "_bucket{" : metric.labels.empty() ? "" : "{");
    const auto first = empty.lower_bound(start);
    ASSERT_TRUE(first != empty.end() && first->first.starts_with(start)) << name;
    if (start == name) {
      EXPECT_EQ(first->first, name);
    }
    std::istringstream labels{std::string{metric.labels}};
    for (std::string label; std::getline(labels >> std::ws, label, ',');)
      EXPECT_THAT(first->first, HasSubstr(label + "=\"")) << "the table says so";
  }
  SegmentFiller filler{segment.get()};
  filler.fill();
  EXPECT_EQ(keys_of(series_of(scrape(segment))), keys_of(empty));
}

TEST(Metrics, ShowWhatTheRuntimeDoes) {
  TestSegment segment;
  SegmentFiller filler{segment.get()};
  filler.fill();
  segment.get().worker(1).restarts.store(3);
  segment.get().header().takeovers.store(2);
  auto series = series_of(scrape(segment));
  EXPECT_EQ(series["mabeam_worker_restarts_total{worker=\"0\"}"], "0");
  EXPECT_EQ(series["mabeam_worker_restarts_total{worker=\"1\"}"], "3");
  EXPECT_EQ(series["mabeam_supervisor_takeovers_total"], "2");
  EXPECT_EQ(series["mabeam_workers{state=\"ready\"}"], "2");
  EXPECT_EQ(series["mabeam_state{state=\"running\"}"], "1");
  EXPECT_EQ(series["mabeam_state{state=\"draining\"}"], "0");
  EXPECT_EQ(series["mabeam_live"], "1");
  EXPECT_EQ(series["mabeam_ready"], "1");
  EXPECT_EQ(series["mabeam_health{part=\"worker\"}"], "0");
  EXPECT_EQ(series["mabeam_dead_letters"], "1");
  segment.get().worker(1).supervised_state.store(static_cast<std::uint32_t>(WorkerState::failed));
  series = series_of(scrape(segment));
  EXPECT_EQ(series["mabeam_health{part=\"worker\"}"], "2") << "the worst";
  EXPECT_EQ(series["mabeam_workers{state=\"failed\"}"], "1");
}

TEST(Metrics, LatenciesAreAHistogramInSeconds) {
  TestSegment segment;
  shm::Histogram& latencies = segment.get().metrics(0).latency_ns;
  for (const std::int64_t ns : {0, 255, 256, 1023, 1024, 1'000'000})
    latencies.record(ns);
  latencies.record(std::int64_t{1} << 40);
  auto series = series_of(scrape(segment));
  const auto bucket = [&](const std::string& le) {
    return series["mabeam_message_latency_seconds_bucket{le=\"" + le + "\"}"];
  };
  EXPECT_EQ(bucket("2.55e-07"), "2");
  EXPECT_EQ(bucket("1.023e-06"), "4");
  EXPECT_EQ(bucket("4.095e-06"), "5");
  EXPECT_EQ(bucket("0.001048575"), "6");
  EXPECT_EQ(bucket("17.179869183"), "6");
  EXPECT_EQ(bucket("+Inf"), "7");
  EXPECT_EQ(series["mabeam_message_latency_seconds_count"], "7");
  EXPECT_NEAR(std::stod(series["mabeam_message_latency_seconds_sum"]), 1099.5, 1099.5 / 8);
}

TEST(Metrics, ThePageListsExactlyThese) {
  std::ifstream page{MABEAM_SOURCE_DIR "/docs/monitoring.md"};
  const std::string text{std::istreambuf_iterator<char>{page}, {}};
  std::string table;
  for (const Metric& metric : metrics()) {
    table += "| `" + std::string{metric.name} + "` | " + std::string{to_string(metric.kind)} +
             " | " + std::string{metric.labels} + " | " + std::string{metric.help} + " |\n";
  }
  EXPECT_THAT(text, HasSubstr(table + "\n")) << "paste this table:\n" << table;
  std::size_t rows = 0;  // that begin with a name alone: an alert's goes on
  const std::string row = "\n| `mabeam_";
  for (std::size_t at = text.find(row); at != std::string::npos; at = text.find(row, at + 1)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 4);
    rows += text.compare(end, 3, "` |") == 0 ? 1U : 0U;
  }
  EXPECT_EQ(rows, metrics().size());
}

}  // namespace
}  // namespace mabeam::tools
