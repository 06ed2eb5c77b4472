#include "tools/serve/metric_samples.hpp"
#include "tools/serve/metrics.hpp"

#include <array>

namespace mabeam::tools {

namespace {

using View = MetricsView;
using Samples = MetricSamples;

constexpr auto kCounter = MetricKind::counter;
constexpr auto kGauge = MetricKind::gauge;

/// Without labels.
Samples one(std::uint64_t value) {
  return {{{}, static_cast<double>(value)}};
}

Samples one(bool value) {
  return one(std::uint64_t{value ? 1U : 0U});
}

Samples seconds(std::int64_t unix_ns) {
  return {{{}, static_cast<double>(unix_ns) / 1e9}};
}

template <class Value>
Samples by_worker(const View& view, Value value) {
  Samples samples;
  for (const WorkerView& worker : view.runtime.workers) {
    samples.push_back(
        {{{"worker", std::to_string(worker.index)}}, static_cast<double>(value(worker))});
  }
  return samples;
}

template <class Value>
Samples by_limits_of_worker(const View& view, Value value) {
  Samples samples;
  for (const WorkerLimitsView& worker : view.limits.workers) {
    samples.push_back(
        {{{"worker", std::to_string(worker.index)}}, static_cast<double>(value(worker))});
  }
  return samples;
}

template <class Value>
Samples by_rate(const View& view, Value value) {
  Samples samples;
  for (const RateView& rate : view.limits.rates)
    samples.push_back({{{"rate", rate.name}}, static_cast<double>(value(rate))});
  return samples;
}

constexpr std::array kMetrics{
    Metric{"mabeam_info", kGauge, "runtime, version", "1; which runtime this is.", info},
    Metric{"mabeam_start_time_seconds", kGauge, "",
           "Unix time at which the runtime's segment was made.",
           [](const View& view) { return seconds(view.runtime.created_unix_ns); }},
    Metric{"mabeam_segment_bytes", kGauge, "", "Size of the shared-memory segment.",
           [](const View& view) { return one(view.runtime.segment_bytes); }},
    Metric{"mabeam_state", kGauge, "state", "1 for the state that the runtime is in, else 0.",
           runtime_state},
    Metric{"mabeam_live", kGauge, "", "1 if the runtime has a supervisor at work.",
           [](const View& view) { return one(view.health.is_live); }},
    Metric{"mabeam_ready", kGauge, "", "1 if the runtime runs and a worker serves.",
           [](const View& view) { return one(view.health.is_ready); }},
    Metric{"mabeam_health", kGauge, "part",
           "How well a part is: 0 healthy, 1 degraded, 2 down; the worst where they are several.",
           health_parts},
    Metric{"mabeam_supervisor_heartbeat_age_seconds", kGauge, "",
           "Since the supervisor last looked around.",
           [](const View& view) {
             return Samples{{{}, view.runtime.supervisor_heartbeat_age_seconds}};
           }},
    Metric{"mabeam_supervisor_takeovers_total", kCounter, "",
           "Supervisors that took over from a dead one.",
           [](const View& view) { return one(view.runtime.takeovers); }},
    Metric{"mabeam_config_reloads_total", kCounter, "result",
           "Attempts to read the configuration again.", reloads},
    Metric{"mabeam_config_last_reload_successful", kGauge, "",
           "0 if the last attempt to read the configuration again failed.",
           [](const View& view) { return one(!view.runtime.reloads.is_last_refused); }},
    Metric{"mabeam_config_last_reload_timestamp_seconds", kGauge, "",
           "Unix time of the last such attempt; 0 for none.",
           [](const View& view) { return seconds(view.runtime.reloads.last_unix_ns); }},

    Metric{"mabeam_workers", kGauge, "state", "Workers in each state.", workers_by_state},
    Metric{"mabeam_worker_up", kGauge, "worker", "1 if the worker has a process.",
           [](const View& view) {
             return by_worker(view, [](const WorkerView& w) { return w.pid ? 1 : 0; });
           }},
    Metric{"mabeam_worker_restarts_total", kCounter, "worker", "Times it was started again.",
           [](const View& view) {
             return by_worker(view, [](const WorkerView& w) { return w.restarts; });
           }},
    Metric{"mabeam_worker_uptime_seconds", kGauge, "worker", "Age of its process.",
           [](const View& view) {
             return by_worker(view, [](const WorkerView& w) { return w.uptime_seconds; });
           }},
    Metric{"mabeam_worker_heartbeat_age_seconds", kGauge, "worker",
           "Since its work loop last came round.",
           [](const View& view) {
             return by_worker(view, [](const WorkerView& w) { return w.heartbeat_age_seconds; });
           }},
    Metric{"mabeam_worker_agents", kGauge, "worker", "Agents that live on its shards.",
           [](const View& view) {
             return by_worker(view, [](const WorkerView& w) { return w.agents; });
           }},
    Metric{"mabeam_worker_shards", kGauge, "worker", "Shards that are placed on it.",
           [](const View& view) {
             return by_worker(view, [](const WorkerView& w) { return w.shards.size(); });
           }},
    Metric{"mabeam_worker_breaker", kGauge, "worker, state",
           "1 for the state that its circuit breaker is in, else 0.", worker_breakers},
    Metric{"mabeam_worker_breaker_openings_total", kCounter, "worker",
           "Times its circuit breaker opened.", worker_openings},
    Metric{"mabeam_worker_memory_bytes", kGauge, "worker", "Memory that counts against its limit.",
           [](const View& view) {
             return by_limits_of_worker(view, [](const auto& w) { return w.memory.used; });
           }},
    Metric{"mabeam_worker_memory_limit_bytes", kGauge, "worker", "Its hard limit; 0 for none.",
           [](const View& view) {
             return by_limits_of_worker(view, [](const auto& w) { return w.memory.limit; });
           }},
    Metric{"mabeam_worker_processes", kGauge, "worker",
           "Processes and threads of it, where they are counted.",
           [](const View& view) {
             return by_limits_of_worker(view, [](const auto& w) { return w.processes.used; });
           }},
    Metric{"mabeam_worker_open_files", kGauge, "worker", "Its open files.",
           [](const View& view) {
             return by_limits_of_worker(view, [](const auto& w) { return w.files.value_or(0); });
           }},

    Metric{"mabeam_memory_bytes", kGauge, "", "Memory of all workers together.",
           [](const View& view) { return one(view.limits.memory.used); }},
    Metric{"mabeam_memory_limit_bytes", kGauge, "", "The limit of that; 0 for none.",
           [](const View& view) { return one(view.limits.memory.limit); }},
    Metric{"mabeam_agents", kGauge, "", "Agents that live.",
           [](const View& view) { return one(view.limits.agents.used); }},
    Metric{"mabeam_agents_limit", kGauge, "", "How many there may be.",
           [](const View& view) { return one(view.limits.agents.limit); }},
    Metric{"mabeam_agents_created_total", kCounter, "", "Agents that were made.",
           [](const View& view) { return one(view.stats.agents.created); }},
    Metric{"mabeam_agents_stopped_total", kCounter, "", "Agents that ended.",
           [](const View& view) { return one(view.stats.agents.stopped); }},
    Metric{"mabeam_clients", kGauge, "", "Clients that are attached.",
           [](const View& view) { return one(view.limits.clients.used); }},
    Metric{"mabeam_clients_limit", kGauge, "", "How many there may be.",
           [](const View& view) { return one(view.limits.clients.limit); }},
    Metric{"mabeam_names", kGauge, "", "Interned names: topics, actions, types.",
           [](const View& view) { return one(view.names.used); }},
    Metric{"mabeam_names_limit", kGauge, "", "How many there may be, in the segment's life.",
           [](const View& view) { return one(view.names.limit); }},
    Metric{"mabeam_names_text_bytes", kGauge, "", "Length of all of them.",
           [](const View& view) { return one(view.name_text.used); }},
    Metric{"mabeam_names_text_limit_bytes", kGauge, "", "The room for that.",
           [](const View& view) { return one(view.name_text.limit); }},
    Metric{"mabeam_rate_granted_total", kCounter, "rate", "What a rate has let pass.",
           [](const View& view) {
             return by_rate(view, [](const RateView& rate) { return rate.granted; });
           }},
    Metric{"mabeam_rate_refused_total", kCounter, "rate",
           "What a rate has refused, or would have in its shadow mode.",
           [](const View& view) {
             return by_rate(view, [](const RateView& rate) { return rate.refused; });
           }},

    Metric{"mabeam_messages_sent_total", kCounter, "", "Messages that agents and clients sent.",
           [](const View& view) { return one(view.stats.messages.sent); }},
    Metric{"mabeam_messages_delivered_total", kCounter, "", "Messages that were handled.",
           [](const View& view) { return one(view.stats.messages.delivered); }},
    Metric{"mabeam_messages_redelivered_total", kCounter, "",
           "Messages that were taken again after a worker's death.",
           [](const View& view) { return one(view.stats.messages.redelivered); }},
    Metric{"mabeam_messages_refused_total", kCounter, "", "Messages that their senders had back.",
           [](const View& view) { return one(view.stats.messages.refused); }},
    Metric{"mabeam_messages_expired_total", kCounter, "", "Messages whose deadline had passed.",
           [](const View& view) { return one(view.stats.messages.expired); }},
    Metric{"mabeam_message_latency_seconds", MetricKind::histogram, "",
           "From the send to the commit; the sum is estimated from the buckets.", nullptr},
    Metric{"mabeam_dead_letters_total", kCounter, "reason", "Messages that died.",
           letters_by_reason},
    Metric{"mabeam_dead_letters_replayed_total", kCounter, "", "Of those, delivered again.",
           [](const View& view) { return one(view.letters.replayed); }},
    Metric{"mabeam_dead_letters_dropped_total", kCounter, "", "Of those, given up.",
           [](const View& view) { return one(view.letters.dropped); }},
    Metric{"mabeam_dead_letters", kGauge, "", "Dead letters that wait to be settled.",
           [](const View& view) { return one(view.letters.waiting); }},
    Metric{"mabeam_events_published_total", kCounter, "", "Events that were emitted.",
           [](const View& view) { return one(view.stats.events.published); }},
    Metric{"mabeam_events_delivered_total", kCounter, "", "Events that subscribers handled.",
           [](const View& view) { return one(view.stats.events.delivered); }},
    Metric{"mabeam_events_missed_total", kCounter, "",
           "Events that subscribers were told they had missed.",
           [](const View& view) { return one(view.stats.events.missed); }},
    Metric{"mabeam_event_log_evictions_total", kCounter, "",
           "Readers that held an event log for too long.", evictions},
    Metric{"mabeam_event_log_used_ratio", kGauge, "",
           "How much of the fullest event log its slowest reader holds.", fullest_log},
    Metric{"mabeam_ring_used_ratio", kGauge, "priority", "How full the fullest ring is.",
           fullest_rings},
    Metric{"mabeam_breakers", kGauge, "state", "Circuit breakers of agents, by name.",
           agent_breakers},
    Metric{"mabeam_breaker_openings_total", kCounter, "", "Times that one of those opened.",
           [](const View& view) { return one(view.agent_breaker_openings); }},
};

}  // namespace

std::span<const Metric> metrics() {
  return kMetrics;
}

}  // namespace mabeam::tools
