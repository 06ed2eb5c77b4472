#include "worker/tracer.hpp"

#include "shm/clock.hpp"

namespace mabeam::worker {

Result<> Tracer::open(shm::Incarnation self) {
  const auto writer = shm::SpanWriter::open(segment_.spans(endpoint_));
  if (!writer) return mabeam::fail(writer.error());
  writer_ = *writer;
  self_ = self;
  is_active_ = is_open_ = false;
  return {};
}

void Tracer::open_span(const shm::Received& message, AgentId agent,
                       std::uint32_t attempt) noexcept {
  context_.span = source_.new_span();
  span_ = {};
  span_.trace = context_.trace;
  span_.span = static_cast<std::uint64_t>(context_.span);
  span_.agent = agent.value();
  span_.source = message.header.source;
  span_.owner = self_.value;
  span_.sent_ns = message.header.sent_ns;
  span_.symbol = static_cast<std::uint32_t>(message.header.symbol);
  span_.kind = static_cast<std::uint16_t>(message.kind);
  span_.attempt = attempt;
  before_ = writer_.claimed();
  is_active_ = is_open_ = true;
  span_.started_ns = shm::monotonic_ns();
}

void Tracer::begin(const shm::Received& message, AgentId agent, std::uint32_t attempt) noexcept {
  context_ = message.trace;
  open_span(message, agent, attempt);
  span_.parent = static_cast<std::uint64_t>(message.trace.span);
}

bool Tracer::try_begin_trace(std::uint64_t sample, const shm::Received& message,
                             std::uint32_t attempt) noexcept {
  if (!source_.takes(sample)) return false;
  context_ = {};
  context_.trace = source_.new_trace();
  open_span(message, AgentId{message.header.target}, attempt);
  return true;
}

void Tracer::end() noexcept {
  if (!is_open_) return;
  is_open_ = false;
  span_.ended_ns = shm::monotonic_ns();
  writer_.claim(span_);
}

}  // namespace mabeam::worker
