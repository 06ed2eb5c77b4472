// Shards played by hand, for testing clients without a worker: what a client sent is taken out of
// the rings and answered, by the test itself or by a thread.
#pragma once

#include "shm/doorbell.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "tests/shm/shm_support.hpp"

#include "mabeam/client.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace mabeam::shm {

/// A message that a client sent.
struct Taken {
  Kind kind{};
  Priority priority{};
  MessageHeader header;
  std::vector<std::byte> payload;

  [[nodiscard]] std::uint32_t client() const {
    return static_cast<std::uint32_t>(AgentId{header.source}.endpoint());
  }

  [[nodiscard]] Payload view() const { return {payload, static_cast<Content>(header.content)}; }
};

/// One shard: its ends of the rings to and from every client.
class FakeShard {
 public:
  FakeShard(const Segment& segment, std::uint32_t endpoint)
      : segment_(segment),
        endpoint_(endpoint) {
    for (std::uint32_t i = segment.first_client(); i < segment.endpoints(); ++i) {
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        in_.push_back(
            {RingConsumer::open(segment.ring(i, endpoint, priority)).value(), priority, i});
      }
      out_.push_back(RingProducer::open(segment.ring(endpoint, i, Priority::high)).value());
    }
  }

  [[nodiscard]] std::uint32_t endpoint() const { return endpoint_; }

  /// Everything that has come, the higher priorities of a client first.
  std::vector<Taken> take(std::uint32_t limit = 1000) {
    std::vector<Taken> taken;
    for (In& in : in_) {
      EXPECT_TRUE(in.ring.poll(
          [&](const Record& record) {
            Received message = parse(record).value();
            const BlockUse use{ring_path(endpoint_, static_cast<std::uint32_t>(in.priority)),
                               record.end};
            EXPECT_TRUE(find_payload(segment_.blocks(in.client), use, message));
            taken.push_back({message.kind,
                             in.priority,
                             message.header,
                             {message.payload.begin(), message.payload.end()}});
          },
          limit));
    }
    return taken;
  }

  /// Answers a message; `header` is the reply's, which a test may have falsified.
  bool reply(const Taken& message, Errc code = Errc{}, const PayloadRef& payload = {}) {
    MessageHeader header = message.header;
    header.source = message.header.target;
    header.target = message.header.source;
    header.content = static_cast<std::uint32_t>(payload.content());
    return put(message.client(), header, code, payload);
  }

  bool put(std::uint32_t client, const MessageHeader& header, Errc code,
           const PayloadRef& payload = {}, Kind kind = Kind::reply) {
    RingProducer& ring = out_[client - segment_.first_client()];
    const auto length = static_cast<std::uint32_t>(sizeof header + payload.bytes().size());
    const auto room =
        ring.claim(length, static_cast<std::uint16_t>(kind), static_cast<std::uint16_t>(code));
    if (!room) return false;
    compose(*room, header, payload.bytes());
    ring.publish();
    full_fence();
    segment_.announce(endpoint_, client);
    return true;
  }

  /// A living agent of this shard.
  AgentId put_agent() {
    const std::uint32_t slot = next_slot_++;
    segment_.agents(endpoint_ - 1)
        .record(slot)
        .slot_word.store(SlotWord{1, static_cast<std::uint8_t>(Lifecycle::ready)}.pack());
    return {static_cast<EndpointId>(endpoint_), slot, 1};
  }

  /// Makes what a create asks for, and answers.
  bool make_all(const Taken& message) {
    const Payload request{std::span{message.payload}.first(sizeof(CreateRequest)), Content::bytes};
    std::vector<AgentId> made(request.as<CreateRequest>().value().count);
    for (AgentId& id : made)
      id = put_agent();
    return reply(message, Errc{}, std::as_bytes(std::span{made}));
  }

  /// The agents that a stop names.
  static std::vector<AgentId> targets_of(const Taken& message) {
    if (message.kind == Kind::stop) return {AgentId{message.header.target}};
    std::vector<AgentId> ids(message.payload.size() / sizeof(AgentId));
    std::memcpy(ids.data(), message.payload.data(), ids.size() * sizeof(AgentId));
    return ids;
  }

  /// Answers a stop with one code for each that it names.
  bool reply_codes(const Taken& message, const std::vector<Errc>& codes) {
    if (message.kind == Kind::stop) return reply(message, codes.at(0));
    return reply(message, Errc{}, std::as_bytes(std::span{codes}));
  }

  /// Ends what a stop names, and answers.
  bool end_all(const Taken& message) {
    const std::vector<AgentId> ids = targets_of(message);
    for (const AgentId id : ids)
      end_agent(id);
    return reply_codes(message, std::vector<Errc>(ids.size()));
  }

  void end_agent(AgentId id) const {
    segment_.agents(endpoint_ - 1).record(id.slot()).slot_word.store(SlotWord{1, 0}.pack());
  }

  [[nodiscard]] std::uint32_t agents_made() const { return next_slot_; }

 private:
  struct In {
    RingConsumer ring;
    Priority priority;
    std::uint32_t client;
  };

  const Segment& segment_;
  std::uint32_t endpoint_;
  std::vector<In> in_;
  std::vector<RingProducer> out_;
  std::uint32_t next_slot_ = 0;
};

/// All shards of a segment, served by a thread until this goes.
class ShardThread {
 public:
  using Serve = std::function<void(FakeShard&, const Taken&)>;

  ShardThread(std::vector<FakeShard>& shards, Serve serve)
      : thread_([this, &shards, serve = std::move(serve)] {
          while (!ended_.load()) {
            for (FakeShard& shard : shards) {
              for (const Taken& message : shard.take())
                serve(shard, message);
            }
            std::this_thread::yield();
          }
        }) {}

  ShardThread(const ShardThread&) = delete;
  ShardThread& operator=(const ShardThread&) = delete;

  ~ShardThread() {
    ended_.store(true);
    thread_.join();
  }

 private:
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// A running runtime with two shards played by hand.
class ClientTest : public SegmentTest {
 protected:
  explicit ClientTest(const Dimensions& dimensions = small_dimensions()) : SegmentTest(dimensions) {
    for (std::uint32_t shard = 1; shard <= segment_.dimensions().shards; ++shard) {
      shards_.emplace_back(segment_, shard);
    }
  }

  Client attach(ClientOptions options = {}) {
    return Client::attach(guard_.name(), options).value();
  }

  [[nodiscard]] EndpointSlot& slot_of(const Client& client) const {
    return segment_.endpoint(static_cast<std::uint32_t>(client.id().endpoint()));
  }

  [[nodiscard]] std::uint64_t refused_by(const Client& client) const {
    return slot_of(client).refused.load();
  }

  std::vector<FakeShard> shards_;
};

inline std::chrono::nanoseconds since(std::int64_t start_ns) {
  return std::chrono::nanoseconds{monotonic_ns() - start_ns};
}

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code;
}

}  // namespace mabeam::shm
