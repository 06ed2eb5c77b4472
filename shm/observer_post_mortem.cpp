// The observer's views of the past: the flight recorder, open turns, what waits, backtraces.
#include "shm/backtraces.hpp"
#include "shm/flight_recorder.hpp"
#include "shm/observer_impl.hpp"
#include "shm/ring_observer.hpp"
#include "shm/running.hpp"
#include "shm/snapshots.hpp"
#include "shm/wire.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace mabeam {
namespace {

using shm::Segment;

constexpr std::array<std::string_view, 8> kWhat{"",       "message", "event", "timer",
                                                "parked", "upgrade", "start", "end"};

std::int64_t time_of(const shm::Word& word) {
  const std::uint64_t time = word.load(std::memory_order_relaxed);
  return shm::bounded_time(static_cast<std::int64_t>(std::min<std::uint64_t>(time, INT64_MAX)));
}

/// What is looked up in a segment for people.
class PostMortemCollector {
 public:
  PostMortemCollector(const Segment& segment, PostMortemOptions options)
      : segment_(segment),
        options_(options) {}

  PostMortem collect() {
    const shm::Header& header = segment_.header();
    view_.recorder = shm::read_facts(segment_.recorder());
    auto left = shm::read_backtraces(segment_.backtraces(), symbols_);
    view_.backtraces = std::move(left.backtraces);
    view_.damaged_backtraces = left.damaged;
    view_.supervisor_pid = shm::ProcessId{header.supervisor.load(std::memory_order_acquire)}.pid();
    supervisor_heard_ns_ = sign(time_of(header.supervisor_heard_ns));
    view_.supervisor_heard_unix_ns = unix_of(supervisor_heard_ns_);
    for (const FactView& fact : view_.recorder.facts)
      sign(shm::bounded_time(fact.monotonic_ns));
    for (const BacktraceView& backtrace : view_.backtraces)
      sign(shm::bounded_time(backtrace.monotonic_ns));
    for (std::uint32_t worker = 0; worker < shm::kMaxWorkers; ++worker)
      look_at_worker(worker);
    for (std::uint32_t shard = 0; shard < segment_.dimensions().shards; ++shard)
      look_at_turn(shard);
    look_at_rings();
    view_.last_sign_unix_ns = unix_of(last_sign_ns_);
    return std::move(view_);
  }

 private:
  /// A time at which somebody was at work.
  std::int64_t sign(std::int64_t time_ns) {
    last_sign_ns_ = std::max(last_sign_ns_, time_ns);
    return time_ns;
  }

  /// Wall time of a moment of CLOCK_MONOTONIC, by the two that the header has of one moment.
  [[nodiscard]] std::int64_t unix_of(std::int64_t time_ns) const {
    const shm::Header& header = segment_.header();
    if (time_ns == 0) return 0;
    const auto of = [](std::int64_t each) { return static_cast<std::uint64_t>(each); };
    return shm::bounded_time(static_cast<std::int64_t>(of(header.created_unix_ns) -
                                                       of(header.created_ns) + of(time_ns)));
  }

  void look_at_worker(std::uint32_t index) {
    const shm::WorkerSlot& slot = segment_.worker(index);
    const auto claim = shm::Claim::unpack(slot.claim.load(std::memory_order_acquire));
    const shm::ProcessId process{slot.process.load(std::memory_order_acquire)};
    if (claim.incarnation == 0 && !process) return;
    view_.workers.push_back({index, process.pid(), claim.incarnation,
                             unix_of(time_of(slot.started_ns)),
                             unix_of(sign(time_of(slot.heartbeat_ns)))});
  }

  void look_at_turn(std::uint32_t shard) {
    const shm::TurnRegion& turn = segment_.turn(shard);
    const std::optional<shm::Running> running = shm::running_on(segment_, shard);
    const bool is_committed = !shm::settled_turn(turn).has_value();
    if (!running && !is_committed) return;
    OpenTurnView view{.shard = shard, .is_committed = is_committed};
    const shm::Incarnation owner{turn.owner.load(std::memory_order_acquire)};
    if (owner && owner.worker() < shm::kMaxWorkers) {
      view.worker = owner.worker();
      view.incarnation = owner.number();
    }
    if (running) {
      view.what = kWhat[static_cast<std::size_t>(running->what) % kWhat.size()];
      view.agent = running->agent;
      view.agent_name = name_of(running->agent);
      view.agent_type = symbols_.text(segment_.type_of(running->agent));
      if (running->kind != shm::Kind{}) view.kind = shm::kind_name(running->kind);
      view.handling = symbols_.text(running->symbol);
      view.before = running->before;
      const shm::ShardRecord record = shm::snapshot_record(turn);
      const std::uint64_t witness = turn.witness.load(std::memory_order_relaxed);
      if (record.blamed_witness == witness) view.deaths = record.blamed_count;
    }
    view_.turns.push_back(std::move(view));
  }

  [[nodiscard]] std::string name_of(AgentId id) const {
    const auto endpoint = static_cast<std::uint32_t>(id.endpoint());
    if (!segment_.is_shard(endpoint)) return {};
    const auto facts = segment_.agents(endpoint - 1).snapshot(id.slot());
    if (!facts || facts->slot_word.generation != id.generation()) return {};
    return std::string{facts->name_text()};
  }

  void look_at_rings() {
    for (std::uint32_t from = 1; from < segment_.endpoints(); ++from) {
      for (std::uint32_t to = 1; to < segment_.endpoints(); ++to) {
        for (std::uint32_t p = 0; p < shm::kPriorities; ++p)
          look_at_ring(from, to, static_cast<Priority>(p));
      }
    }
  }

  void look_at_ring(std::uint32_t from, std::uint32_t to, Priority priority) {
    const std::span<std::byte> bytes = segment_.ring(from, to, priority);
    if (bytes.empty()) return;
    const auto& header = *reinterpret_cast<const shm::RingHeader*>(bytes.data());
    if (header.tail.load(std::memory_order_relaxed) ==
        header.head.load(std::memory_order_relaxed)) {
      return;
    }
    auto ring = shm::RingObserver::open(bytes);
    if (!ring) {
      ++view_.damaged_rings;
      return;
    }
    WaitingRing waiting{.from = from,
                        .to = to,
                        .from_name = shm::endpoint_name(segment_, from),
                        .to_name = shm::endpoint_name(segment_, to),
                        .priority = priority};
    shm::Record record;
    while (ring->next(record)) {
      std::optional<WaitingMessage> message;
      if (waiting.first.size() < options_.messages) message = message_in(record);
      if (!ring->confirm(record)) continue;
      ++waiting.messages;
      waiting.bytes += record.end - record.position;
      if (message) waiting.first.push_back(std::move(*message));
    }
    waiting.is_damaged = ring->is_damaged();
    if (waiting.messages != 0 || waiting.is_damaged) view_.waiting.push_back(std::move(waiting));
  }

  [[nodiscard]] std::optional<WaitingMessage> message_in(const shm::Record& record) const {
    shm::Received message;
    if (!shm::parse(record, message)) return std::nullopt;
    WaitingMessage view{.kind = std::string{shm::kind_name(message.kind)},
                        .name = std::string{symbols_.text(message.header.symbol)},
                        .source = AgentId{message.header.source},
                        .target = AgentId{message.header.target},
                        .target_name = name_of(AgentId{message.header.target})};
    view.age_seconds =
        shm::seconds_since(static_cast<std::uint64_t>(message.header.sent_ns), last_sign_ns_);
    return view;
  }

  const Segment& segment_;
  PostMortemOptions options_;
  shm::Symbols symbols_ = segment_.symbols();
  PostMortem view_;
  std::int64_t supervisor_heard_ns_ = 0;
  std::int64_t last_sign_ns_ = 0;
};

}  // namespace

FactList Observer::facts() const {
  return shm::read_facts(impl_->segment.recorder());
}

PostMortem Observer::post_mortem(PostMortemOptions options) const {
  PostMortem view = PostMortemCollector{impl_->segment, options}.collect();
  view.is_copy = !impl_->is_live;
  return view;
}

}  // namespace mabeam
