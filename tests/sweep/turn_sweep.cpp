// The proof of the turn: a worker is killed after every instruction of a turn that takes messages
// from two rings, fires two timers, changes the states of two agents, sends on three rings, emits
// an event and creates an agent; one of the messages is traced. Its successor takes over, and
// everything must have happened exactly once.
//
// Here every instruction is recovered from, whether or not it has changed the segment.
#include "shm/event_log.hpp"
#include "shm/process.hpp"
#include "shm/segment.hpp"
#include "shm/span_ring.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "tests/support/sweep_main.hpp"
#include "worker/shard.hpp"

#include "mabeam/agent.hpp"

#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace mabeam;

constexpr std::uint32_t kShard = 1;  // endpoints of the segment below
constexpr std::uint32_t kOtherShard = 2;
constexpr std::uint32_t kFirstClient = 3;
constexpr std::uint32_t kSecondClient = 4;

constexpr std::int64_t kHour = 3'600'000'000'000;

AgentId client_id(std::uint32_t endpoint) {
  return {static_cast<EndpointId>(endpoint), AgentId::kClientSlot, 0};
}

/// Adds what it is told; the first of the two sends twice and emits, the second sends and creates.
struct Mover {
  static constexpr AgentType type{.name = "mover"};

  struct State {
    std::int64_t sum = 0;
    std::int64_t handled = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const Result<std::int64_t> value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    state.sum += *value;
    ++state.handled;
    if (signal.name() == "first") {
      if (const auto sent = context.send(client_id(kFirstClient), "out", *value); !sent)
        return sent;
      if (const auto sent =
              context.send(client_id(kSecondClient), "out", *value, {.priority = Priority::high});
          !sent) {
        return sent;
      }
      return context.emit("moved.first", *value);
    }
    const AgentId other{static_cast<EndpointId>(kOtherShard), 0, 1};
    if (const auto sent = context.send(other, "out", *value, {.priority = Priority::low}); !sent) {
      return sent;
    }
    const Result<AgentId> made = context.create("mover");
    if (!made) return fail(made.error());
    return {};
  }

  Result<> on_timer(Context&, State& state, const Timer&) const {
    state.sum += 100;
    return {};
  }
};

shm::Dimensions small() {
  shm::Dimensions d;
  d.workers = 1;
  d.shards = 2;
  d.clients = 2;
  d.max_agents = 16;
  d.max_state_bytes = 64;
  d.agents_per_shard = 8;
  d.names_per_shard = 16;
  d.subscriptions_per_endpoint = 4;
  d.timers_per_shard = 4;
  d.metadata_per_shard = 4;
  d.symbol_slots = 64;
  d.symbol_text_bytes = 1024;
  d.ring_bytes = {4096, 4096, 4096};
  d.log_bytes = 64U << 10U;
  d.dead_letter_bytes = 4096;
  d.span_bytes = 4096;
  return d;
}

class Stage {
 public:
  explicit Stage(std::string name)
      : name_(std::move(name)),
        segment_(shm::Segment::create(name_, small()).value()) {
    prepare_world();
    pristine_.assign(segment_.bytes().begin(), segment_.bytes().end());
  }

  ~Stage() { segment_.remove(); }

  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void reset() { std::memcpy(segment_.bytes().data(), pristine_.data(), pristine_.size()); }

  void save() { saved_.assign(segment_.bytes().begin(), segment_.bytes().end()); }

  void restore() { std::memcpy(segment_.bytes().data(), saved_.data(), saved_.size()); }

  /// In the child: what a worker does before its first turn.
  void attach() {
    child_segment_.emplace(shm::Segment::attach(name_, shm::Access::read_write).value());
    child_types_.emplace(child_segment_->symbols());
    (void)child_types_->add(kTypes<Mover>);
    child_shard_.emplace(*child_segment_, *child_types_, child_clock_, 0);
    (void)child_shard_->adopt(shm::Incarnation::of(0, 2));
    limits_.turn_time_ns = 1'000'000'000'000;  // single steps take long: one turn all the same
  }

  std::uint32_t run_turn() { return child_shard_->run_turn(limits_); }

  std::string recover_and_check();

 private:
  void prepare_world();
  void post(std::uint32_t client, AgentId target, std::string_view signal, std::int64_t value);

  std::string check(std::string_view what, bool holds) const {
    return holds ? std::string{} : std::string{what};
  }

  std::int64_t sum_of(AgentId id) const;
  std::vector<std::int64_t> read_ring(std::uint32_t target, Priority priority) const;

  std::string name_;
  shm::Segment segment_;
  std::vector<std::byte> pristine_;
  std::vector<std::byte> saved_;
  AgentId first_, second_;
  worker::Limits limits_;
  std::optional<shm::Segment> child_segment_;
  std::optional<worker::Types> child_types_;
  shm::CachedClock child_clock_;
  std::optional<worker::Shard> child_shard_;
};

void Stage::post(std::uint32_t client, AgentId target, std::string_view signal,
                 std::int64_t value) {
  auto ring = shm::RingProducer::open(segment_.ring(client, kShard, Priority::normal)).value();
  shm::MessageHeader header{};
  header.symbol = segment_.symbols().intern(signal).value();
  header.content = static_cast<std::uint32_t>(Content::i64);
  header.source = client_id(client).value();
  header.target = target.value();
  shm::Received message{shm::Kind::signal, 0, header, std::as_bytes(std::span{&value, 1})};
  message.is_traced = signal == "first";
  message.trace.trace = {1, 2};
  message.trace.span = static_cast<SpanId>(3);
  const auto room = ring.claim(static_cast<std::uint32_t>(message.length()), message.record_kind());
  shm::compose(*room, message);
  ring.publish();
}

// Two agents in slots 0 and 1, the first with a timer that fires once and one that repeats, both
// due; then one signal for each, from two clients.
void Stage::prepare_world() {
  worker::Types types{segment_.symbols()};
  (void)types.add(kTypes<Mover>);
  for (const std::string_view name : {"out", "moved.first", "first", "second", "tick"}) {
    (void)segment_.symbols().intern(name);
  }
  worker::Agents agents{segment_, 0};
  agents.open();
  shm::SegmentWords words{segment_, 0};
  shm::Turn turn{segment_.turn(0)};
  for (AgentId* id : {&first_, &second_}) {
    turn.begin();
    agents.begin_turn();
    const Symbol type = segment_.symbols().find("mover");
    *id = agents.create({type, types.find(type), {}, {}}, 0).value();
    agents.stage(turn);
    shm::ShardRecord record = turn.record();
    ++record.agents_live;
    ++record.agents_created;
    turn.stage_record(record);
    turn.commit(words);
    agents.settle();
  }
  worker::Timers timers{segment_, 0};
  timers.open();
  turn.begin();
  for (const std::int64_t period_ns : {std::int64_t{0}, kHour})
    (void)timers.set(first_, segment_.symbols().find("tick"), 1, period_ns);
  timers.stage(turn);
  turn.stage_record(turn.record());
  turn.commit(words);
  // The one that creates ends the turn, so it must be the last: senders take turns, and the second
  // client has the first.
  post(kSecondClient, first_, "first", 7);
  post(kFirstClient, second_, "second", 11);
}

std::int64_t Stage::sum_of(AgentId id) const {
  const shm::AgentTable table = segment_.agents(0);
  Mover::State state;
  std::memcpy(
      &state,
      table.half(id.slot(), table.record(id.slot()).version.load()) + sizeof(shm::StateHeader),
      sizeof state);
  return state.sum;
}

std::vector<std::int64_t> Stage::read_ring(std::uint32_t target, Priority priority) const {
  std::vector<std::int64_t> values;
  auto ring = shm::RingConsumer::open(segment_.ring(kShard, target, priority)).value();
  const auto polled = ring.poll(
      [&](const shm::Record& record) {
        std::int64_t value = 0;
        std::memcpy(&value, shm::parse(record)->payload.data(), sizeof value);
        values.push_back(value);
      },
      100);
  if (!polled) values.push_back(-1);
  return values;
}

std::string Stage::recover_and_check() {
  worker::Types types{segment_.symbols()};
  (void)types.add(kTypes<Mover>);
  shm::CachedClock clock;
  worker::Shard shard{segment_, types, clock, 0};
  if (!shard.adopt(shm::Incarnation::of(0, 3))) return "the shard could not be adopted";
  while (shard.run_turn({}) != 0) {
  }
  const shm::TurnRegion& region = segment_.turn(0);
  const shm::ShardRecord& record = region.record[region.record_version.load() & 1U];
  auto log = shm::EventLogObserver::open(segment_.log(kShard), segment_.endpoints()).value();
  log.start_at_oldest();
  shm::RecordHeader header{};
  std::vector<std::byte> event;
  const bool has_event = log.next(header, event).value_or(false);
  const bool has_second_event = log.next(header, event).value_or(true);
  const std::uint64_t input_left = [&] {
    std::uint64_t left = 0;
    for (const std::uint32_t client : {kFirstClient, kSecondClient}) {
      auto ring = shm::RingConsumer::open(segment_.ring(client, kShard, Priority::normal)).value();
      left += ring.refresh() ? 1U : 0U;
    }
    return left;
  }();
  std::uint32_t alive = 0;
  for (std::uint32_t slot = 0; slot < segment_.agents(0).size(); ++slot) {
    const std::uint64_t word = segment_.agents(0).record(slot).slot_word.load();
    alive += shm::SlotWord::unpack(word).lifecycle != 0 ? 1U : 0U;
  }
  const std::vector<shm::Span> spans = shm::read_spans(segment_.spans(kShard)).value().spans;
  const bool has_span = spans.size() == 1 && spans[0].trace == TraceId{1, 2} &&
                        spans[0].agent == first_.value() && spans[0].result == 0;
  const shm::TimerTable timers = segment_.timers(0);
  for (const std::string& broken :
       {check("the first state is not 207", sum_of(first_) == 207),
        check("the second state is not 11", sum_of(second_) == 11),
        check("ring 1 has not exactly its message",
              read_ring(kFirstClient, Priority::normal) == std::vector<std::int64_t>{7}),
        check("ring 2 has not exactly its message",
              read_ring(kSecondClient, Priority::high) == std::vector<std::int64_t>{7}),
        check("ring 3 has not exactly its message",
              read_ring(kOtherShard, Priority::low) == std::vector<std::int64_t>{11}),
        check("there is not exactly one event", has_event && !has_second_event),
        check("there is not exactly one span", has_span),
        check("there are not exactly three agents", alive == 3 && record.agents_live == 3),
        check("the counters are wrong",
              record.delivered == 2 && record.sent == 3 && record.events_published == 1),
        check("the timer that fires once is still there", timers[0].word.load() == 0),
        check("the timer that repeats is gone, or due",
              timers[1].word.load() != 0 && timers[1].due_ns.load() > std::uint64_t{kHour}),
        check("input was left", input_left == 0),
        check("a turn was left open", region.committed.load() == region.applied.load()),
        check("the witness was left", region.witness.load() == 0)}) {
    if (!broken.empty()) return broken;
  }
  return {};
}

/// How many messages and timers the turn takes that is swept.
int messages_swept(Stage& stage) {
  const pid_t child = ::fork();
  if (child == 0) {
    stage.attach();
    ::_exit(static_cast<int>(stage.run_turn()));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  stage.reset();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<testing::SweepArguments> arguments =
      testing::parse_sweep_arguments(argc, argv);
  if (!arguments) return 64;
  Stage stage{"sweep-" + std::to_string(::getpid())};
  if (messages_swept(stage) != 4) {
    std::printf(
        "the turn does not take all messages and timers: it would sweep the half of what it "
        "says\n");
    return 1;
  }
  const testing::Sweep sweep{
      .reset = [&] { stage.reset(); },
      .prepare = [&] { stage.attach(); },
      .operation = [&] { stage.run_turn(); },
      .save = [&] { stage.save(); },
      .restore = [&] { stage.restore(); },
      .recover_and_check = [&] { return stage.recover_and_check(); },
  };
  testing::SweepTally tally;
  testing::run_case({.name = "turn", .sweep = sweep}, *arguments, tally);
  return tally.finish("turn", *arguments);
}
