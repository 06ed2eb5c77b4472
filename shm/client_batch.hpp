// ClientBatch: many requests at once, to many shards, answered in any order. At most as many are in
// flight to a shard as replies of it have room, so nothing is ever refused for want of room.
#pragma once

#include "shm/client_core.hpp"

#include "mabeam/client.hpp"
#include "mabeam/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace mabeam::shm {

class ClientBatch {
 public:
  /// One request. For a create, and for a stop of many, the target is its shard's endpoint with
  /// slot and generation 0.
  struct Question {
    AgentId target;
    std::span<const std::byte> payload = {};
    std::uint32_t rooms = 1;  ///< for the reply: ClientCalls::rooms_for()
    Symbol symbol{};          ///< none: the form's, and its content
    Content content{};
  };

  /// Gets the answer to each question that was sent, or why there is none; questions are numbered
  /// from 0 on, as added. False ends the sending, and what is in flight is only awaited.
  using OnAnswer = std::function<bool(std::size_t number, Result<ClientReply>& answer)>;

  /// All requests are of the kind, symbol, content and priority of `form`. `core` and what the
  /// payloads view outlive this.
  ClientBatch(ClientCore& core, const Outgoing& form);
  ClientBatch(const ClientBatch&) = delete;
  ClientBatch& operator=(const ClientBatch&) = delete;
  /// Abandons what is in flight, if on_answer has thrown.
  ~ClientBatch();

  /// The questions to each shard are sent together or not at all. They have credit together, and
  /// take at most half of its ring, which is room for sure where it is empty.
  void make_atomic() { is_atomic_ = true; }

  /// The target's endpoint is a shard's.
  void add(const Question& question);

  /// Returns when every request has been answered. Those that are not at the deadline are
  /// abandoned, and get the error as their answer.
  /// Errors: timed_out, not_running, and what sending refuses.
  Result<> run(std::int64_t deadline_ns, const OnAnswer& on_answer);

 private:
  struct Asked {
    Question question;
    std::uint64_t correlation = 0;  // of a call in flight
    bool is_answered = false;
  };

  struct Queue {
    std::vector<std::size_t> numbers;
    std::size_t next = 0;
    std::size_t in_flight = 0;
    bool is_full = false;  // the ring, when it was tried last
  };

  [[nodiscard]] Queue& queue_of(AgentId target) {
    return queues_[static_cast<std::size_t>(target.endpoint()) - 1];
  }

  Result<> send_what_fits();
  Result<> send_to(std::uint32_t shard);
  Result<bool> send_one(std::size_t number);
  [[nodiscard]] bool has_credit_for_all(std::uint32_t shard) const;
  [[nodiscard]] bool has_room_for_all(std::uint32_t shard);
  [[nodiscard]] Room room_of(const Question& question) const;
  void take_back(std::uint32_t shard);
  [[nodiscard]] bool has_progress();
  [[nodiscard]] bool may_send(std::uint32_t shard);
  [[nodiscard]] bool waits_for_room() const;
  void collect(const OnAnswer& on_answer);
  void drop_unsent();
  void abandon_all();
  void note_silence();
  Result<> give_up(Error error, const OnAnswer& on_answer);

  ClientCore& core_;
  Outgoing form_;
  std::vector<Asked> asked_;   // by number
  std::vector<Queue> queues_;  // by shard
  ClientCalls::Inbox inbox_;
  std::size_t unsent_ = 0;
  std::int64_t now_ns_ = 0;
  bool is_atomic_ = false;
  std::size_t in_flight_ = 0;
};

}  // namespace mabeam::shm
