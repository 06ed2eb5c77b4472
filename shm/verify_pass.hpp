// VerifyPass: one walk over a segment, and what it has found. The parts of verify add to it.
#pragma once

#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::shm {

/// Two passes that find the same rule broken at the same place have found the same damage; the
/// value may have changed meanwhile.
struct Finding {
  std::string where;
  std::string_view rule;  ///< a literal
  std::uint64_t value = 0;
};

class VerifyPass {
 public:
  /// More findings than this are counted, not kept.
  static constexpr std::size_t kMostFindings = 4096;
  /// A search that fails walks its whole table: after so many the rest is not looked up.
  static constexpr int kMostMisses = 16;

  VerifyPass(const Segment& segment, bool is_live) : segment_(segment), is_live_(is_live) {}

  [[nodiscard]] const Segment& segment() const { return segment_; }

  [[nodiscard]] bool is_live() const { return is_live_; }

  void find(std::string where, std::string_view rule, std::uint64_t value) {
    if (findings_.size() < kMostFindings) {
      findings_.push_back({std::move(where), rule, value});
    } else {
      ++unkept_;
    }
  }

  /// find() unless `holds`; `where` is called only then.
  template <class Where>
  void expect(bool holds, const Where& where, std::string_view rule, std::uint64_t value) {
    if (!holds) find(where(), rule, value);
  }

  void count_bytes(std::uint64_t bytes) { bytes_ += bytes; }

  void count_agent() { ++agents_; }

  void count_record() { ++records_; }

  [[nodiscard]] std::vector<Finding>& findings() { return findings_; }

  [[nodiscard]] std::uint64_t unkept() const { return unkept_; }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  [[nodiscard]] std::uint64_t agents() const { return agents_; }

  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  const Segment& segment_;
  bool is_live_;
  std::vector<Finding> findings_;
  std::uint64_t unkept_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t agents_ = 0;
  std::uint64_t records_ = 0;
};

// The parts, one a file or two.
void verify_header(VerifyPass& pass);
void verify_workers(VerifyPass& pass);
void verify_endpoints(VerifyPass& pass);
void verify_symbols(VerifyPass& pass);
void verify_types(VerifyPass& pass);
void verify_breakers(VerifyPass& pass);
void verify_turns(VerifyPass& pass);
void verify_agents(VerifyPass& pass);
void verify_names(VerifyPass& pass);
void verify_subscriptions(VerifyPass& pass);
void verify_timers(VerifyPass& pass);
void verify_limits(VerifyPass& pass);
void verify_metadata(VerifyPass& pass);
void verify_spans(VerifyPass& pass);
void verify_recorder(VerifyPass& pass);
void verify_rings(VerifyPass& pass);
void verify_logs(VerifyPass& pass);
void verify_parking(VerifyPass& pass);
void verify_blocks(VerifyPass& pass);

/// The records of a ring or a log between two positions. `floor` is the position below which bytes
/// are given back: the ring's head, the log's oldest.
struct RecordSpan {
  std::span<const std::byte> data;  ///< a power of two
  const Word* floor = nullptr;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

/// A record that is whole, with a private copy of its headers.
struct WalkedRecord {
  RecordHeader header{};
  MessageHeader message{};
  BlockHandle handle{};  ///< where the payload lies in a block
  std::uint64_t position = 0;
  std::uint64_t end = 0;
};

/// Visits whole records; checks lengths and pads. Returns false if it ended before `to`: at damage,
/// or where records were given back meanwhile.
bool walk_records(VerifyPass& pass, const std::string& where, const RecordSpan& span,
                  const std::function<void(const WalkedRecord&)>& visit);

/// Checks a ring's header and positions, and visits its whole records.
void walk_ring(VerifyPass& pass, const std::string& where, std::span<const std::byte> ring,
               const std::function<void(const WalkedRecord&)>& visit);

/// "shard 0 to client 1, high, position 128".
std::string at_position(const std::string& where, std::uint64_t position);

/// True for a symbol that somebody made.
bool is_known(const Symbols& symbols, Symbol symbol);

/// Checks that a payload in a block is there: in one of the writer's, claimed for this record of
/// that path (blocks.hpp).
void verify_payload(VerifyPass& pass, const std::string& where, const WalkedRecord& record,
                    std::uint32_t writer, std::uint32_t path);

/// Checks what messages and events have in common. `writer` is the endpoint whose ring or log it
/// is.
void verify_message(VerifyPass& pass, const std::string& where, const WalkedRecord& record,
                    std::uint32_t writer);

}  // namespace mabeam::shm
