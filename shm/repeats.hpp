// Repeats: keeps what is said again and again from filling the log and pushing everything else out
// of the flight recorder. Of each kind so many are said in a period; the rest is counted, and told
// when the period is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::shm {

class Repeats {
 public:
  static constexpr std::uint32_t kMostInPeriod = 20;
  static constexpr std::int64_t kPeriodNs = 10'000'000'000;
  static constexpr std::size_t kMostKinds = 256;  ///< that are remembered; others are not limited

  /// What was not said.
  struct Due {
    std::string text;
    std::uint64_t about = 0;
    std::uint64_t count = 0;
  };

  /// Whether another of that kind may be said. `about` tells kinds of one text apart.
  bool admit(std::string_view text, std::uint64_t about, std::int64_t now_ns);

  /// One kind whose period is over and of which something was not said; call until there is none.
  std::optional<Due> take_due(std::int64_t now_ns);

  /// One kind of which something was not said, its period over or not.
  std::optional<Due> take_held();

 private:
  struct Entry {
    std::string text;
    std::uint64_t about = 0;
    std::int64_t since_ns = 0;
    std::uint32_t said = 0;
    std::uint64_t held = 0;
  };

  [[nodiscard]] Entry* find(std::string_view text, std::uint64_t about);
  void forget_old(std::int64_t now_ns);

  std::vector<Entry> entries_ = {};
};

}  // namespace mabeam::shm
