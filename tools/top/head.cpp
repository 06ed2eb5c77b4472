// The lines on top: what the runtime as a whole does.
#include "tools/cli/human.hpp"
#include "tools/serve/metric_samples.hpp"
#include "tools/top/frame.hpp"
#include "tools/top/short_text.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace mabeam::tools {

namespace {

constexpr std::size_t kChartLabel = 15;  // cells
constexpr Paint kBold{.is_bold = true};
constexpr Paint kAlarm{.tone = Tone::bad, .is_bold = true};

/// "12.3k/s", or "-" as long as there is no interval.
std::string rate_text(const TopRates& rates, double rate) {
  return rates.seconds > 0 ? short_number(rate) + "/s" : "-";
}

std::string latency_text(const TopRates& rates, std::uint64_t latency_ns) {
  return rates.messages == 0 ? "-" : short_latency(latency_ns);
}

std::string used_of(const Usage& usage) {
  return human_count(usage.used) + "/" + human_count(usage.limit);
}

std::string memory_of(const Usage& usage) {
  if (usage.limit == 0) return short_bytes(usage.used) + ", no limit";
  return short_bytes(usage.used) + "/" + short_bytes(usage.limit);
}

Paint paint_near_limit(const Usage& usage) {
  return usage.percent() >= 90 ? kAlarm : Paint{};
}

Line title_line(const TopModel& model, const Room& room) {
  const RuntimeView& runtime = model.look.view.runtime;
  LineWriter line{room.width, room.charset};
  const Paint plain{.is_bold = true, .is_reverse = true};
  line.put(" mabeam top  " + runtime.name + "  ", plain);
  if (!model.gone.empty()) {
    const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - model.gone_since;
    line.put("GONE for " + human_seconds(gone.count()), {Tone::bad, true, true});
    line.put(": waiting for it to come back", plain);
    return line.pad_to(room.width, plain).line();
  }
  const HealthView& health = model.look.view.health;
  const Tone tone = health.status == HealthView::Status::healthy ? Tone::good
                    : health.status == HealthView::Status::down  ? Tone::bad
                                                                 : Tone::warning;
  line.put(std::string{to_string(runtime.state)} + ", ", plain);
  line.put(to_string(health.status), {tone, true, true});
  line.put(", " + health.readiness, plain);
  const std::string up = "up " + age_text(runtime.created_unix_ns) + " ";
  if (line.left() > up.size()) line.pad_to(room.width - up.size(), plain).put(up, plain);
  return line.pad_to(room.width, plain).line();
}

Line supervisor_line(const TopModel& model, const Room& room) {
  LineWriter line{room.width, room.charset};
  if (!model.gone.empty()) return line.put(model.gone + "; below: as it was last seen").line();
  const RuntimeView& runtime = model.look.view.runtime;
  if (runtime.supervisor_pid) {
    line.put("supervisor " + std::to_string(*runtime.supervisor_pid));
  } else {
    line.put("NO SUPERVISOR", kAlarm);
  }
  const Paint paint = runtime.reloads.is_last_refused ? kAlarm : Paint{};
  return line.put(", ").put(configuration_text(runtime.reloads), paint).line();
}

Line limits_line(const TopModel& model, const Room& room) {
  const LimitsView& limits = model.look.view.limits;
  LineWriter line{room.width, room.charset};
  line.put("agents ").put(used_of(limits.agents), paint_near_limit(limits.agents));
  line.put("  clients ").put(used_of(limits.clients), paint_near_limit(limits.clients));
  line.put("  memory ").put(memory_of(limits.memory), paint_near_limit(limits.memory));
  return line.put("  segment " + short_bytes(model.look.view.runtime.segment_bytes)).line();
}

Line messages_line(const TopModel& model, const Room& room) {
  const TopRates& rates = model.rates;
  const MetricsView& view = model.look.view;
  LineWriter line{room.width, room.charset};
  line.put("messages ").put(rate_text(rates, rates.delivered), kBold);
  line.put(" (sent " + rate_text(rates, rates.sent) + ")  events " +
           rate_text(rates, rates.published) + "  refused ");
  line.put(short_number(static_cast<double>(view.stats.messages.refused)) + ", " +
               rate_text(rates, rates.refused),
           rates.refused > 0 ? kAlarm : Paint{});
  line.put("  dead letters ");
  line.put(short_number(static_cast<double>(view.letters.waiting)) + ", " +
               rate_text(rates, rates.buried),
           rates.buried > 0 ? kAlarm : Paint{});
  return line.line();
}

Line latency_line(const TopModel& model, const Room& room) {
  const TopRates& rates = model.rates;
  const MetricSamples rings = fullest_rings(model.look.view);
  LineWriter line{room.width, room.charset};
  line.put("latency p50 " + latency_text(rates, rates.p50_ns) + "  p99 " +
           latency_text(rates, rates.p99_ns) + "  p99.9 " + latency_text(rates, rates.p999_ns) +
           "  max " + latency_text(rates, rates.max_ns));
  return line
      .put("  rings " + short_percent(rings[0].value) + " " + short_percent(rings[1].value) + " " +
           short_percent(rings[2].value))
      .line();
}

Line trends_line(const TopModel& model, const Room& room) {
  LineWriter line{room.width, room.charset};
  const std::size_t half = room.width / 2;
  const std::size_t most = half - kChartLabel - 1;
  line.put("msg/s to " + short_number(model.trends.handled.largest(most))).pad_to(kChartLabel);
  line.put(sparkline(model.trends.handled, most, room.charset), {.tone = Tone::good});
  const double p99 = model.trends.p99.largest(most);
  line.pad_to(half).put("p99 to " + short_latency(static_cast<std::uint64_t>(p99)));
  line.pad_to(half + kChartLabel);
  line.put(sparkline(model.trends.p99, most, room.charset), {.tone = Tone::warning});
  return line.line();
}

}  // namespace

std::vector<Line> draw_head(const TopModel& model, const Room& room) {
  return {title_line(model, room),    supervisor_line(model, room), limits_line(model, room),
          messages_line(model, room), latency_line(model, room),    trends_line(model, room)};
}

}  // namespace mabeam::tools
