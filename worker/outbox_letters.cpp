// Dead letters claimed: one buried, one settled (shm/letters.hpp has the form).
#include "shm/clock.hpp"
#include "worker/outbox.hpp"

#include <algorithm>
#include <cstring>

namespace mabeam::worker {

using shm::Kind;
using shm::MessageHeader;

// A dead letter is a message whose payload is the whole message that died, header first.
void Outbox::bury(shm::DeadReason reason, const shm::Received& message, bool is_final) {
  if (!is_message_open_) open_message();
  const std::size_t most = dead_letters_.max_body() - 2 * sizeof(MessageHeader);
  const std::size_t kept = std::min(most, message.payload.size());
  const auto length = static_cast<std::uint32_t>(2 * sizeof(MessageHeader) + kept);
  const bool is_cut = kept != message.payload.size();
  const std::uint32_t flags =
      static_cast<std::uint32_t>(reason) | (is_final || is_cut ? shm::kFinal : 0U);
  const auto room = dead_letters_.claim(length, static_cast<std::uint16_t>(Kind::dead_letter),
                                        static_cast<std::uint16_t>(flags));
  buried_.push_back(reason);
  if (!room) return;  // one turn has filled the whole log: counted all the same
  MessageHeader cover = message.header;
  cover.id = dead_letters_.sequence() - 1;
  cover.correlation = static_cast<std::uint64_t>(message.kind) |
                      std::uint64_t{message.flags} << 16U | message.payload.size() << 32U;
  cover.sent_ns = shm::monotonic_ns();
  std::byte* at = room->data();
  std::memcpy(at, &cover, sizeof cover);
  std::memcpy(at + sizeof cover, &message.header, sizeof message.header);
  if (kept != 0) std::memcpy(at + 2 * sizeof cover, message.payload.data(), kept);
}

Result<> Outbox::settle_letter(std::uint64_t number, shm::LetterFate fate, AgentId by) {
  if (!is_message_open_) open_message();
  const auto room =
      dead_letters_.claim(sizeof(MessageHeader), static_cast<std::uint16_t>(Kind::settled),
                          static_cast<std::uint16_t>(fate));
  if (!room) return fail(room.error());
  MessageHeader cover;
  cover.source = by.value();
  cover.id = dead_letters_.sequence() - 1;
  cover.correlation = number;
  cover.sent_ns = shm::monotonic_ns();
  shm::compose(*room, cover, {});
  return {};
}

}  // namespace mabeam::worker
