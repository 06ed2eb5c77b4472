// Bell: the listening end of the supervisor's bell (shm/bell.hpp), one descriptor of its epoll set.
// Questions of tools come the same way (shm/control.hpp), from this user's processes alone.
#pragma once

#include "shm/control.hpp"
#include "shm/words.hpp"
#include "supervisor/descriptor.hpp"

#include "mabeam/result.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/un.h>

namespace mabeam::supervisor {

/// What a tool asks, and where its answer goes.
struct Question {
  shm::ControlQuestion head;
  std::string text;
  sockaddr_un from{};
  unsigned from_length = 0;
};

class Bell {
 public:
  /// Listens as the supervisor of that runtime. Errors: system (somebody holds the address; the
  /// supervisor can do without a bell, it then notices by its scans).
  static Result<Bell> open(std::string_view runtime, shm::ProcessId self);

  /// Goes on listening with the bell of the program before, in this process: what has come
  /// meanwhile is heard. Takes `fd` over. Errors: invalid_argument (it is no bell of that runtime).
  static Result<Bell> inherit(std::string_view runtime, shm::ProcessId self, int fd);

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// Takes all that has come so far. What a ring is about is found in the segment.
  std::vector<Question> hear();

  /// Does not wait: whoever asks waits for one answer, or has gone.
  void answer(const Question& question, const shm::ControlAnswer& answer) noexcept;

 private:
  Descriptor socket_;
};

}  // namespace mabeam::supervisor
