// mabeam doctor: whether this machine suits a runtime.
#include "tools/cli/arguments.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"
#include "tools/doctor/checks.hpp"

#include <algorithm>
#include <string>

namespace mabeam::tools {

namespace {

using doctor::Finding;
using doctor::Verdict;

Tone tone_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return Tone::good;
    case Verdict::warning:
      return Tone::warning;
    case Verdict::problem:
      break;
  }
  return Tone::bad;
}

Json document_of(const std::vector<Finding>& findings) {
  Json checks = Json::array();
  for (const Finding& finding : findings) {
    checks.push_back({{"name", finding.name},
                      {"verdict", to_string(finding.verdict)},
                      {"detail", finding.detail},
                      {"advice", finding.advice}});
  }
  return Json{{"checks", checks}};
}

std::string text_of(const std::vector<Finding>& findings, bool colour) {
  Table table({{"CHECK"}, {"VERDICT"}, {"DETAIL"}});
  std::string advice;
  for (const Finding& finding : findings) {
    table.add({std::string(finding.name),
               {std::string(to_string(finding.verdict)), tone_of(finding.verdict)},
               finding.detail});
    if (!finding.advice.empty()) {
      advice += "\n" + std::string(finding.name) + ": " + finding.advice + "\n";
    }
  }
  return table.render(colour) + advice;
}

Outcome<Exit> run_doctor(const Arguments& arguments, Output& output) {
  const std::vector<Finding> findings = doctor::examine(doctor::this_machine(arguments.runtime()));
  if (output.json()) {
    output.document(document_of(findings));
  } else {
    output.print(text_of(findings, output.style().colour));
  }
  const bool is_fit = std::none_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.verdict == Verdict::problem;
  });
  return is_fit ? Exit::done : Exit::refused;
}

}  // namespace

const Command doctor_command{
    .name = "doctor",
    .summary = "whether this machine suits a runtime, and what to change",
    .details =
        "Looks at the kernel, /dev/shm, CPUs, the clock, swap, what limits can be enforced with,\n"
        "and whether logind removes shared memory. It needs no runtime: `health` asks that. If "
        "there\n"
        "is one, its workers that spin are compared with the CPUs.\n"
        "\n"
        "Exit codes: 0 no problem (there may be warnings), 1 a problem.\n"
        "\n"
        "Examples:\n"
        "  mabeam doctor\n"
        "  mabeam doctor --json | jq -r '.checks[] | select(.verdict != \"good\").advice'\n",
    .run = run_doctor};

}  // namespace mabeam::tools
