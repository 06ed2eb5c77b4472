// Control: what a tool asks of a supervisor, and what it is told.
//
// A question and its answer are one datagram each, between the tool's own socket and the
// supervisor's bell (bell.hpp). Nothing of it is in the segment, so a tool that is killed midway
// leaves nothing behind, and one that nobody hears learns it at once from the kernel.
//
//   question   ControlQuestion, then `text_bytes` of text
//   answer     ControlAnswerHead, then lines: a word, a tab, a sentence, a line's end
//
// Who may ask is who may attach as a client: the question's sender must be the supervisor's own
// user, as the kernel tells (SCM_CREDENTIALS); the answer's must be that very supervisor. A
// question holds its asker's patience as a deadline: one that is found later is not done.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <sys/un.h>

namespace mabeam::shm {

enum class ControlCommand : std::uint32_t {
  shutdown = 1,  ///< number 0: drains first; 1: every worker leaves after its turn
  restart,       ///< number: which worker
  reload,        ///< number 1: says what it would do
  scale,         ///< number: how many workers
  breaker,       ///< number: which worker, and above 32 bits the BreakerMode
};

enum class ControlVerdict : std::uint32_t {
  done = 0,       ///< or begun, where it takes time
  refused,        ///< it cannot be done; the lines say why
  busy,           ///< it cannot be done now
  configuration,  ///< the configuration has faults: a line each
};

struct ControlQuestion {
  std::uint32_t magic = 0;
  ControlCommand command{};
  std::uint64_t serial = 0;  ///< comes back with the answer
  std::uint64_t number = 0;
  std::int64_t deadline_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint32_t text_bytes = 0;
  std::uint32_t reserved = 0;
};

static_assert(sizeof(ControlQuestion) == 40);

struct ControlAnswerHead {
  std::uint32_t magic = 0;
  ControlVerdict verdict{};
  std::uint64_t serial = 0;
};

static_assert(sizeof(ControlAnswerHead) == 16);

inline constexpr std::uint32_t kControlMagic = 0x4C54434D;  // "MCTL"
inline constexpr std::size_t kControlTextMax = 255;
/// A datagram is no longer: what an answer has beyond that is cut at a line.
inline constexpr std::size_t kControlBytesMax = 64U << 10U;

/// One line of an answer: "rolling", "worker.modules".
struct ControlLine {
  std::string word;
  std::string text;

  friend bool operator==(const ControlLine&, const ControlLine&) = default;
};

struct ControlAnswer {
  ControlVerdict verdict = ControlVerdict::done;
  std::vector<ControlLine> lines;

  /// The texts of all lines of that word.
  [[nodiscard]] std::vector<std::string> all(std::string_view word) const;
};

/// The datagram of an answer.
std::string write_answer(const ControlAnswer& answer, std::uint64_t serial);
/// Nothing if it is no answer to that question.
std::optional<ControlAnswer> read_answer(std::span<const std::byte> datagram, std::uint64_t serial);

/// Nothing if it is no whole question.
std::optional<ControlQuestion> read_question(std::span<const std::byte> datagram);

/// The process and the user that have sent a datagram, as the kernel tells.
struct Sender {
  pid_t pid = 0;
  uid_t uid = 0;
};

/// Asks for the senders of what arrives at a socket. Returns an errno, or 0.
int tell_senders(int socket) noexcept;

/// Receives one datagram without waiting, with its sender's address into `from`. Returns its bytes,
/// or less than 0 if there is none; `sender` is nothing where the kernel does not tell.
ssize_t receive_from(int socket, std::span<std::byte> buffer, sockaddr_un* from,
                     unsigned* from_length, std::optional<Sender>& sender) noexcept;

/// Asks the supervisor of an attached runtime and waits for its answer.
/// Errors: not_running (no supervisor, or one that cannot be reached from here), closed (it has
/// died before it answered), timed_out, system.
Result<ControlAnswer> ask_supervisor(const Segment& segment, ControlCommand command,
                                     std::uint64_t number, std::string_view text,
                                     std::chrono::nanoseconds timeout);

/// Waits until that supervisor's process is gone. Errors: timed_out.
Result<> wait_for_end(ProcessId process, std::chrono::nanoseconds timeout);

}  // namespace mabeam::shm
