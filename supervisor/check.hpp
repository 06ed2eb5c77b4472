// What --check prints: the layout that a configuration gives, region by region.
#pragma once

#include "supervisor/config.hpp"
#include "supervisor/exit_code.hpp"

#include <tl/expected.hpp>

#include <string>

namespace mabeam::supervisor {

/// The report, for standard output. Errors: a Refusal, when no segment can be laid out.
tl::expected<std::string, Refusal> check_report(const Config& config);

}  // namespace mabeam::supervisor
