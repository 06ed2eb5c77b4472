// The tables that the views of `mabeam top` show.
#include "shm/observer_impl.hpp"
#include "tools/cli/human.hpp"
#include "tools/fact_text.hpp"
#include "tools/tables.hpp"
#include "tools/top/model.hpp"
#include "tools/top/short_text.hpp"
#include "tools/worker_text.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mabeam::tools {

namespace {

constexpr std::size_t kMostAgents = 20'000;  // that are looked at every second
constexpr std::size_t kMostLetters = 2'000;  // the newest
constexpr std::size_t kWideWidth = 120;      // from which there is more about workers
constexpr std::size_t kTrendCells = 24;

Cell amount_cell(std::string text, double amount, Tone tone = Tone::plain) {
  return {std::move(text), tone, amount};
}

/// "closed", "open!": the mark says that somebody has set it.
Cell breaker_cell(const WorkerView& worker) {
  const std::string state = worker.breaker == "half_open" ? "half" : std::string{worker.breaker};
  const Tone tone = state == "closed" ? Tone::plain : state == "open" ? Tone::bad : Tone::warning;
  return {state + (worker.is_breaker_forced ? "!" : ""), tone};
}

Cell memory_cell(const WorkerView& worker) {
  const auto used = static_cast<double>(worker.memory_bytes);
  const auto limit = static_cast<double>(worker.memory_limit_bytes);
  if (worker.memory_limit_bytes == 0) return amount_cell(short_bytes(worker.memory_bytes), used);
  const Tone tone = used > limit * 0.9   ? Tone::bad
                    : used > limit * 0.8 ? Tone::warning
                                         : Tone::plain;
  return amount_cell(
      short_bytes(worker.memory_bytes) + "/" + short_bytes(worker.memory_limit_bytes), used, tone);
}

Cell ring_cell(double ratio) {
  const Tone tone = ratio > 0.75 ? Tone::bad : ratio > 0.5 ? Tone::warning : Tone::plain;
  return amount_cell(short_percent(ratio), ratio, tone);
}

Cell longest_cell(const WorkerFlow& flow) {
  const Tone tone = flow.longest_ns >= 1'000'000'000 ? Tone::warning : Tone::plain;
  return amount_cell(short_latency(flow.longest_ns) + (flow.is_longest_running ? "+" : ""),
                     static_cast<double>(flow.longest_ns), tone);
}

/// "sig 11 3s": as short as it goes, where there is little room.
std::string short_exit_text(const ExitView& exit) {
  std::string text(to_string(exit.cause));
  if (exit.cause == ExitCause::signal) text = "sig " + std::to_string(exit.signal);
  if (exit.cause == ExitCause::exit) text += " " + std::to_string(exit.code);
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  const std::chrono::duration<double> past = now - std::chrono::nanoseconds{exit.time_unix_ns};
  return text + " " + short_age(past.count());
}

Cell exit_cell(const std::optional<ExitView>& exit, bool is_wide) {
  if (!exit || exit->cause == ExitCause::none) return "-";
  return {is_wide ? exit_text(exit) : short_exit_text(*exit), Tone::plain};
}

std::string shards_text(const WorkerView& worker) {
  std::string text;
  for (const std::uint32_t shard : worker.shards)
    text += (text.empty() ? "" : ",") + std::to_string(shard);
  return text.empty() ? "-" : text;
}

std::vector<Column> worker_columns(bool is_wide) {
  std::vector<Column> columns{{"W", Align::right},
                              {"PID", Align::right},
                              {"STATE"},
                              {"RST", Align::right},
                              {"BREAK"},
                              {"CPU", Align::right},
                              {"MEMORY", Align::right},
                              {"AGTS", Align::right},
                              {"IN/s", Align::right},
                              {"OUT/s", Align::right},
                              {"RING", Align::right},
                              {"LONG", Align::right}};
  if (is_wide) columns.push_back({"UPTIME", Align::right});
  if (is_wide) columns.push_back({"IN/s SO FAR"});
  if (is_wide) columns.push_back({"SHARDS"});
  columns.push_back({"LAST EXIT"});
  return columns;
}

Table workers_view(const TopModel& model, bool is_wide, Charset charset) {
  Table table{worker_columns(is_wide)};
  const auto& workers = model.look.view.runtime.workers;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const WorkerView& worker = workers[i];
    const WorkerFlow flow = flow_of(model, worker);
    const double cpu = i < model.rates.cpu.size() ? model.rates.cpu[i] : 0;
    std::vector<Cell> row{std::to_string(worker.index),
                          worker.pid ? std::to_string(*worker.pid) : "-",
                          {std::string{to_string(worker.state)}, tone_of(worker.state)},
                          std::to_string(worker.restarts),
                          breaker_cell(worker),
                          amount_cell(short_percent(cpu), cpu),
                          memory_cell(worker),
                          std::to_string(worker.agents),
                          amount_cell(short_number(flow.taken), flow.taken),
                          amount_cell(short_number(flow.given), flow.given),
                          ring_cell(flow.fullest),
                          longest_cell(flow)};
    if (is_wide) {
      row.push_back(amount_cell(worker.pid ? short_age(worker.uptime_seconds) : "-",
                                worker.pid ? worker.uptime_seconds : 0));
      const auto trend = model.trends.workers.find(worker.index);
      row.emplace_back(sparkline(trend == model.trends.workers.end() ? Trend{} : trend->second,
                                 kTrendCells, charset));
      row.emplace_back(shards_text(worker));
    }
    row.push_back(exit_cell(worker.last_exit, is_wide));
    table.add(std::move(row));
  }
  return table;
}

/// Rings and logs, which have most columns in common.
Table channels_view(const ChannelsView& view) {
  Table table({{"FROM"},
               {"TO"},
               {"KIND"},
               {"WAITING", Align::right},
               {"USED", Align::right},
               {"HIGH WATER", Align::right},
               {"CAPACITY", Align::right},
               {"SLOWEST READER"}});
  const Table rings = channels_table(view);
  const Table logs = logs_table(view);
  for (const auto& row : rings.rows()) {
    std::vector<Cell> cells = row;
    cells.emplace_back("-");
    table.add(std::move(cells));
  }
  // LOG OF EVENTS READERS HELD HIGH-WATER KEPT CAPACITY EVICTIONS SLOWEST
  for (const auto& row : logs.rows()) {
    table.add({row[1], Cell{row[3].text + " readers"}, "log", "-", row[4], row[5], row[7], row[9]});
  }
  return table;
}

Tone level_tone(FactLevel level) {
  if (level == FactLevel::error) return Tone::bad;
  return level == FactLevel::warn ? Tone::warning : Tone::plain;
}

/// The newest first: what has happened is seen without scrolling.
Table log_view(const FactList& list) {
  Table table({{"TIME"}, {"LEVEL"}, {"WHAT"}});
  for (auto fact = list.facts.rbegin(); fact != list.facts.rend(); ++fact) {
    table.add({time_of_day_text(fact->unix_ns),
               {std::string{to_string(fact->level)}, level_tone(fact->level)},
               fact_text(*fact)});
  }
  return table;
}

std::string left_out(const std::string& which, std::uint64_t shown, std::uint64_t total) {
  if (shown >= total) return {};
  return which + human_count(shown) + " of " + human_count(total);
}

}  // namespace

TopDetail look_closer(const std::string& runtime, TopView view) {
  const Result<Observer> observer = Observer::attach(runtime);
  if (!observer) return {};
  if (view == TopView::agents) {
    const AgentList list = observer->agents({.limit = kMostAgents});
    return {agents_table(list), left_out("the first ", list.agents.size(), list.total)};
  }
  if (view == TopView::dead_letters) {
    const DeadLetterList list = observer->dead_letters({.limit = kMostLetters});
    return {dead_letters_table(list), left_out("the newest ", list.letters.size(), list.total)};
  }
  if (view == TopView::log) {
    const FactList list = observer->facts();
    return {log_view(list), missing_facts_text(list)};
  }
  if (view == TopView::topics) {
    const Result<TopicsView> topics = observer->topics();
    if (topics) return {topics_table(*topics, EventTime::time_of_day)};
  }
  if (view == TopView::breakers) {
    return {breakers_table(Observer::Impl::segment_of(*observer))};
  }
  return {};
}

Table table_of_view(const TopModel& model, TopView view, std::size_t width, Charset charset) {
  switch (view) {
    case TopView::workers:
      return workers_view(model, width >= kWideWidth, charset);
    case TopView::channels:
      return channels_view(model.look.view.channels);
    case TopView::health:
      return health_table(model.look.view.health);
    default:
      return model.detail.table;
  }
}

}  // namespace mabeam::tools
