// Metrics as Prometheus reads them, through prometheus-cpp's serialiser.
#include "tools/serve/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>

namespace mabeam::tools {

namespace {

/// Upper bounds of latencies, in powers of two of nanoseconds: 256 ns to 17 s. Those of the
/// segment's buckets are among them, so no count is split.
constexpr std::array kBounds{8U, 10U, 12U, 14U, 16U, 18U, 20U, 22U, 24U, 26U, 28U, 30U, 32U, 34U};

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return prometheus::MetricType::Counter;
    case MetricKind::gauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::histogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

prometheus::ClientMetric metric_of(const LatencyHistogram& latencies) {
  prometheus::ClientMetric metric;
  metric.histogram.sample_count = latencies.count;
  metric.histogram.sample_sum = latencies.sum_seconds;
  for (const LatencyHistogram::Bucket& bucket : latencies.buckets)
    metric.histogram.bucket.push_back({bucket.count, bucket.upper_seconds});
  return metric;
}

prometheus::ClientMetric metric_of(const MetricSample& sample, MetricKind kind) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels)
    metric.label.push_back({name, value});
  (kind == MetricKind::counter ? metric.counter.value : metric.gauge.value) = sample.value;
  return metric;
}

}  // namespace

std::string_view to_string(MetricKind kind) {
  static constexpr std::array<std::string_view, 3> kNames{"counter", "gauge", "histogram"};
  return kNames[static_cast<std::size_t>(kind)];
}

LatencyHistogram latency_histogram(const std::vector<StatsView::Bucket>& latencies) {
  LatencyHistogram histogram;
  auto next = latencies.begin();
  for (const unsigned power : kBounds) {
    const std::uint64_t highest = (std::uint64_t{1} << power) - 1;
    for (; next != latencies.end() && next->highest_ns <= highest; ++next)
      histogram.count += next->count;
    histogram.buckets.push_back({static_cast<double>(highest) / 1e9, histogram.count});
  }
  for (; next != latencies.end(); ++next)
    histogram.count += next->count;
  for (const StatsView::Bucket& bucket : latencies) {
    const double middle =
        (static_cast<double>(bucket.lowest_ns) + static_cast<double>(bucket.highest_ns)) / 2;
    histogram.sum_seconds += middle * static_cast<double>(bucket.count) / 1e9;
  }
  return histogram;
}

std::string exposition(const MetricsView& view) {
  std::vector<prometheus::MetricFamily> families;
  for (const Metric& metric : metrics()) {
    prometheus::MetricFamily& family = families.emplace_back();
    family.name = metric.name;
    family.help = metric.help;
    family.type = type_of(metric.kind);
    if (metric.samples == nullptr) {
      family.metric.push_back(metric_of(latency_histogram(view.stats.latencies)));
      continue;
    }
    for (const MetricSample& sample : metric.samples(view))
      family.metric.push_back(metric_of(sample, metric.kind));
  }
  return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace mabeam::tools
