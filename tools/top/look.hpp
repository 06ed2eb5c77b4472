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

/// What a shard has done since it was made.
struct ShardLook {
  std::uint64_t taken = 0;            ///< messages and events that it has handled
  std::uint64_t given = 0;            ///< messages that it has sent, events that it has emitted
  std::uint64_t longest_turn_ns = 0;  ///< that is, its longest handler, but for turn_time
  bool is_running = false;            ///< a handler runs
};

struct TopLook {
  MetricsView view;
  std::vector<ShardLook> shards;
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
  double buried = 0;           ///< dead letters
  std::vector<double> cpu;     ///< cores, as the later look's workers
  std::vector<double> taken;   ///< as the later look's shards
  std::vector<double> given;   ///< as the later look's shards
  std::uint64_t messages = 0;  ///< of which there is a latency
  std::uint64_t p50_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;  ///< of those
};

TopRates rates_between(const TopLook& before, const TopLook& now);

/// Configuration and reloads in words.
std::string configuration_text(const ReloadsView& reloads);
/// "3 m 20 s": since then.
std::string age_text(std::int64_t since_unix_ns);

std::string top_text(const TopLook& now, const TopRates& rates, bool colour);
Json top_document(const TopLook& now, const TopRates& rates);

}  // namespace mabeam::tools
