// Channels: how full the rings and the event logs of a runtime are, and who holds them.
//
// High-water marks are of the moments in which the writer looked at its reader's position, which it
// does whenever the room that it knew of is used up: a channel that was ever full says so; a peak
// below that may have been missed.
#pragma once

#include "mabeam/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mabeam {

/// One ring from an endpoint to another.
struct ChannelView {
  std::uint32_t from = 0;      ///< endpoint
  std::uint32_t to = 0;        ///< endpoint
  std::string from_name = {};  ///< "shard 2", "client 0"
  std::string to_name = {};
  Priority priority = Priority::normal;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;        ///< not yet released by its reader
  std::uint64_t high_water_bytes = 0;  ///< since the runtime began
  std::uint64_t total_bytes = 0;       ///< that ever went through it
  std::optional<std::uint64_t> waiting =
      {};  ///< messages; nothing if it kept moving, or is damaged
};

/// A reader for which the writer of a log waits, or no longer waits.
struct LogReaderView {
  std::uint32_t reader = 0;  ///< endpoint
  std::string name = {};
  std::uint64_t behind_bytes = 0;
  bool is_evicted = false;  ///< it held the log for stall_timeout, and has not come back yet
};

/// One endpoint's event log.
struct LogView {
  std::uint32_t log = 0;  ///< endpoint
  std::string name = {};
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;        ///< that the slowest reader has not passed
  std::uint64_t kept_bytes = 0;        ///< history
  std::uint64_t high_water_bytes = 0;  ///< since the runtime began
  std::uint64_t events = 0;            ///< ever emitted
  std::uint64_t evictions = 0;         ///< of readers, ever
  std::vector<LogReaderView> readers =
      {};  ///< the slowest first, those that are evicted before all
};

struct ChannelsView {
  std::vector<ChannelView> channels;  ///< that have or had traffic
  std::vector<LogView> logs;          ///< that have or had events
  std::uint64_t damaged = 0;          ///< rings and logs that are left out: verify() tells
};

}  // namespace mabeam
