// FlightRecorder: what happened to a runtime, in its segment: one record a fact, the newest
// overwrite the oldest (sealed_slots.hpp). Readable after everybody has died.
//
// Layout of one record's words (512 bytes with number and checksum)
//
//      0        8        16                            24                      32
//      +--------+--------+-----------------------------+-----------------------+----------+
//      | unix_ns|  mono- | pid u32 | level u8 | who u8 | bytes of the body u32 | body ... |
//      |        | tonic  |         | worker + 1, or 0 u16| 1: it is cut u32      |          |
//      +--------+--------+-----------------------------+-----------------------+----------+
//
//      body     u16 length, text; then each field: u8 length, key; u8 type; 8 bytes of a number, or
//               u16 length and text
//
// The supervisor's log writes the lines that people read and these records from the same fields
// (supervisor/log.hpp), so they cannot differ; a worker writes the few facts that it alone knows,
// and the supervisor puts them into its log (supervisor/worker_facts.hpp).
#pragma once

#include "shm/log_field.hpp"
#include "shm/sealed_slots.hpp"

#include "mabeam/post_mortem.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mabeam::shm {

inline constexpr std::size_t kFactBytes = 512;
using FactSlots = SealedSlots<kFactBytes>;
inline constexpr std::size_t kFactHeadWords = 4;
inline constexpr std::size_t kFactBodyBytes = (FactSlots::kWords - kFactHeadWords) * 8;

class FlightRecorder {
 public:
  FlightRecorder() = default;

  /// `worker`: who writes; nothing: the supervisor.
  explicit FlightRecorder(std::span<std::byte> region, std::optional<std::uint32_t> worker = {});

  [[nodiscard]] explicit operator bool() const { return is_open_; }

  /// A record of now. What does not fit is left out, and the record says so.
  void write(FactLevel level, std::string_view text, std::span<const LogField> fields) const;

 private:
  FactSlots slots_;
  std::uint64_t author_ = 0;  // the word of pid and worker, without the level
  bool is_open_ = false;
};

/// One record; nothing if it is not whole, or was overwritten. `region` is only read.
std::optional<FactView> read_fact(std::span<std::byte> region, std::uint64_t number);

/// Everything that is whole, oldest first. `region` is only read.
FactList read_facts(std::span<std::byte> region);

}  // namespace mabeam::shm
