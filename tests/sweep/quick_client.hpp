// QuickClient: the real parts of a client, without its waiting: for a process that runs the shards
// itself.
#pragma once

#include "shm/client_core.hpp"
#include "shm/client_create.hpp"

#include "mabeam/client.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::testing {

/// A client that takes no time: its questions are answered when `run` returns.
class QuickClient {
 public:
  QuickClient(const std::string& runtime, std::function<void()> run)
      : run_(std::move(run)),
        core_(attach(runtime)) {
    core_->open().value();
  }

  [[nodiscard]] std::uint32_t endpoint() const { return core_->endpoint.index(); }

  Result<> send(AgentId to, std::string_view symbol, std::int64_t value) {
    shm::Outgoing message{shm::Kind::signal, Priority::normal, {}, {}};
    message.header.target = to.value();
    message.header.symbol = core_->intern(symbol).value();
    message.header.content = static_cast<std::uint32_t>(Content::i64);
    message.payload = std::as_bytes(std::span{&value, 1});
    return core_->sender.try_send(message);
  }

  Result<> emit(std::string_view topic, const PayloadRef& payload) {
    return core_->emitter.try_emit(core_->emitter.topic(topic).value(), payload);
  }

  Result<> subscribe(std::string_view pattern) { return core_->events.subscribe(pattern, {}); }

  Result<> unsubscribe(std::string_view pattern) {
    return core_->events.unsubscribe(pattern, nullptr);
  }

  /// The numbers in all events that have come.
  std::vector<std::int64_t> poll() {
    std::vector<std::int64_t> values;
    core_->events.poll(
        [&](const EventView& event) { values.push_back(event.payload.as<std::int64_t>().value()); },
        SIZE_MAX);
    return values;
  }

  [[nodiscard]] std::uint64_t missed() const { return core_->events.missed(); }

  Result<ClientReply> call(AgentId to, std::string_view symbol, std::int64_t value) {
    return ask({.kind = shm::Kind::request,
                .header = {.symbol = core_->intern(symbol).value(),
                           .content = static_cast<std::uint32_t>(Content::i64),
                           .target = to.value()},
                .payload = std::as_bytes(std::span{&value, 1})});
  }

  Result<ClientReply> create(std::string_view type, std::uint32_t shard) {
    const shm::CreateRequest request = shm::make_create_request(core_->symbols, 1, {}).value();
    return ask({.kind = shm::Kind::create,
                .header = {.symbol = core_->intern(type).value(),
                           .target = shm::shard_target(shard).value()},
                .payload = std::as_bytes(std::span{&request, 1})});
  }

 private:
  static std::unique_ptr<shm::ClientCore> attach(const std::string& runtime) {
    shm::Segment segment = shm::Segment::attach(runtime, shm::Access::read_write).value();
    const shm::ClientClaim claim = shm::claim_client_endpoint(segment, 0).value();
    return std::make_unique<shm::ClientCore>(std::move(segment), claim, WaitMode::spin);
  }

  Result<ClientReply> ask(shm::Outgoing question) {
    const std::uint64_t correlation = core_->calls.begin(question.kind, question.target());
    question.header.correlation = correlation;
    if (const Result<> sent = core_->sender.try_send(question); !sent) return fail(sent.error());
    run_();
    core_->calls.poll(question.target());
    return core_->calls.take(correlation);
  }

  std::function<void()> run_;
  std::unique_ptr<shm::ClientCore> core_;
};

}  // namespace mabeam::testing
