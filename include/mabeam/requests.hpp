// What a client asks of agents, beyond one call at a time: calls in flight, calls that are tried
// again, batches. Part of client.hpp.
#pragma once

#include "mabeam/export.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"
#include "mabeam/payload.hpp"
#include "mabeam/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mabeam {

namespace shm {
struct ClientCore;
}  // namespace shm

/// An answer that a client got; a copy, so it outlives the ring's record.
struct ClientReply {
  std::vector<std::byte> bytes;
  Content content = Content::none;

  [[nodiscard]] Payload payload() const { return {bytes, content}; }
};

/// How a client calls.
struct CallOptions {
  /// For the whole call, all its attempts included. The agent's own calls for it inherit it.
  std::chrono::nanoseconds timeout = std::chrono::seconds{5};
  Priority priority = Priority::normal;
  /// Handling the action twice is as good as once. Only then is a call tried again. Every message
  /// takes effect exactly once, but an attempt that has timed out may have been handled, or may be
  /// still: the next attempt is another message.
  bool idempotent = false;
  /// Attempts after the first, where one is refused with backpressure or circuit_open, or times
  /// out; never after an answer. Not of call_async().
  std::uint32_t retries = 0;
  /// Of one attempt; 0: the timeout divided by the attempts.
  std::chrono::nanoseconds attempt_timeout{0};
  /// The n-th retry waits a random time up to min(backoff_max, backoff_min * 2^(n-1)).
  std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{10};
  std::chrono::nanoseconds backoff_max = std::chrono::seconds{1};
};

/// A call in flight, of Client::call_async(). It must not outlive its client, and belongs to that
/// client's thread.
class MABEAM_API PendingCall {
 public:
  /// None.
  PendingCall() = default;
  PendingCall(PendingCall&& other) noexcept;
  PendingCall& operator=(PendingCall&& other) noexcept;
  /// Cancels it.
  ~PendingCall();

  /// False once it was taken, cancelled or moved from.
  [[nodiscard]] bool is_valid() const { return core_ != nullptr; }

  /// True when take() will not wait: it is answered, or its time is up.
  [[nodiscard]] bool ready();
  /// Waits up to `timeout`; returns ready().
  bool wait(std::chrono::nanoseconds timeout);
  /// The answer, once; waits for it until the call's deadline.
  /// Errors: as Client::call(); invalid_argument (there is none).
  Result<ClientReply> take();
  /// Gives it up: an answer is dropped, and the request is not handled if its agent has not taken
  /// it when it hears of that (best effort: it may be handled all the same).
  void cancel();

 private:
  friend class Client;

  PendingCall(shm::ClientCore& core, AgentId agent, std::uint64_t correlation,
              std::int64_t deadline_ns)
      : core_(&core),
        agent_(agent),
        correlation_(correlation),
        deadline_ns_(deadline_ns) {}

  shm::ClientCore* core_ = nullptr;
  AgentId agent_;
  std::uint64_t correlation_ = 0;
  std::int64_t deadline_ns_ = 0;
};

/// Whether those of a batch that go into one ring are all to be sent or none. What goes to agents
/// of one shard with one priority goes into one ring, and all events of a client into one log.
enum class Atomic : bool {
  no,  ///< what fits is sent
  yes  ///< none of a ring's if one cannot be sent: all of them get its error
};

struct BatchOptions {
  Atomic atomic = Atomic::no;
  /// How long to wait for room, in all; 0 is not at all.
  std::chrono::nanoseconds wait{0};
  Priority priority = Priority::normal;  ///< not of events
  /// Of each message, as SendOptions::deadline; not of events.
  std::chrono::nanoseconds deadline{0};
};

/// One of each batch. Names are Client::symbol()'s; a payload refers to its argument (PayloadRef).
struct EventItem {
  Symbol topic{};
  PayloadRef payload = {};
};

struct SignalItem {
  AgentId agent;
  Symbol signal{};
  PayloadRef payload = {};
};

struct CallItem {
  AgentId agent;
  Symbol action{};
  PayloadRef payload = {};
};

}  // namespace mabeam
