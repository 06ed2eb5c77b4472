// What a client asks of a shard itself, not of its agents: a state in words, what is noted of an
// agent, dead letters settled.
#include "shm/client_impl.hpp"
#include "shm/metadata.hpp"

namespace mabeam {

using shm::Kind;
using shm::Outgoing;

namespace {

Result<ClientReply> settle(shm::ClientCore& core, Kind how, DeadLetterId letter,
                           std::chrono::nanoseconds timeout) {
  const std::uint64_t number = letter.number();
  Outgoing order{how, Priority::normal, {}, std::as_bytes(std::span{&number, 1})};
  order.header.content = static_cast<std::uint32_t>(Content::u64);
  order.header.target = AgentId{letter.endpoint(), 0, 0}.value();
  return core.ask(order, timeout);
}

}  // namespace

Result<std::string> Client::describe(AgentId agent, std::chrono::nanoseconds timeout) {
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  Outgoing question{Kind::describe, Priority::normal, {}, {}};
  question.header.target = agent.value();
  const Result<ClientReply> reply = impl_->ask(question, timeout);
  if (!reply) return fail(reply.error());
  return std::string{reply->payload().text()};
}

Result<> Client::update_metadata(AgentId agent, std::string_view metadata,
                                 std::chrono::nanoseconds timeout) {
  if (!shm::is_metadata(metadata))
    return impl_->refuse({Errc::invalid_argument, static_cast<std::uint16_t>(Argument::metadata)});
  if (!impl_->is_agent(agent)) return impl_->refuse({Errc::not_found});
  return impl_->order(Kind::update, agent, std::as_bytes(std::span{metadata}), timeout);
}

Result<std::string> Client::metadata(AgentId agent) const {
  const shm::Segment& segment = impl_->segment;
  if (!segment.exists(agent)) return fail(Errc::not_found);
  const std::uint32_t shard = static_cast<std::uint32_t>(agent.endpoint()) - 1;
  std::string text =
      shm::read_metadata(segment.agents(shard), segment.metadata(shard), agent.slot());
  // Its slot may have been given to another meanwhile.
  if (!segment.exists(agent)) return fail(Errc::not_found);
  return text;
}

Result<ClientReply> Client::replay_dead_letter(DeadLetterId letter,
                                               std::chrono::nanoseconds timeout) {
  return settle(*impl_, Kind::replay, letter, timeout);
}

Result<> Client::drop_dead_letter(DeadLetterId letter, std::chrono::nanoseconds timeout) {
  const Result<ClientReply> reply = settle(*impl_, Kind::drop, letter, timeout);
  if (!reply) return fail(reply.error());
  return {};
}

}  // namespace mabeam
