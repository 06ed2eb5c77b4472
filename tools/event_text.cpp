#include "tools/event_text.hpp"

#include "tools/cli/encoding.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace mabeam::tools {

namespace {

using std::chrono::nanoseconds;

// The time of day of a CLOCK_MONOTONIC time, as long as no boot lies between.
std::string time_of_day(std::int64_t monotonic_ns) {
  const nanoseconds wall_now = std::chrono::system_clock::now().time_since_epoch();
  const nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  const std::int64_t unix_ns = (wall_now - now).count() + monotonic_ns;
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr) return "--:--:--";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%06d", local.tm_hour, local.tm_min,
                local.tm_sec, static_cast<int>(unix_ns % 1'000'000'000 / 1000));
  return text.data();
}

std::string boot_seconds(std::int64_t monotonic_ns) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(monotonic_ns) / 1e9);
  return text.data();
}

}  // namespace

std::string event_time(std::int64_t monotonic_ns, EventTime time) {
  return time == EventTime::boot_seconds ? boot_seconds(monotonic_ns) : time_of_day(monotonic_ns);
}

std::string event_line(const HistoryEvent& event, EventTime time) {
  const Payload payload(event.payload, event.content);
  const auto text = payload_text(payload);
  return event_time(event.emitted_ns, time) + "  " + one_line(event.topic) + "  " +
         to_string(event.source) + "  " + one_line(text ? *text : payload.text()) + "\n";
}

Json event_document(const HistoryEvent& event) {
  const Payload payload(event.payload, event.content);
  Json document{{"topic", event.topic},
                {"source", to_string(event.source)},
                {"log", event.log},
                {"sequence", event.sequence},
                {"content", content_name(event.content)}};
  add_payload(document, payload);
  document["emitted_ns"] = event.emitted_ns;
  return document;
}

}  // namespace mabeam::tools
