// mabeam ps: the runtime's processes.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"
#include "tools/views.hpp"
#include "tools/worker_text.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

Json pid_or_null(std::optional<std::uint32_t> pid) {
  return pid ? Json(*pid) : Json(nullptr);
}

Json exit_document(const std::optional<ExitView>& exit) {
  if (!exit || exit->cause == ExitCause::none) return nullptr;
  return Json{{"cause", to_string(exit->cause)},
              {"code", exit->code},
              {"signal", exit->signal},
              {"time_unix_ns", exit->time_unix_ns}};
}

Json worker_document(const WorkerView& worker) {
  return Json{{"index", worker.index},
              {"pid", pid_or_null(worker.pid)},
              {"state", to_string(worker.state)},
              {"restarts", worker.restarts},
              {"shards", worker.shards},
              {"agents", worker.agents},
              {"memory_bytes", worker.memory_bytes},
              {"memory_limit_bytes", worker.memory_limit_bytes},
              {"breaker", worker.breaker},
              {"uptime_seconds", worker.uptime_seconds},
              {"last_exit", exit_document(worker.last_exit)}};
}

// "0,2": plain, so that it can be cut with awk.
std::string list_of(const std::vector<std::uint32_t>& shards) {
  std::string text;
  for (const std::uint32_t shard : shards) {
    if (!text.empty()) text += ',';
    text += std::to_string(shard);
  }
  return text.empty() ? "-" : text;
}

std::string table_of(const RuntimeView& view, bool colour) {
  Table table({{"WORKER", Align::right},
               {"PID", Align::right},
               {"STATE"},
               {"BREAKER"},
               {"RESTARTS", Align::right},
               {"SHARDS"},
               {"AGENTS", Align::right},
               {"MEMORY", Align::right},
               {"UPTIME", Align::right},
               {"LAST EXIT"}});
  for (const WorkerView& worker : view.workers) {
    table.add({std::to_string(worker.index),
               worker.pid ? std::to_string(*worker.pid) : "-",
               {std::string(to_string(worker.state)), tone_of(worker.state)},
               std::string(worker.breaker) + (worker.is_breaker_forced ? " (set)" : ""),
               std::to_string(worker.restarts),
               list_of(worker.shards),
               std::to_string(worker.agents),
               human_bytes(worker.memory_bytes),
               worker.pid ? human_seconds(worker.uptime_seconds) : "-",
               exit_text(worker.last_exit)});
  }
  return table.render(colour);
}

std::string headline(const RuntimeView& view) {
  const std::string supervisor =
      view.supervisor_pid ? "supervisor " + std::to_string(*view.supervisor_pid) : "no supervisor";
  return "runtime " + view.name + ": " + std::string(to_string(view.state)) + ", " + supervisor +
         ", " + std::to_string(view.shards) + " shards, segment " +
         human_bytes(view.segment_bytes) + "\n";
}

Outcome<Exit> run_ps(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const RuntimeView view = observer->runtime();
  if (output.json()) {
    output.document(ps_document(view));
  } else {
    output.print(headline(view) + table_of(view, output.style().colour));
  }
  return Exit::done;
}

constexpr std::array kPsOptions{kFileOption};

}  // namespace

Json ps_document(const RuntimeView& view) {
  Json workers = Json::array();
  for (const WorkerView& worker : view.workers)
    workers.push_back(worker_document(worker));
  return Json{{"runtime", view.name},
              {"state", to_string(view.state)},
              {"supervisor", {{"pid", pid_or_null(view.supervisor_pid)}}},
              {"workers", workers}};
}

const Command ps_command{.name = "ps",
                         .summary = "the runtime's processes: supervisor, workers, their shards",
                         .options = kPsOptions,
                         .details =
                             "Examples:\n"
                             "  mabeam ps\n"
                             "  mabeam ps --json | jq '.workers[].pid'\n"
                             "  mabeam ps --file /var/crash/segment\n",
                         .run = run_ps};

}  // namespace mabeam::tools
