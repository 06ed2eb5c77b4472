// Chrome's trace event format, which Perfetto and chrome://tracing show.
#pragma once

#include "tools/cli/json.hpp"

#include "mabeam/trace.hpp"

namespace mabeam::tools {

/// A process for each worker and for the clients, a thread for each of their shards, a slice for
/// each span, and an arrow from each span to those below it. Times are CLOCK_MONOTONIC's.
Json chrome_document(const SpanList& list);

}  // namespace mabeam::tools
