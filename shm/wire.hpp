// The header of every message, in rings and in logs alike. It follows the RecordHeader, whose kind
// is a Kind; the payload follows it.
//
//      0           4           8                   16
//      +-----------+-----------+-------------------+
//      |  symbol   |  content  |      source       |
//      +-----------+-----------+-------------------+
//      |        target         |        id         |
//      +-----------------------+-------------------+
//      |      correlation      |      sent_ns      |
//      +-----------------------+-------------------+
//      |      deadline_ns      |  payload ...
//      +-----------------------+------
//
// A bit of the record's kind, kTraced, says that a TraceContext (32 bytes) lies between header and
// payload. So a message without one pays for none, and nobody but parse() and compose() sees it.
//
// A header is copied to a local before anything in it is checked: its writer may be hostile, and
// changes it while we look (pitfall 4.6).
//
// Where the record's kind has kInBlock set, what follows the header is a BlockHandle, and the
// payload lies in a block of the writer's (blocks.hpp): whoever needs it calls find_payload()
// first.
#pragma once

#include "shm/blocks.hpp"
#include "shm/spsc_ring.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"
#include "mabeam/payload.hpp"
#include "mabeam/trace.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace mabeam::shm {

/// What a record is. 0 is the pad of rings and logs.
enum class Kind : std::uint16_t {
  event = 1,    ///< symbol: the topic; id: its sequence number in the log
  signal,       ///< symbol: the signal's type
  request,      ///< symbol: the action; correlation: the caller's
  reply,        ///< symbol: the action; flags: an Errc, or 0
  create,       ///< symbol: the type; payload: CreateRequest
  stop,         ///< ends the target; payload: StopRequest, or nothing
  dead_letter,  ///< flags: DeadReason; payload: the original record, header first
  timer,        ///< only in dead letters; symbol: its name, id: its TimerId, sent_ns: its due time
  restart,      ///< starts the target anew; payload: RestartRequest, or nothing
  settled,      ///< in a log of dead letters: what became of one (letters.hpp)
  replay,       ///< payload: a dead letter's number (u64), to be delivered again
  drop,         ///< the same, to be given up
  describe,     ///< asks the target's type what its state says, in JSON; changes nothing
  stop_many,    ///< ends several agents of the target's shard; payload: their ids (u64 each)
  suspend,      ///< messages to the target wait (parking.hpp)
  resume,       ///< what has waited is handled, then the target is as before
  update,       ///< what is noted of the target; payload: its metadata, or nothing
  cancel,       ///< its sender's request of that correlation is not wanted any more; deadline_ns:
                ///< that request's
  stop_children,  ///< from shard to shard: agents that have ended with their trees, so that their
                  ///< children there end, too; payload: StopChildrenRequest
};
inline constexpr Kind kLastKind = Kind::stop_children;

/// Bits of a record's kind that are none of the Kind: how what is behind the header is laid out.
inline constexpr std::uint16_t kTraced = 0x4000;  ///< a TraceContext lies before the payload
inline constexpr std::uint16_t kKindFlags = kTraced | kInBlock;

/// A record's kind without those bits.
constexpr Kind kind_of(std::uint16_t record_kind) {
  return static_cast<Kind>(record_kind & ~std::uint32_t{kKindFlags});
}

/// The kind with those bits, as a record has it.
constexpr std::uint16_t record_kind(Kind kind, bool is_traced, bool is_in_block = false) {
  return static_cast<std::uint16_t>(static_cast<std::uint32_t>(kind) |
                                    (is_traced ? std::uint32_t{kTraced} : 0U) |
                                    (is_in_block ? std::uint32_t{kInBlock} : 0U));
}

/// Whose payload may lie in a block: messages between agents and clients, and events.
constexpr bool may_lie_in_block(Kind kind) {
  return kind >= Kind::event && kind <= Kind::reply;
}

/// Why a message went to the dead letters.
enum class DeadReason : std::uint16_t {
  poison = 1,
  expired,
  no_agent,
  overflow,
  corrupt,
  unroutable,
  shutdown
};
inline constexpr std::uint16_t kFirstReason = static_cast<std::uint16_t>(DeadReason::poison);
inline constexpr std::uint16_t kLastReason = static_cast<std::uint16_t>(DeadReason::shutdown);

/// "poison"; "unknown" for a number that is no reason.
std::string_view dead_reason_name(DeadReason reason);
/// "request"; "unknown" for a number that is no kind.
std::string_view kind_name(Kind kind);

struct MessageHeader {
  Symbol symbol{};
  std::uint32_t content = 0;
  std::uint64_t source = 0;
  std::uint64_t target = 0;
  std::uint64_t id = 0;
  std::uint64_t correlation = 0;
  std::int64_t sent_ns = 0;
  std::int64_t deadline_ns = 0;  ///< CLOCK_MONOTONIC; 0: none
};

static_assert(sizeof(MessageHeader) == 56 && std::is_trivially_copyable_v<MessageHeader>);

inline constexpr std::uint32_t kMaxNameBytes = 63;     ///< of an agent
inline constexpr std::uint32_t kMaxSymbolBytes = 255;  ///< of a topic, pattern, action, type
inline constexpr std::uint32_t kMaxCapabilities = 8;
inline constexpr std::uint32_t kMaxCreateSubscriptions = 16;

/// Agents that one create makes, or one stop ends: the words of all fit into one turn, and the
/// answer into a quarter of the smallest ring.
inline constexpr std::uint32_t kMostInOneMessage = 64;
/// Words of structure that one message may change (shm/turn.hpp has room for as many).
inline constexpr std::uint32_t kMostChangesOfMessage = 512;

/// The payload of Kind::create: that many agents, all or none. Behind it lie what is noted of each,
/// metadata_length bytes, and the state that each begins with; nothing: State{}. The answer's
/// payload is their ids (u64 each). The answer to Kind::stop_many has an Errc or 0 (u16) for each
/// id; too_many_changes there means: ask for this one alone.
struct CreateRequest {
  std::uint32_t name_length = 0;
  std::uint32_t capability_count = 0;
  std::uint32_t subscription_count = 0;
  std::uint32_t count = 1;   ///< 1 to kMostInOneMessage; 1 if there is a name
  std::uint64_t parent = 0;  ///< a living agent, or nobody
  std::array<char, kMaxNameBytes + 1> name{};
  std::array<Symbol, kMaxCapabilities> capabilities{};
  std::array<Symbol, kMaxCreateSubscriptions> subscriptions{};
  std::uint32_t metadata_length = 0;
  std::uint32_t reserved = 0;
};

static_assert(sizeof(CreateRequest) == 192 && std::is_trivially_copyable_v<CreateRequest>);

inline constexpr std::uint32_t kMaxReasonBytes = 47;  ///< of a stop

/// The payload of Kind::stop.
struct StopRequest {
  std::uint32_t with_children = 0;  ///< 1: all that descend from the target, too
  std::uint32_t reason_length = 0;
  std::array<char, kMaxReasonBytes + 1> reason{};

  [[nodiscard]] std::string_view reason_text() const {
    return {reason.data(), reason_length < kMaxReasonBytes ? reason_length : kMaxReasonBytes};
  }
};

static_assert(sizeof(StopRequest) == 56 && std::is_trivially_copyable_v<StopRequest>);

/// The payload of Kind::stop_children. Behind it lie the ids of the parents (u64 each), agents of
/// the sender's that are gone.
struct StopChildrenRequest {
  std::uint32_t count = 0;  ///< of ids, 1 to kMostInOneMessage
  std::uint32_t reason_length = 0;
  std::array<char, kMaxReasonBytes + 1> reason{};

  [[nodiscard]] std::string_view reason_text() const {
    return {reason.data(), reason_length < kMaxReasonBytes ? reason_length : kMaxReasonBytes};
  }
};

static_assert(sizeof(StopChildrenRequest) == 56);
static_assert(std::is_trivially_copyable_v<StopChildrenRequest>);

/// The payload of Kind::restart. What lies behind it is the state that the agent begins with.
struct RestartRequest {
  std::uint32_t keep_state = 0;  ///< 0: the state is made afresh
  std::uint32_t reserved = 0;
};

static_assert(sizeof(RestartRequest) == 8 && std::is_trivially_copyable_v<RestartRequest>);

/// A message taken apart: a private header and the payload, still in shared memory.
struct Received {
  Kind kind{};
  std::uint16_t flags = 0;
  MessageHeader header;
  std::span<const std::byte> payload;
  bool is_traced = false;
  bool is_in_block = false;  ///< the payload is a handle, until find_payload()
  TraceContext trace = {};   ///< if it is traced

  /// Of its record.
  [[nodiscard]] std::uint64_t length() const {
    return sizeof header + (is_traced ? sizeof trace : 0) + payload.size();
  }

  /// As its record has it.
  [[nodiscard]] std::uint16_t record_kind() const {
    return shm::record_kind(kind, is_traced, is_in_block);
  }

  [[nodiscard]] Payload view() const { return {payload, static_cast<Content>(header.content)}; }
};

/// Takes the context off a payload. False if it is too short for one. Ids that cannot be are no
/// reason to refuse the message: it is then not traced.
inline bool parse_trace(Received& message) {
  if (message.payload.size() < sizeof(TraceContext)) return false;
  std::memcpy(&message.trace, message.payload.data(), sizeof(TraceContext));
  message.is_traced = message.trace.is_valid();
  message.payload = message.payload.subspan(sizeof(TraceContext));
  return true;
}

/// What the bits of a record's kind say of a message, and the context that they promise. False if
/// it is too short for one.
inline bool parse_kind_flags(std::uint16_t record_kind, Received& message) {
  message.kind = kind_of(record_kind);
  message.is_in_block = (record_kind & kInBlock) != 0;
  return (record_kind & kTraced) == 0 || parse_trace(message);
}

/// Takes a record apart into `message`. False if it is too short for one.
inline bool parse(const Record& record, Received& message) {
  if (record.body.size() < sizeof(MessageHeader)) return false;
  message.kind = static_cast<Kind>(record.header.kind);
  message.flags = record.header.flags;
  std::memcpy(&message.header, record.body.data(), sizeof(MessageHeader));
  message.payload = record.body.subspan(sizeof(MessageHeader));
  message.is_traced = false;
  message.is_in_block = false;
  if ((record.header.kind & kKindFlags) != 0) [[unlikely]]
    return parse_kind_flags(record.header.kind, message);
  return true;
}

/// The same, off the hot path. Nothing if the record is too short for a message.
inline std::optional<Received> parse(const Record& record) {
  Received message;
  if (!parse(record, message)) return std::nullopt;
  return message;
}

/// Makes the payload of a message that was parsed the bytes that it stands for. `arena` is that of
/// the endpoint that wrote the record. False if it names no block of that record's.
inline bool find_payload(std::span<const std::byte> arena, const BlockUse& use, Received& message) {
  if (!message.is_in_block) [[likely]]
    return true;
  BlockHandle handle;
  if (message.payload.size() != sizeof handle || !may_lie_in_block(message.kind)) return false;
  std::memcpy(&handle, message.payload.data(), sizeof handle);
  const auto block = find_block(arena, handle, use);
  if (!block) return false;
  message.payload = *block;
  message.is_in_block = false;
  return true;
}

/// Writes header and payload into claimed room of exactly their size.
inline void compose(std::span<std::byte> room, const MessageHeader& header,
                    std::span<const std::byte> payload) {
  copy_words(room.data(), header);
  if (!payload.empty()) {
    std::memcpy(room.data() + sizeof header, payload.data(), payload.size());
  }
}

/// The same, with the context of a trace between them, if there is one.
inline void compose(std::span<std::byte> room, const MessageHeader& header,
                    const TraceContext* trace, std::span<const std::byte> payload) {
  if (trace == nullptr) return compose(room, header, payload);
  copy_words(room.data(), header);
  std::memcpy(room.data() + sizeof header, trace, sizeof *trace);
  if (!payload.empty()) {
    std::memcpy(room.data() + sizeof header + sizeof *trace, payload.data(), payload.size());
  }
}

/// A message as it was taken apart, into claimed room of its length().
inline void compose(std::span<std::byte> room, const Received& message) {
  compose(room, message.header, message.is_traced ? &message.trace : nullptr, message.payload);
}

}  // namespace mabeam::shm
