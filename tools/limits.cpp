// mabeam limits: what the runtime may use, what it uses, and what keeps it to that.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

/// From here on, in percent, a number is shown as a warning, as `health` calls it degraded.
constexpr std::uint64_t kNearlyUp = 90;

Json worker_document(const WorkerLimitsView& worker) {
  return Json{{"index", worker.index},
              {"pid", worker.pid ? Json(*worker.pid) : Json(nullptr)},
              {"takes_new_agents", !worker.is_closed},
              {"memory_bytes", worker.memory.used},
              {"memory_soft_bytes", worker.memory_soft_bytes},
              {"memory_limit_bytes", worker.memory.limit},
              {"processes", worker.processes.used},
              {"processes_limit", worker.processes.limit},
              {"open_files", worker.files ? Json(*worker.files) : Json(nullptr)},
              {"open_files_limit", worker.files_limit}};
}

Json rate_document(const RateView& rate) {
  Json document{{"name", rate.name},        {"rate", rate.rate},       {"burst", rate.burst},
                {"shadow", rate.is_shadow}, {"granted", rate.granted}, {"refused", rate.refused}};
  if (!rate.type.empty()) document["type"] = rate.type;
  return document;
}

std::string bytes_or_none(std::uint64_t bytes) {
  return bytes == 0 ? "-" : human_bytes(bytes);
}

std::string count_or_none(std::uint64_t count) {
  return count == 0 ? "-" : std::to_string(count);
}

Cell marked(std::string text, const Usage& usage) {
  return {std::move(text), usage.percent() >= kNearlyUp ? Tone::warning : Tone::plain};
}

std::string means(const LimitsView& view) {
  const auto words = [](LimitMechanism mechanism, std::string_view otherwise) {
    return mechanism == LimitMechanism::none ? std::string{otherwise}
                                             : std::string{to_string(mechanism)};
  };
  return "memory is limited by " + words(view.memory_mechanism, "nothing") + ", processes by " +
         words(view.process_mechanism,
               "nothing: there is no pids cgroup to be written, and root is not held to "
               "RLIMIT_NPROC") +
         "\n";
}

std::string totals(const LimitsView& view, bool colour) {
  Table table({{"RUNTIME"}, {"USED", Align::right}, {"LIMIT", Align::right}});
  table.add({"memory", marked(human_bytes(view.memory.used), view.memory),
             bytes_or_none(view.memory.limit)});
  table.add({"agents", marked(std::to_string(view.agents.used), view.agents),
             std::to_string(view.agents.limit)});
  table.add({"clients", marked(std::to_string(view.clients.used), view.clients),
             std::to_string(view.clients.limit)});
  for (const TableView& each : view.tables) {
    table.add({each.name, marked(std::to_string(each.usage.used), each.usage),
               std::to_string(each.usage.limit)});
  }
  return table.render(colour);
}

std::string workers_table(const LimitsView& view, bool colour) {
  Table table({{"WORKER", Align::right},
               {"MEMORY", Align::right},
               {"SOFT", Align::right},
               {"HARD", Align::right},
               {"PROCESSES", Align::right},
               {"MOST", Align::right},
               {"FILES", Align::right},
               {"MOST", Align::right},
               {"NEW AGENTS"}});
  for (const WorkerLimitsView& worker : view.workers) {
    table.add({std::to_string(worker.index), marked(human_bytes(worker.memory.used), worker.memory),
               bytes_or_none(worker.memory_soft_bytes), bytes_or_none(worker.memory.limit),
               marked(count_or_none(worker.processes.used), worker.processes),
               count_or_none(worker.processes.limit),
               worker.files ? std::to_string(*worker.files) : "-",
               count_or_none(worker.files_limit),
               worker.is_closed ? Cell{"refused", Tone::warning} : Cell{"taken"}});
  }
  return table.render(colour);
}

std::string rates_table(const LimitsView& view, bool colour) {
  Table table({{"RATE"},
               {"PER SECOND", Align::right},
               {"BURST", Align::right},
               {"GRANTED", Align::right},
               {"REFUSED", Align::right},
               {"MODE"}});
  for (const RateView& rate : view.rates) {
    const std::string mode = rate.rate == 0 ? "off" : rate.is_shadow ? "shadow" : "enforced";
    table.add({rate.type.empty() ? rate.name : "  " + one_line(rate.type), count_or_none(rate.rate),
               count_or_none(rate.burst), std::to_string(rate.granted),
               std::to_string(rate.refused), mode});
  }
  return table.render(colour);
}

Outcome<Exit> run_limits(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const LimitsView view = observer->limits();
  const bool colour = output.style().colour;
  if (output.json()) {
    output.document(limits_document(view));
  } else {
    output.print(means(view) + "\n" + totals(view, colour) + "\n" + workers_table(view, colour) +
                 "\n" + rates_table(view, colour));
  }
  return Exit::done;
}

constexpr std::array kLimitsOptions{kFileOption};

}  // namespace

Json limits_document(const LimitsView& view) {
  Json workers = Json::array();
  for (const WorkerLimitsView& worker : view.workers)
    workers.push_back(worker_document(worker));
  Json rates = Json::array();
  for (const RateView& rate : view.rates)
    rates.push_back(rate_document(rate));
  Json tables = Json::array();
  for (const TableView& table : view.tables) {
    tables.push_back(
        {{"name", table.name}, {"used", table.usage.used}, {"limit", table.usage.limit}});
  }
  return Json{{"mechanism", to_string(view.memory_mechanism)},
              {"processes_mechanism", to_string(view.process_mechanism)},
              {"memory_bytes", view.memory.used},
              {"memory_limit_bytes", view.memory.limit},
              {"agents", view.agents.used},
              {"agents_limit", view.agents.limit},
              {"clients", view.clients.used},
              {"clients_limit", view.clients.limit},
              {"workers", workers},
              {"rates", rates},
              {"tables", tables}};
}

const Command limits_command{
    .name = "limits",
    .summary = "what the runtime may use, what it uses, and by what means",
    .options = kLimitsOptions,
    .details =
        "Memory, processes, open files of each worker; agents, clients and\n"
        "memory of the runtime; rates. See [limits] and [rates] in the\n"
        "configuration.\n"
        "\n"
        "Examples:\n"
        "  mabeam limits\n"
        "  mabeam limits --json | jq -r .mechanism\n",
    .run = run_limits};

}  // namespace mabeam::tools
