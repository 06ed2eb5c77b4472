// mabeam health: is the runtime well, and if not, what is wrong.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/tables.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

Tone tone_of(HealthView::Status status) {
  switch (status) {
    case HealthView::Status::healthy:
      return Tone::good;
    case HealthView::Status::degraded:
      return Tone::warning;
    case HealthView::Status::down:
      break;
  }
  return Tone::bad;
}

Outcome<Exit> run_health(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const HealthView view = observer->health();
  if (output.json()) {
    output.document(health_document(view));
  } else {
    output.print(health_table(view).render(output.style().colour));
  }
  return view.status == HealthView::Status::healthy ? Exit::done : Exit::refused;
}

constexpr std::array kHealthOptions{kFileOption};

}  // namespace

Table health_table(const HealthView& view) {
  Table table({{"COMPONENT"}, {"STATUS"}, {"DETAIL"}});
  for (const HealthView::Component& part : view.components) {
    table.add(
        {part.name, {std::string(to_string(part.status)), tone_of(part.status)}, part.detail});
  }
  const std::string readiness = (view.is_live ? "live, " : "not live, ") +
                                std::string(view.is_ready ? "ready: " : "not ready: ") +
                                view.readiness;
  table.add({"runtime", {std::string(to_string(view.status)), tone_of(view.status)}, readiness});
  return table;
}

Json health_document(const HealthView& view) {
  Json components = Json::array();
  for (const HealthView::Component& part : view.components) {
    components.push_back(
        {{"name", part.name}, {"status", to_string(part.status)}, {"detail", part.detail}});
  }
  return Json{{"status", to_string(view.status)},
              {"live", view.is_live},
              {"ready", view.is_ready},
              {"readiness", view.readiness},
              {"components", components}};
}

const Command health_command{.name = "health",
                             .summary = "whether the runtime is well; exit 0 only if it is",
                             .options = kHealthOptions,
                             .details =
                                 "A part is degraded from a threshold on (90% of a ring or a "
                                 "limit, ten dead\n"
                                 "letters of the last minute); the runtime is as well as its worst "
                                 "part. Live: it\n"
                                 "has a supervisor. Ready: a worker serves.\n"
                                 "Exit codes: 0 healthy, 1 degraded or down, 69 no such "
                                 "runtime.\n"
                                 "\n"
                                 "Examples:\n"
                                 "  mabeam health || mabeam dump > dump.txt\n"
                                 "  mabeam health --json | jq -r .status\n",
                             .run = run_health};

}  // namespace mabeam::tools
