// Notices: small facts for the supervisor, one queue an endpoint. Hints only: what they tell is
// also found by its scan every 250 ms, so a queue that is full, or whose producer died, loses
// nothing.
#pragma once

#include <boost/lockfree/spsc_queue.hpp>

#include <cstdint>

namespace mabeam::shm {

enum class NoticeKind : std::uint32_t { client_attached = 1, client_detached, shard_parked };

struct Notice {
  NoticeKind kind{};
  std::uint32_t detail = 0;
  std::int64_t time_ns = 0;
};

using NoticeQueue = boost::lockfree::spsc_queue<Notice, boost::lockfree::capacity<64>>;

}  // namespace mabeam::shm
