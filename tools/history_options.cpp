#include "tools/history_options.hpp"

#include "shm/topics.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"

#include <charconv>
#include <optional>
#include <string>

namespace mabeam::tools {

namespace {

template <class Number>
bool parse_all(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc{} && result.ptr == end;
}

std::optional<LogPosition> parse_position(std::string_view text) {
  const std::size_t colon = text.find(':');
  LogPosition position;
  if (colon == std::string_view::npos || !parse_all(text.substr(0, colon), position.log) ||
      !parse_all(text.substr(colon + 1), position.sequence)) {
    return std::nullopt;
  }
  return position;
}

}  // namespace

Outcome<HistoryQuery> source_in(const Arguments& arguments, const Observer& observer) {
  HistoryQuery query;
  if (const auto source = arguments.value("source")) {
    const Result<AgentId> found = observer.find(*source);
    const auto id = found ? std::optional{*found} : parse_agent_id(*source);
    if (!id) return refuse({Errc::not_found}, "source '" + one_line(*source) + "'");
    query.source = *id;
  }
  if (arguments.has("log")) {
    const auto log = arguments.number("log", 0);
    if (!log) return tl::unexpected(log.error());
    const RuntimeView runtime = observer.runtime();
    const std::uint64_t logs = std::uint64_t{1} + runtime.shards + runtime.clients;
    if (*log >= logs) {
      return usage_error("--log " + std::to_string(*log) + ": this runtime has the logs 0 to " +
                         std::to_string(logs - 1));
    }
    query.log = static_cast<std::uint32_t>(*log);
  }
  return query;
}

Outcome<HistoryQuery> query_in(const Arguments& arguments, std::string_view pattern,
                               const Observer& observer) {
  if (const Result<> checked = shm::check_pattern(pattern); !checked) {
    return refuse_typed(checked.error(), "pattern '" + one_line(pattern) + "'");
  }
  auto query = source_in(arguments, observer);
  if (!query) return query;
  query->pattern = pattern;
  const auto since = arguments.duration("since", std::chrono::nanoseconds{0});
  if (!since) return tl::unexpected(since.error());
  const auto last = arguments.number("last", 0, 1);
  if (!last) return tl::unexpected(last.error());
  const auto limit = arguments.number("limit", 0, 1);
  if (!limit) return tl::unexpected(limit.error());
  query->since = *since;
  query->last = static_cast<std::size_t>(*last);
  query->limit = static_cast<std::size_t>(*limit);
  for (const std::string_view text : arguments.values("from")) {
    const auto position = parse_position(text);
    if (!position) {
      return usage_error("--from takes LOG:NUMBER, such as 3:1500, not '" + one_line(text) + "'");
    }
    query->from.push_back(*position);
  }
  return query;
}

std::string missing_text(const HistoryView& view) {
  std::string text;
  if (view.gone != 0) text = human_count(view.gone) + " older events are gone: overwritten";
  if (view.unreadable != 0) {
    text += (text.empty() ? "" : "; ") + human_count(view.unreadable) + " are damaged";
  }
  std::size_t damaged = 0;
  for (const HistoryLog& log : view.logs)
    damaged += log.is_damaged ? 1U : 0U;
  if (damaged != 0) {
    text += (text.empty() ? "" : "; ") + human_count(damaged) +
            " logs do not parse: mabeam verify says where";
  }
  return text;
}

}  // namespace mabeam::tools
