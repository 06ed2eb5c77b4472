// Blows: what falls on a runtime in the test of chaos, kind by kind, and the book of it: how often
// each kind fell, was seen by the supervisor and was recovered from, and how long that took.
#pragma once

#include "tests/chaos/times.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tests {

enum class Blow : std::uint8_t {
  slow_reader,
  kill,
  stop,
  crash,
  exit,
  hang,
  leak,
  fork,
  supervisor,
  full,
  scale,
  reload,
  bad_reload
};
inline constexpr std::size_t kBlows = 13;

/// "kill -9 of a worker"
std::string_view name_of(Blow blow);

class BlowBook {
 public:
  using Clock = std::chrono::steady_clock;
  using Condition = std::function<bool()>;

  /// It falls now. The conditions are asked by look(): `is_seen` until it is true, then `is_over`.
  void note(Blow blow, Condition is_seen, Condition is_over);
  /// This machine cannot have that kind, and why.
  void skip(Blow blow, std::string why);
  [[nodiscard]] bool is_skipped(Blow blow) const;

  void look();

  [[nodiscard]] std::size_t pending() const { return pending_.size(); }

  [[nodiscard]] bool is_pending(Blow blow) const;
  /// Those that have not been recovered from within `limit`, by name; empty: none.
  [[nodiscard]] std::string overdue(std::chrono::nanoseconds limit) const;

  [[nodiscard]] std::size_t fallen(Blow blow) const { return kind(blow).fallen; }

  /// A line for each kind.
  void print() const;

 private:
  struct Pending {
    Blow blow;
    Clock::time_point fell;
    Condition is_seen;
    Condition is_over;
    bool was_seen = false;
  };

  struct Kind {
    std::size_t fallen = 0;
    std::size_t seen = 0;
    Times recovered;
    std::string skipped;
  };

  [[nodiscard]] const Kind& kind(Blow blow) const { return kinds_[static_cast<std::size_t>(blow)]; }

  [[nodiscard]] Kind& kind(Blow blow) { return kinds_[static_cast<std::size_t>(blow)]; }

  bool advance(Pending& each);

  std::array<Kind, kBlows> kinds_;
  std::vector<Pending> pending_;
};

}  // namespace mabeam::tests
