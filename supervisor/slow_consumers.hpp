// SlowConsumers: who does not take what is sent to it. A ring that stays more than half full while
// its reader stands still for three times stall_timeout is an episode, which ends when the ring has
// drained to half. Three times: a shard that is itself held up by another gives its message up
// after one, and goes on.
//
// A look costs two words of each ring, and rings grow with the square of the endpoints: a scan
// looks at so many, and the next one goes on behind them.
#pragma once

#include "shm/segment.hpp"
#include "supervisor/event_loop.hpp"
#include "supervisor/log.hpp"

#include "mabeam/message.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace mabeam::supervisor {

class SlowConsumers {
 public:
  static constexpr std::uint32_t kRingsAScan = 4096;
  static constexpr Time kPeriod = std::chrono::milliseconds{200};

  /// Both outlive this.
  SlowConsumers(const shm::Segment& segment, Log& log) : segment_(segment), log_(log) {}

  /// Warns once an episode, naming who reads and who runs it. Returns the workers that run the
  /// shards of new episodes. Does nothing within kPeriod of the last time.
  std::vector<std::uint32_t> scan(Time now, Time stall_timeout);

 private:
  /// A ring that was found more than half full.
  struct Held {
    std::uint64_t head = 0;
    Time since{0};
    bool is_told = false;
  };

  struct Ring {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    Priority priority = Priority::normal;
  };

  [[nodiscard]] Ring ring_of(std::uint32_t index) const;
  bool look(std::uint32_t index, Time now, Time patience);
  void warn(const Ring& ring, std::uint64_t used_bytes, Time held) const;
  void tell_end(const Ring& ring) const;
  [[nodiscard]] std::optional<std::uint32_t> worker_of(std::uint32_t endpoint) const;

  const shm::Segment& segment_;
  Log& log_;
  std::unordered_map<std::uint32_t, Held> held_;  // by index of the ring
  Time next_scan_{0};
  std::uint32_t next_ = 0;  // where the next scan goes on
};

}  // namespace mabeam::supervisor
