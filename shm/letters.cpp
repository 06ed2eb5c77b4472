#include "shm/letters.hpp"

#include "shm/event_log.hpp"

#include <algorithm>
#include <cstring>

namespace mabeam::shm {
namespace {

/// Takes in the records of one log, one after the other.
class Reading {
 public:
  /// False if the record is neither a letter nor the end of one.
  bool take(const RecordHeader& header, std::span<const std::byte> body) {
    if (body.size() < sizeof(MessageHeader)) return false;
    MessageHeader cover;
    std::memcpy(&cover, body.data(), sizeof cover);
    switch (static_cast<Kind>(header.kind)) {
      case Kind::dead_letter:
        return take_letter(header, cover, body.subspan(sizeof cover));
      case Kind::settled:
        forget(cover.correlation);
        return true;
      default:
        return false;
    }
  }

  Letters letters;

 private:
  bool take_letter(const RecordHeader& header, const MessageHeader& cover,
                   std::span<const std::byte> buried) {
    if (buried.size() < sizeof(MessageHeader)) return false;
    Letter& letter = letters.waiting.emplace_back();
    letter.number = cover.id;
    letter.reason = reason_of(header.flags);
    letter.is_final = (header.flags & kFinal) != 0;
    letter.kind = static_cast<Kind>(cover.correlation & 0xFFFFU);
    letter.flags = static_cast<std::uint16_t>(cover.correlation >> 16U & 0xFFFFU);
    letter.buried_ns = cover.sent_ns;
    std::memcpy(&letter.header, buried.data(), sizeof letter.header);
    letter.payload.assign(buried.begin() + sizeof letter.header, buried.end());
    letter.payload_bytes = std::max<std::uint64_t>(cover.correlation >> 32U, letter.payload.size());
    return true;
  }

  // Numbers go up, unless the log is damaged; then a letter is shown once too often.
  void forget(std::uint64_t number) {
    const auto found = std::lower_bound(
        letters.waiting.begin(), letters.waiting.end(), number,
        [](const Letter& letter, std::uint64_t wanted) { return letter.number < wanted; });
    if (found == letters.waiting.end() || found->number != number) return;
    letters.waiting.erase(found);
  }
};

}  // namespace

bool is_replayable(const Letter& letter, std::uint32_t endpoint) {
  if (letter.is_final) return false;
  const auto is_here = [&](std::uint64_t id) {
    return static_cast<std::uint32_t>(AgentId{id}.endpoint()) == endpoint;
  };
  switch (letter.kind) {
    case Kind::signal:
    case Kind::request:
    case Kind::reply:
    case Kind::event:
      return true;
    case Kind::stop_children:
      return is_here(letter.header.source) && !is_here(letter.header.target);
    default:
      return false;
  }
}

Letters read_letters(std::span<const std::byte> log) {
  Reading reading;
  auto observer = EventLogObserver::open(log, 0);
  if (!observer) return {{}, true};
  observer->start_at_oldest();
  RecordHeader header{};
  std::vector<std::byte> body;
  for (std::uint64_t left = log.size(); left != 0;) {
    const Result<bool> found = observer->next(header, body);
    if (!found) reading.letters.is_damaged = true;
    if (!found || !*found) break;
    if (!reading.take(header, body)) reading.letters.is_damaged = true;
    left -= std::min(left, record_bytes(static_cast<std::uint32_t>(body.size())));
  }
  return std::move(reading.letters);
}

}  // namespace mabeam::shm
