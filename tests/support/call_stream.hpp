// CallStream: calls to counters, one after the other, for as long as it lives, from a thread of its
// own. Whatever is done to the runtime meanwhile, every call must count once.
#pragma once

#include "mabeam/client.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace mabeam::tests {

class CallStream {
 public:
  /// Makes `counters` of them, which are spread over the shards.
  CallStream(const std::string& runtime, std::uint32_t counters);
  CallStream(const CallStream&) = delete;
  CallStream& operator=(const CallStream&) = delete;
  ~CallStream();

  /// Waits until `more` calls have been answered from now on. False if they are not in time.
  [[nodiscard]] bool wait_for(std::uint64_t more) const;

  /// Of all calls so far, of the one that took longest.
  [[nodiscard]] std::chrono::microseconds longest_wait() const { return longest_wait_.load(); }

  /// Ends it. Expects that every call was answered, each with the count that it has made.
  void finish();

 private:
  void run();

  std::string runtime_;
  std::uint32_t counters_;
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::chrono::microseconds> longest_wait_{};
  std::vector<std::string> faults_;
  std::thread thread_;
};

}  // namespace mabeam::tests
