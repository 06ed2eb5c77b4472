// The text forms of traces: W3C's traceparent, and ids in hexadecimal digits.
#include "mabeam/trace.hpp"

#include <charconv>

namespace mabeam {
namespace {

// 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kLength = 55;
constexpr std::uint64_t kNoVersion = 0xFF;

bool is_lower_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// The number of exactly these digits, in lower case.
std::optional<std::uint64_t> number_of(std::string_view digits) {
  for (const char c : digits) {
    if (!is_lower_hex_digit(c)) return std::nullopt;
  }
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

void append_digits(std::string& text, std::uint64_t value, unsigned count) {
  for (unsigned i = count; i != 0; --i)
    text += "0123456789abcdef"[value >> (4 * (i - 1)) & 0xFU];
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < kLength) return std::nullopt;
  if (text[kTraceAt - 1] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') {
    return std::nullopt;
  }
  const auto version = number_of(text.substr(0, 2));
  if (!version || *version == kNoVersion) return std::nullopt;
  // Version 00 ends here; a later one may go on behind another dash.
  const bool goes_on = text.size() > kLength;
  if (goes_on && (*version == 0 || text[kLength] != '-')) return std::nullopt;
  const auto trace = parse_trace_id(text.substr(kTraceAt, kSpanAt - kTraceAt - 1));
  const auto span = number_of(text.substr(kSpanAt, kFlagsAt - kSpanAt - 1));
  const auto flags = number_of(text.substr(kFlagsAt, 2));
  if (!trace || !span || *span == 0 || !flags) return std::nullopt;
  TraceContext context;
  context.trace = *trace;
  context.span = static_cast<SpanId>(*span);
  context.flags = static_cast<std::uint8_t>(*flags & TraceContext::kSampled);
  return context;
}

std::string to_traceparent(const TraceContext& context) {
  std::string text = "00-" + to_string(context.trace) + "-" + to_string(context.span) + "-";
  append_digits(text, context.flags, 2);
  return text;
}

std::string to_string(const TraceId& id) {
  std::string text;
  append_digits(text, id.high, 16);
  append_digits(text, id.low, 16);
  return text;
}

std::optional<TraceId> parse_trace_id(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  const auto high = number_of(text.substr(0, 16));
  const auto low = number_of(text.substr(16));
  if (!high || !low) return std::nullopt;
  const TraceId id{*high, *low};
  return id ? std::optional{id} : std::nullopt;
}

std::string to_string(SpanId id) {
  std::string text;
  append_digits(text, static_cast<std::uint64_t>(id), 16);
  return text;
}

}  // namespace mabeam
