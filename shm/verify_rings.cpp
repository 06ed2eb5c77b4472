// Verify: every ring: its header, its positions, and the messages between them.
#include "shm/snapshots.hpp"
#include "shm/verify_pass.hpp"

#include <array>

namespace mabeam::shm {
namespace {

constexpr std::array<std::string_view, kPriorities> kPriorityNames{"high", "normal", "low"};

/// One ring: from whom, to whom, and what it is called.
struct Channel {
  std::uint32_t source = 0;
  std::uint32_t target = 0;
  std::uint32_t priority = 0;
  std::string where;
};

void verify_ring_message(VerifyPass& pass, const Channel& channel, const WalkedRecord& record) {
  const auto here = [&] { return at_position(channel.where, record.position); };
  const Kind kind = kind_of(record.header.kind);
  const bool is_replayed = kind == Kind::event && pass.segment().is_client(channel.source);
  const bool is_message = is_replayed || (kind >= Kind::signal && kind <= Kind::stop) ||
                          kind == Kind::restart || (kind >= Kind::replay && kind <= kLastKind);
  pass.expect(is_message, here, "it is no kind of message", record.header.kind);
  verify_message(pass, channel.where, record, channel.source);
  verify_payload(pass, channel.where, record, channel.source,
                 ring_path(channel.target, channel.priority));
  const MessageHeader& message = record.message;
  const auto reader = static_cast<std::uint32_t>(AgentId{message.target}.endpoint());
  pass.expect(reader == channel.target, here, "it is for another endpoint", message.target);
  const bool has_symbol =
      kind == Kind::event || kind == Kind::signal || kind == Kind::request || kind == Kind::create;
  pass.expect(!has_symbol || is_known(pass.segment().symbols(), message.symbol), here,
              "its name is no symbol", static_cast<std::uint64_t>(message.symbol));
}

void verify_ring(VerifyPass& pass, std::span<const std::byte> ring, const Channel& channel) {
  walk_ring(pass, channel.where, ring,
            [&](const WalkedRecord& record) { verify_ring_message(pass, channel, record); });
}

}  // namespace

void verify_rings(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  for (std::uint32_t source = 1; source < segment.endpoints(); ++source) {
    for (std::uint32_t target = 1; target < segment.endpoints(); ++target) {
      const std::string where =
          endpoint_name(segment, source) + " to " + endpoint_name(segment, target) + ", ";
      for (std::uint32_t i = 0; i < kPriorities; ++i) {
        const auto ring = segment.ring(source, target, static_cast<Priority>(i));
        if (ring.empty()) continue;
        verify_ring(pass, ring, {source, target, i, where + std::string{kPriorityNames[i]}});
      }
    }
  }
}

}  // namespace mabeam::shm
