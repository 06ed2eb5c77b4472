// What the table of metrics shows where it is more than one number of a view.
#pragma once

#include "tools/serve/metrics.hpp"

namespace mabeam::tools {

MetricSamples info(const MetricsView& view);
MetricSamples runtime_state(const MetricsView& view);
MetricSamples reloads(const MetricsView& view);
/// Of those that are several, workers and shards, the worst.
MetricSamples health_parts(const MetricsView& view);
MetricSamples workers_by_state(const MetricsView& view);
MetricSamples worker_breakers(const MetricsView& view);
MetricSamples worker_openings(const MetricsView& view);
MetricSamples agent_breakers(const MetricsView& view);
MetricSamples letters_by_reason(const MetricsView& view);
MetricSamples fullest_rings(const MetricsView& view);
MetricSamples fullest_log(const MetricsView& view);
MetricSamples evictions(const MetricsView& view);

}  // namespace mabeam::tools
