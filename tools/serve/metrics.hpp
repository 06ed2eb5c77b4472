// The metrics of a runtime: one table, from which /metrics and the page in docs/monitoring.md are
// made.
//
// Every series is there from the start, and there are never more: a label's values are few and
// known (a state, a reason), or numbers that the configuration bounds (a worker).
#pragma once

#include "shm/segment.hpp"

#include "mabeam/observer.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::tools {

/// What a scrape looks at: copies, a moment old.
struct MetricsView {
  RuntimeView runtime;
  StatsView stats;
  HealthView health;
  LimitsView limits;
  DeadLetterList letters;
  ChannelsView channels;
  Usage names;                                 ///< interned
  Usage name_text;                             ///< bytes
  std::vector<std::uint64_t> worker_openings;  ///< of breakers, as runtime.workers
  std::vector<std::uint64_t> agent_breakers;   ///< by BreakerState
  std::uint64_t agent_breaker_openings = 0;
};

MetricsView look_for_metrics(const Observer& observer, HealthView health);

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

std::string_view to_string(MetricKind kind);

struct MetricSample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

using MetricSamples = std::vector<MetricSample>;

struct Metric {
  std::string_view name;
  MetricKind kind;
  std::string_view labels;  ///< their names, comma-separated; all samples have them
  std::string_view help;
  /// Null for the histogram of latencies.
  MetricSamples (*samples)(const MetricsView& view);
};

std::span<const Metric> metrics();

/// Buckets of latencies as Prometheus has them: upper bounds in seconds, cumulative counts.
struct LatencyHistogram {
  struct Bucket {
    double upper_seconds = 0;
    std::uint64_t count = 0;
  };

  std::vector<Bucket> buckets;  ///< without that of infinity
  std::uint64_t count = 0;
  double sum_seconds = 0;  ///< as if each latency were in the middle of its bucket, of 12.5%
};

LatencyHistogram latency_histogram(const std::vector<StatsView::Bucket>& latencies);

/// Prometheus's text format, version 0.0.4.
std::string exposition(const MetricsView& view);

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace mabeam::tools
