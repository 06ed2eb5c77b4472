#include "tools/serve/api.hpp"

#include "tools/cli/command_line.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <sstream>
#include <vector>

namespace mabeam::tools {

namespace {

/// A command, and what of it may be asked for.
struct View {
  std::string_view command;
  std::span<const std::string_view> options = {};
  bool takes_operand = false;
  std::string_view always = {};  ///< an option that it is always run with
};

constexpr std::array<std::string_view, 3> kAgentOptions{"type", "capability", "limit"};
constexpr std::array<std::string_view, 3> kLetterOptions{"reason", "agent", "limit"};
constexpr std::array<std::string_view, 6> kAllowedOfHistory{"last",  "since",  "from",
                                                            "limit", "source", "log"};
constexpr std::array<std::string_view, 3> kAllowedOfLog{"since", "level", "worker"};
constexpr std::array<std::string_view, 1> kAllowedOfTrace{"limit"};

constexpr std::array kViews{
    View{"agents", kAgentOptions},
    View{"breakers"},
    View{"channels"},
    View{"deadletters", kLetterOptions},
    View{"health"},
    View{"history", kAllowedOfHistory, true},
    View{"inspect", {}, true, "--raw"},  // without it asks the agent, as a client
    View{"limits"},
    View{"log", kAllowedOfLog},
    View{"ps"},
    View{"stats"},
    View{"topics", {}, true},
    View{"trace", kAllowedOfTrace, true},
    View{"types"},
    View{"version"},
};

constexpr std::string_view kOperand = "of";

int status_of(Exit exit, std::string_view code) {
  switch (exit) {
    case Exit::done:
      return 200;
    case Exit::usage:
      return 400;
    case Exit::no_runtime:
    case Exit::try_again:
      return 503;
    case Exit::refused:
      if (code.empty()) return 200;  // an answer without an error: health says that it is ill
      return code == "not_found" ? 404 : 409;
    default:
      return 500;
  }
}

HttpResponse list_views() {
  Json paths = Json::array();
  for (const View& view : kViews)
    paths.push_back(std::string{kApiRoot} + "/" + std::string{view.command});
  return {.content_type = "application/json", .body = dump(document({{"paths", paths}})) + '\n'};
}

Outcome<std::vector<std::string>> words_of(const View& view, const HttpRequest& request,
                                           const std::string& runtime) {
  std::vector<std::string> words{std::string{view.command}, "--json", "--runtime=" + runtime};
  if (!view.always.empty()) words.emplace_back(view.always);
  std::vector<std::string> operands;
  for (const auto& [name, value] : request.parameters) {
    if (name == kOperand && view.takes_operand) {
      operands.push_back(value);
      continue;
    }
    if (std::find(view.options.begin(), view.options.end(), name) == view.options.end()) {
      return usage_error("there is no parameter '" + name + "' of this path");
    }
    words.push_back("--" + name + "=" + value);
  }
  words.emplace_back("--");
  words.insert(words.end(), operands.begin(), operands.end());
  return words;
}

}  // namespace

HttpResponse answer_api(const std::string& path, const HttpRequest& request,
                        const std::string& runtime) {
  if (path.empty() || path == "/") return list_views();
  const auto* const view = std::find_if(kViews.begin(), kViews.end(), [&](const View& each) {
    return path.substr(1) == each.command;
  });
  if (view == kViews.end()) {
    return http_failure(404, "not_found", "there is no such path; /api/v1 lists those there are");
  }
  const auto words = words_of(*view, request, runtime);
  if (!words) return http_failure(400, "usage", words.error().message);
  std::ostringstream out;
  std::ostringstream err;
  Output output(out, err, {});
  const Exit exit = run_command_line(commands(), *words, output);
  HttpResponse response{.content_type = "application/json", .body = out.str()};
  std::string code;
  if (exit != Exit::done) {
    const Json answer = Json::parse(response.body, nullptr, false);
    if (answer.contains("error")) code = answer["error"].value("code", std::string{"unknown"});
  }
  response.status = status_of(exit, code);
  return response;
}

}  // namespace mabeam::tools
