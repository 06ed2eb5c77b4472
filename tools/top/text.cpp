// A look at a runtime in words, and as a document.
#include "tools/cli/human.hpp"
#include "tools/cli/table.hpp"
#include "tools/serve/metric_samples.hpp"
#include "tools/top/look.hpp"
#include "tools/views.hpp"
#include "tools/worker_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace mabeam::tools {

namespace {

std::string per_second(double rate) {
  return human_count(static_cast<std::uint64_t>(std::llround(rate))) + "/s";
}

std::string percent(double ratio) {
  return std::to_string(std::llround(ratio * 100)) + "%";
}

std::string of(const Usage& usage) {
  return human_count(usage.used) + " of " + human_count(usage.limit);
}

std::string headlines(const TopLook& now, const TopRates& rates) {
  const MetricsView& view = now.view;
  const RuntimeView& runtime = view.runtime;
  const StatsView& stats = view.stats;
  const std::string supervisor = runtime.supervisor_pid
                                     ? "supervisor " + std::to_string(*runtime.supervisor_pid)
                                     : "no supervisor";
  const MetricSamples rings = fullest_rings(view);
  std::string text = "runtime " + runtime.name + ": " + std::string{to_string(runtime.state)} +
                     ", up " + age_text(runtime.created_unix_ns) + ", " +
                     std::string{to_string(view.health.status)} + ", " + view.health.readiness +
                     "\n" + supervisor + ", " + configuration_text(runtime.reloads) + "\n";
  text += "agents " + of(view.limits.agents) + ", clients " + of(view.limits.clients) +
          ", memory " + human_bytes(view.limits.memory.used) +
          (view.limits.memory.limit == 0 ? "" : " of " + human_bytes(view.limits.memory.limit)) +
          ", segment " + human_bytes(runtime.segment_bytes) + "\n";
  text += "messages " + per_second(rates.sent) + " sent, " + per_second(rates.delivered) +
          " delivered, " + per_second(rates.refused) + " refused, " +
          human_count(view.letters.waiting) + " dead letters wait\n";
  text += "events " + per_second(rates.published) + " published, " +
          human_count(stats.events.missed) + " missed\n";
  text += "latency p50 " + human_latency(stats.latency_ns.p50) + ", p99 " +
          human_latency(stats.latency_ns.p99) + ", p99.9 " + human_latency(stats.latency_ns.p999) +
          ", max " + human_latency(stats.latency_ns.max) + "\n";
  text += "fullest ring " + percent(rings[0].value) + " high, " + percent(rings[1].value) +
          " normal, " + percent(rings[2].value) + " low\n";
  return text;
}

std::string workers_table(const TopLook& now, const TopRates& rates, bool colour) {
  Table table({{"WORKER", Align::right},
               {"PID", Align::right},
               {"STATE"},
               {"BREAKER"},
               {"RESTARTS", Align::right},
               {"CPU", Align::right},
               {"MEMORY", Align::right},
               {"LIMIT", Align::right},
               {"AGENTS", Align::right},
               {"LAST EXIT"}});
  for (std::size_t i = 0; i < now.view.runtime.workers.size(); ++i) {
    const WorkerView& worker = now.view.runtime.workers[i];
    const std::uint64_t limit = worker.memory_limit_bytes;
    table.add({std::to_string(worker.index), worker.pid ? std::to_string(*worker.pid) : "-",
               Cell{std::string{to_string(worker.state)}, tone_of(worker.state)},
               std::string{worker.breaker}, std::to_string(worker.restarts), percent(rates.cpu[i]),
               human_bytes(worker.memory_bytes), limit == 0 ? "-" : human_bytes(limit),
               std::to_string(worker.agents), exit_text(worker.last_exit)});
  }
  return table.render(colour);
}

}  // namespace

std::string age_text(std::int64_t since_unix_ns) {
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  const std::chrono::duration<double> past = now - std::chrono::nanoseconds{since_unix_ns};
  return human_seconds(std::max(past.count(), 0.0));
}

std::string configuration_text(const ReloadsView& reloads) {
  std::array<char, 24> digest{};
  std::snprintf(digest.data(), digest.size(), "%016llx",
                static_cast<unsigned long long>(reloads.config_digest));
  const std::string text = std::string{"configuration "} + digest.data();
  if (reloads.is_last_refused) return text + ", the last reload failed";
  if (reloads.taken == 0) return text;
  return text + ", reloaded " + age_text(reloads.last_unix_ns) + " ago";
}

std::string top_text(const TopLook& now, const TopRates& rates, bool colour) {
  return headlines(now, rates) + "\n" + workers_table(now, rates, colour);
}

Json top_document(const TopLook& now, const TopRates& rates) {
  const RuntimeView& runtime = now.view.runtime;
  Json cpu = Json::array();
  for (std::size_t i = 0; i < runtime.workers.size(); ++i)
    cpu.push_back({{"index", runtime.workers[i].index}, {"cpu_cores", rates.cpu[i]}});
  Json document = ps_document(runtime);
  document["status"] = to_string(now.view.health.status);
  document["stats"] = stats_document(now.view.stats);
  document["rates"] = {
      {"interval_seconds", rates.seconds},       {"sent_per_second", rates.sent},
      {"delivered_per_second", rates.delivered}, {"refused_per_second", rates.refused},
      {"published_per_second", rates.published}, {"workers", cpu}};
  return document;
}

}  // namespace mabeam::tools
