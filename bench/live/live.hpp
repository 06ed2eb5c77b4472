// Live: a running runtime with blows in store, and how long things take there. What the program
// `live` is made of; bench/failures and bench/baselines start a runtime for it.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/client.hpp"
#include "mabeam/observer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mabeam::bench {

inline constexpr std::chrono::seconds kPatience{30};

class Live {
 public:
  /// Ends the program, with a word, if there is no such runtime.
  explicit Live(const std::string& name);

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] const shm::Segment& segment() const { return segment_; }

  [[nodiscard]] const Observer& observer() const { return observer_; }

  [[nodiscard]] Client& client() { return client_; }

  [[nodiscard]] std::uint32_t workers() const;
  /// 0: it has none.
  [[nodiscard]] pid_t pid(std::uint32_t worker) const;
  /// It is ready and its process is not `old`.
  [[nodiscard]] bool is_back(std::uint32_t worker, pid_t old) const;
  /// When an end of that worker was seen, of CLOCK_REALTIME.
  [[nodiscard]] std::int64_t seen_unix_ns(std::uint32_t worker) const;
  [[nodiscard]] ExitCause cause(std::uint32_t worker) const;
  [[nodiscard]] std::uint64_t restarts() const;
  /// The first agent of that type on that worker.
  [[nodiscard]] AgentId agent_on(std::uint32_t worker, std::string_view type) const;

 private:
  std::string name_;
  shm::Segment segment_;
  Observer observer_;
  Client client_;
};

/// Looks time and again, a few times in a tenth of a millisecond, until it is so; ends the program
/// with that word if it is not within kPatience.
void await(std::string_view what, const std::function<bool()>& is_so);

/// Ends the program with that word.
[[noreturn]] void give_up(std::string_view why);

/// "TITLE   p50 1.20, p99 3.40, longest 5.60 ms (n)"
void print_times(std::string_view title, const std::vector<double>& ms);

// What the program can do, each in a file of its own.
void restarts(Live& live, std::uint64_t kills);
void hangs(Live& live, std::uint64_t seconds);
void limits(Live& live, std::uint64_t times);
void moves(Live& live, std::uint64_t count);
void takeovers(Live& live, std::uint64_t count);
void rates(Live& live, std::uint64_t agents);

}  // namespace mabeam::bench
