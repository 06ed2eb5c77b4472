// History: past events, as the logs of all endpoints still hold them, and what is gone of them.
//
// Every endpoint keeps the newest events that it has emitted, as many as fit into its log
// ([events] log_bytes). Within a log events are numbered from 0 on without a gap, so what has been
// overwritten is known exactly: it is as many as the number of the oldest that is left.
#pragma once

#include "mabeam/ids.hpp"
#include "mabeam/payload.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mabeam {

/// An event read from a log.
struct HistoryEvent {
  std::string topic;
  std::vector<std::byte> payload;
  Content content = Content::none;
  AgentId source;
  std::uint64_t sequence = 0;   ///< its number in its emitter's log, from 0 on
  std::int64_t emitted_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint32_t log = 0;        ///< the endpoint that emitted it
};

/// From where a log is read: its event of that number, or the next that is left.
struct LogPosition {
  std::uint32_t log = 0;
  std::uint64_t sequence = 0;
};

/// Which past events. What is empty is not asked about, and all of the rest must hold.
struct HistoryQuery {
  std::string pattern = ">";
  AgentId source = {};                    ///< who emitted it: an agent or a client
  std::optional<std::uint32_t> log = {};  ///< the endpoint that emitted it
  std::vector<LogPosition> from = {};     ///< logs that are not named are read from their oldest
  std::chrono::nanoseconds since{0};      ///< not older than this; 0 is all. Of a copy of a
                                          ///< segment: than this before its newest event
  std::size_t last = 0;                   ///< only the newest so many of those; 0 is all
  std::size_t limit = 0;                  ///< and of these the oldest so many; 0 is all
};

/// What one log holds.
struct HistoryLog {
  std::uint32_t log = 0;
  std::string name = {};    ///< "shard 2", "client 0"
  std::uint64_t gone = 0;   ///< events that are no longer there: older than all that are kept, or
                            ///< from where the query begins, those of them that are gone
  std::uint64_t kept = 0;   ///< events that were read
  std::uint64_t next = 0;   ///< the number that the next event gets, or from where to read on
  bool is_damaged = false;  ///< it does not parse: what lies behind the damage is in neither number
};

struct HistoryView {
  std::vector<HistoryEvent> events;  ///< by time, then log; one log's events always in their order
  std::uint64_t matched = 0;         ///< that match, whatever last and limit
  std::uint64_t gone = 0;            ///< of all logs that were read
  std::uint64_t unreadable = 0;      ///< events that are left out: they are damaged
  std::vector<HistoryLog> logs;      ///< those that were read and ever had an event
};

/// Who has a subscription.
struct SubscriberView {
  AgentId id;                 ///< an agent or a client
  std::int64_t since_ns = 0;  ///< CLOCK_MONOTONIC
};

struct PatternView {
  std::string pattern;
  std::vector<SubscriberView> subscribers;  ///< by id
  std::uint64_t topics = 0;  ///< of those with events in the history, that it matches
};

struct TopicView {
  std::string topic;
  std::uint64_t events = 0;       ///< in the history that is kept
  std::int64_t last_ns = 0;       ///< when the newest was emitted, CLOCK_MONOTONIC; 0: none is kept
  std::uint64_t subscribers = 0;  ///< agents and clients, each once
  std::vector<std::string> patterns;  ///< by which they are subscribed
};

struct TopicsView {
  std::vector<TopicView> topics;      ///< by name: with events, or subscribed to by their name
  std::vector<PatternView> patterns;  ///< by name: all that are subscribed to
  std::uint64_t gone = 0;             ///< events that are in no number here: they were overwritten
};

}  // namespace mabeam
