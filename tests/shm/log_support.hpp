// Event logs for tests: one in private memory, events that say their number in every byte.
#pragma once

#include "shm/event_log.hpp"
#include "shm/wire.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace mabeam::shm {

inline constexpr std::uint32_t kReaders = 3;
inline constexpr std::uint64_t kLogCapacity = 4096;

/// Claims an event whose payload repeats its own number. Returns whether there was room.
inline Result<> claim_event(EventLogWriter& writer, std::uint32_t payload_bytes) {
  MessageHeader header;
  header.id = writer.sequence();
  const std::vector<std::byte> payload(payload_bytes, static_cast<std::byte>(header.id));
  const auto room = writer.claim(static_cast<std::uint32_t>(sizeof header + payload_bytes),
                                 static_cast<std::uint16_t>(Kind::event));
  if (!room) return fail(room.error());
  compose(*room, header, payload);
  return {};
}

inline bool emit(EventLogWriter& writer, std::uint32_t payload_bytes = 8) {
  const Result<> claimed = claim_event(writer, payload_bytes);
  writer.publish();
  return claimed.has_value();
}

/// The number of an event, if its bytes are those of one event.
inline std::optional<std::uint64_t> number_of(std::span<const std::byte> body) {
  if (body.size() < sizeof(MessageHeader)) return std::nullopt;
  MessageHeader header;
  std::memcpy(&header, body.data(), sizeof header);
  for (const std::byte b : body.subspan(sizeof header)) {
    if (b != static_cast<std::byte>(header.id)) return std::nullopt;
  }
  return header.id;
}

class EventLogTest : public ::testing::Test {
 protected:
  explicit EventLogTest(std::uint64_t capacity = kLogCapacity)
      : memory_(log_bytes_for(kReaders, capacity)) {
    create_log(memory_.span(), kReaders);
  }

  [[nodiscard]] EventLogWriter open_writer() const {
    return EventLogWriter::open(memory_.span(), kReaders).value();
  }

  [[nodiscard]] EventLogReader open_reader(std::uint32_t reader) const {
    return EventLogReader::open(memory_.span(), kReaders, reader).value();
  }

  [[nodiscard]] LogHeader& header() const {
    return *reinterpret_cast<LogHeader*>(memory_.span().data());
  }

  [[nodiscard]] LogCursor& cursor(std::uint32_t reader) const {
    return reinterpret_cast<LogCursor*>(memory_.at(sizeof(LogHeader)))[reader];
  }

  /// Reads the next event as a client would. Nothing at the tail.
  static std::optional<std::uint64_t> read(EventLogReader& reader) {
    Record record;
    const Result<bool> found = reader.peek(record);
    EXPECT_TRUE(found);
    if (!found || !*found) return std::nullopt;
    const std::optional<std::uint64_t> number = number_of(record.body);
    EXPECT_TRUE(number);
    reader.advance(record.end, number.value_or(0) + 1);
    reader.release();
    return number;
  }

  Memory memory_;
};

}  // namespace mabeam::shm
