// A look at a runtime, and what two of them, some time apart, say together.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/cli/json.hpp"
#include "tools/serve/metrics.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mabeam::tools {

struct TopLook {
  MetricsView view;
  std::vector<std::uint64_t> cpu_ns;  ///< used so far, as view.runtime.workers; 0: unknown
  std::chrono::steady_clock::time_point at;
};

/// Errors: as those of attaching to a runtime.
Outcome<TopLook> look_at(const std::string& runtime);

/// What happened from one look to the next, per second. What went backwards, since the runtime is
/// another one, is 0.
struct TopRates {
  double seconds = 0;
  double sent = 0, delivered = 0, refused = 0;
  double published = 0;
  std::vector<double> cpu;  ///< cores, as the later look's workers
};

TopRates rates_between(const TopLook& before, const TopLook& now);

std::string top_text(const TopLook& now, const TopRates& rates, bool colour);
Json top_document(const TopLook& now, const TopRates& rates);

}  // namespace mabeam::tools
