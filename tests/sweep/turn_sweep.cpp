// The proof of the turn: a worker is killed after every instruction of a turn that takes messages
// from two rings, fires two timers, changes the states of two agents, sends on three rings, emits
// an event and creates an agent; one of the messages is traced. Its successor takes over, and
// everything must have happened exactly once.
//
// Here every instruction is recovered from, whether or not it has changed the segment.
#include "shm/span_ring.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

#include <stdexcept>

namespace {

using namespace mabeam;
using testing::client_id;
using testing::kAsker;
using testing::kSink;
using testing::SweepOwner;
using testing::SweepStage;
using Values = std::vector<std::int64_t>;

constexpr TraceContext kTrace{.trace = {1, 2}, .span = static_cast<SpanId>(3)};

/// Adds what it is told. "arm" sets a timer that is due once and one that is due again in an hour;
/// "first" sends twice and emits, "second" sends and creates.
struct Mover {
  static constexpr AgentType type{.name = "mover"};

  struct State {
    std::int64_t sum = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    if (signal.name() == "arm") return arm(context);
    const Result<std::int64_t> value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    state.sum += *value;
    if (signal.name() == "first") return first(context, *value);
    return signal.name() == "second" ? second(context, *value) : Result<>{};
  }

  Result<> on_timer(Context&, State& state, const Timer&) const {
    state.sum += 100;
    return {};
  }

 private:
  static Result<> arm(Context& context) {
    for (const auto period : {std::chrono::hours{0}, std::chrono::hours{1}}) {
      const auto timer = context.set_timer("tick", std::chrono::nanoseconds{0}, period);
      if (!timer) return fail(timer.error());
    }
    return {};
  }

  static Result<> first(Context& context, std::int64_t value) {
    if (const Result<> sent = context.send(client_id(kAsker), "out", value); !sent) return sent;
    const Result<> sent =
        context.send(client_id(kSink), "out", value, {.priority = Priority::high});
    return sent ? context.emit("moved.first", value) : sent;
  }

  static Result<> second(Context& context, std::int64_t value) {
    const Result<AgentId> neighbour = context.find(testing::name_on(1));
    if (!neighbour) return fail(neighbour.error());
    if (const Result<> sent = context.send(*neighbour, "add", value, {.priority = Priority::low});
        !sent) {
      return sent;
    }
    const Result<AgentId> made = context.create("mover");
    return made ? Result<>{} : fail(made.error());
  }
};

class Turn {
 public:
  Turn()
      : neighbour_(stage_.create("mover", {.name = testing::name_on(1)})),
        first_(stage_.create("mover")),
        second_(stage_.create("mover")) {
    arm_first();
    before_ = stage_.record();
    // The one that creates ends the turn, so it must be the last; senders take turns.
    post_traced(first_, "first", 7);
    stage_.post(second_, "second", std::int64_t{11}, shm::Kind::signal, kAsker);
    stage_.freeze();
    expect_turn_of(4);  // two messages, two timers
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_turns([this] { return check(); });
    sweep.has_changed = {};
    return sweep;
  }

 private:
  // One turn, after which its timers are due and have not been fired yet.
  void arm_first() const {
    stage_.post(first_, "arm");
    SweepOwner owner{stage_.segment(), stage_.types(), 0};
    owner.adopt(1).value();
    owner.run_turn();
  }

  void post_traced(AgentId target, std::string_view signal, std::int64_t value) const {
    const shm::Segment& segment = stage_.segment();
    auto ring = shm::RingProducer::open(segment.ring(kSink, 1, Priority::normal)).value();
    shm::Received message{shm::Kind::signal, 0, {}, std::as_bytes(std::span{&value, 1})};
    message.header.symbol = segment.symbols().intern(signal).value();
    message.header.content = static_cast<std::uint32_t>(Content::i64);
    message.header.source = client_id(kSink).value();
    message.header.target = target.value();
    message.is_traced = true;
    message.trace = kTrace;
    const auto length = static_cast<std::uint32_t>(message.length());
    shm::compose(ring.claim(length, message.record_kind()).value(), message);
    ring.publish();
    shm::full_fence();
    segment.announce(kSink, 1);
  }

  // Otherwise it would sweep less than it says.
  void expect_turn_of(std::uint32_t messages) const {
    SweepOwner owner{stage_.segment(), stage_.types(), 0};
    owner.adopt(2).value();
    if (owner.run_turn() != messages) throw std::runtime_error("the turn is not the one meant");
    stage_.reset();
  }

  [[nodiscard]] std::string check() const {
    if (sum_of(first_) != 207) return "the first state is not 207";
    if (sum_of(second_) != 11) return "the second state is not 11";
    if (sum_of(neighbour_) != 11) return "the neighbour's state is not 11";
    if (sent_to(kAsker) != Values{7}) return "the first client has not exactly its message";
    if (sent_to(kSink) != Values{7}) return "the second client has not exactly its message";
    if (stage_.events() != 1) return "there is not exactly one event";
    if (stage_.segment().live_agents() != 4) return "there are not exactly four agents";
    return check_shard();
  }

  [[nodiscard]] std::string check_shard() const {
    const shm::ShardRecord& now = stage_.record();
    if (now.delivered - before_.delivered != 2 || now.sent - before_.sent != 3 ||
        now.events_published - before_.events_published != 1) {
      return "the counters are wrong";
    }
    const auto spans = shm::read_spans(stage_.segment().spans(1)).value().spans;
    if (spans.size() != 1 || spans[0].trace != kTrace.trace || spans[0].agent != first_.value() ||
        spans[0].result != 0) {
      return "there is not exactly one span";
    }
    const shm::TimerTable timers = stage_.segment().timers(0);
    if (timers[0].word.load() != 0) return "the timer that fires once is still there";
    if (timers[1].word.load() == 0) return "the timer that repeats is gone";
    if (timers[1].due_ns.load() < static_cast<std::uint64_t>(shm::monotonic_ns())) {
      return "the timer that repeats is due";
    }
    const shm::TurnRegion& region = stage_.segment().turn(0);
    if (region.committed.load() != region.applied.load()) return "a turn was left open";
    return region.witness.load() == 0 ? "" : "the witness was left";
  }

  [[nodiscard]] std::int64_t sum_of(AgentId agent) const {
    return stage_.state<Mover::State>(agent).sum;
  }

  [[nodiscard]] Values sent_to(std::uint32_t client) const {
    Values values;
    for (const testing::Arrived& message : stage_.take(client))
      values.push_back(message.value());
    return values;
  }

  SweepStage stage_{kTypes<Mover>};
  AgentId neighbour_;
  AgentId first_;
  AgentId second_;
  shm::ShardRecord before_;
};

}  // namespace

int main(int argc, char** argv) {
  Turn turn;
  return testing::sweep_main(argc, argv, "turn", {{.name = "a turn", .sweep = turn.sweep()}});
}
