// Cancelled: requests that their senders have cancelled, and that have not come yet.
//
// A cancel overtakes its request by its higher priority, or finds it handled already: then what is
// noted of it is of no use, and is forgotten at the request's deadline. A full note forgets the
// oldest, whose request is handled: cancelling is best effort.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mabeam::worker {

class Cancelled {
 public:
  static constexpr std::size_t kMost = 64;

  struct Request {
    std::uint64_t source = 0;
    std::uint64_t correlation = 0;
    std::int64_t deadline_ns = 0;
  };

  /// One look on the way of every request.
  [[nodiscard]] bool has_any() const noexcept { return count_ != 0; }

  void note(const Request& request, std::int64_t now_ns) noexcept {
    forget_expired(now_ns);
    if (count_ == kMost) erase(0);
    requests_[count_++] = request;
  }

  /// True, once, if that request is among them.
  bool take(std::uint64_t source, std::uint64_t correlation) noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (requests_[i].source != source || requests_[i].correlation != correlation) continue;
      erase(i);
      return true;
    }
    return false;
  }

  void forget_expired(std::int64_t now_ns) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (requests_[i].deadline_ns > now_ns) requests_[kept++] = requests_[i];
    }
    count_ = kept;
  }

 private:
  void erase(std::size_t at) noexcept {
    for (--count_; at < count_; ++at)
      requests_[at] = requests_[at + 1];
  }

  std::array<Request, kMost> requests_{};
  std::size_t count_ = 0;  // the oldest first
};

}  // namespace mabeam::worker
