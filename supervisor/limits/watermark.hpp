// Watermark: whether something is over a soft limit, without a flutter around it: over it from the
// limit on, and no more once an eighth of it is free again.
#pragma once

#include <cstdint>

namespace mabeam::supervisor {

class Watermark {
 public:
  /// `limit` 0: none. Returns whether it is over it now.
  bool look(std::uint64_t used, std::uint64_t limit) {
    if (limit == 0 || used < limit - limit / 8) is_over_ = false;
    if (limit != 0 && used >= limit) is_over_ = true;
    return is_over_;
  }

  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  bool is_over_ = false;
};

}  // namespace mabeam::supervisor
