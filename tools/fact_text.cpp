#include "tools/fact_text.hpp"

#include "shm/log_field.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <vector>

namespace mabeam::tools {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// `format` of strftime(), in local time.
std::string formatted(std::int64_t unix_ns, const char* format) {
  const std::time_t seconds = unix_ns / kSecond;
  std::tm local{};
  if (unix_ns <= 0 || ::localtime_r(&seconds, &local) == nullptr) return "--";
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), format, &local);
  return {text.data(), length};
}

Json fact_value(const FactValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  const double real = std::get<double>(value);
  return std::isfinite(real) ? Json(real) : Json(nullptr);
}

}  // namespace

std::string time_of_day_text(std::int64_t unix_ns) {
  const std::string text = formatted(unix_ns, "%H:%M:%S");
  if (text == "--") return text;
  std::array<char, 8> milliseconds{};
  std::snprintf(milliseconds.data(), milliseconds.size(), ".%03d",
                static_cast<int>(unix_ns % kSecond / 1'000'000));
  return text + milliseconds.data();
}

std::string date_text(std::int64_t unix_ns) {
  return formatted(unix_ns, "%Y-%m-%d %H:%M:%S");
}

std::string fact_text(const FactView& fact) {
  // Values are escaped by render_text(); the rest of a damaged record is not, and may be anything.
  std::vector<FactField> plain = fact.fields;
  for (FactField& field : plain)
    field.key = one_line(field.key);
  const std::vector<shm::LogField> fields(plain.begin(), plain.end());
  std::string text;
  if (fact.written_by) text = "[worker " + std::to_string(*fact.written_by) + "] ";
  text += shm::render_text(one_line(fact.text), fields);
  return text + (fact.is_cut ? " ..." : "");
}

std::string fact_line(const FactView& fact) {
  std::string level{to_string(fact.level)};
  level.resize(6, ' ');
  return time_of_day_text(fact.unix_ns) + " " + level + " " + fact_text(fact) + "\n";
}

Json fact_document(const FactView& fact) {
  Json fields = Json::object();
  for (const FactField& field : fact.fields)
    fields[field.key] = fact_value(field.value);
  return Json{
      {"number", fact.number},
      {"time_unix_ns", fact.unix_ns},
      {"monotonic_ns", fact.monotonic_ns},
      {"level", to_string(fact.level)},
      {"written_by", fact.written_by ? "worker " + std::to_string(*fact.written_by) : "supervisor"},
      {"pid", fact.pid},
      {"message", fact.text},
      {"fields", fields},
      {"is_cut", fact.is_cut}};
}

Json facts_document(const FactList& list) {
  Json facts = Json::array();
  for (const FactView& fact : list.facts)
    facts.push_back(fact_document(fact));
  return Json{
      {"facts", facts}, {"begun", list.begun}, {"torn", list.torn}, {"damaged", list.damaged}};
}

std::string missing_facts_text(const FactList& list) {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count == 0) return;
    text += (text.empty() ? "" : "; ") + human_count(count) + std::string{what};
  };
  if (!list.facts.empty()) add(list.facts.front().number, " older facts were overwritten");
  add(list.torn, " were not written to their ends");
  add(list.damaged, " are damaged");
  return text;
}

}  // namespace mabeam::tools
