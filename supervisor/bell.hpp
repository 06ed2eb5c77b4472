// Bell: the listening end of the supervisor's bell (shm/bell.hpp), one descriptor of its epoll set.
#pragma once

#include "shm/words.hpp"
#include "supervisor/descriptor.hpp"

#include "mabeam/result.hpp"

#include <string_view>

namespace mabeam::supervisor {

class Bell {
 public:
  /// Listens as the supervisor of that runtime. Errors: system (somebody holds the address; the
  /// supervisor can do without a bell, it then notices by its scans).
  static Result<Bell> open(std::string_view runtime, shm::ProcessId self);

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// Forgets every ring so far: what they were about is found in the segment.
  void hush() noexcept;

 private:
  Descriptor socket_;
};

}  // namespace mabeam::supervisor
