// The documents under /api/v1: each is a command that only looks, run with --json, so that both
// say the same. What a request may hand to it is listed: never a file of this machine, never
// anything that changes something.
#pragma once

#include "tools/serve/http.hpp"

#include <string>

namespace mabeam::tools {

inline constexpr std::string_view kApiRoot = "/api/v1";

/// `path` is what follows /api/v1: "", or "/agents". Parameters are the command's options, and
/// `of` its operand.
HttpResponse answer_api(const std::string& path, const HttpRequest& request,
                        const std::string& runtime);

}  // namespace mabeam::tools
