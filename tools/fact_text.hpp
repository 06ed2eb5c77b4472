// FactText: the records of the flight recorder as lines and as documents.
#pragma once

#include "tools/cli/json.hpp"

#include "mabeam/post_mortem.hpp"

#include <cstdint>
#include <string>

namespace mabeam::tools {

/// "12:30:01.250", as clocks here show it; "--" for no time.
std::string time_of_day_text(std::int64_t unix_ns);

/// "2024-05-01 12:30:01", the same way.
std::string date_text(std::int64_t unix_ns);

/// "[worker 2] worker died worker=2 pid=4711": of whom it is if not the supervisor's, and what.
std::string fact_text(const FactView& fact);

/// "12:30:01.250 warn   worker died worker=2 pid=4711", and a line's end.
std::string fact_line(const FactView& fact);

Json fact_document(const FactView& fact);
/// {facts, begun, torn, damaged}.
Json facts_document(const FactList& list);

/// What is missing of it, for a person; empty: nothing.
std::string missing_facts_text(const FactList& list);

}  // namespace mabeam::tools
