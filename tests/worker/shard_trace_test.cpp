// Traces across agents and shards: what comes of a traced message is traced, and each message that
// is over has exactly one span, of the run that was committed.
#include "shm/event_log.hpp"
#include "shm/span_ring.hpp"
#include "tests/worker/shard_support.hpp"

#include "mabeam/trace.hpp"

#include <algorithm>
#include <functional>
#include <optional>

namespace mabeam::worker {
namespace {

using shm::Kind;
using shm::Span;

/// Runs amid the handler of an event.
std::function<void()> amid_event;

/// Does as a signal's name says, for the agent in its payload:
///   pass   sends it "end" and emits hop.done     fail   the same, then an error
///   call   asks it                               make   makes another hop, which sends "end"
///   tick   sets a timer, which sends "end"       flood  sends five quarters of a ring to a client
struct Hop {
  static constexpr AgentType type{.name = "hop"};

  struct State {
    std::uint64_t peer = 0;
    TraceContext seen;  // of the last message
    std::uint32_t traced = 0;
    std::uint32_t handled = 0;
  };

  static void note(Context& context, State& state) {
    ++state.handled;
    if (const auto trace = context.trace()) {
      state.seen = *trace;
      ++state.traced;
    }
  }

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    note(context, state);
    state.peer = signal.payload().as_or<std::uint64_t>(0).value_or(0);
    const AgentId peer{state.peer};
    const std::string_view what = signal.name();
    if (what == "pass" || what == "fail") {
      if (const Result<> sent = context.send(peer, "end"); !sent) return sent;
      if (const Result<> emitted = context.emit("hop.done"); !emitted) return emitted;
    }
    if (what == "call") {
      if (const auto called = context.call(peer, "ask"); !called) return fail(called.error());
    }
    if (what == "make") {
      const Result<AgentId> made = context.create("starter");
      if (!made) return fail(made.error());
    }
    if (what == "tick") {
      if (const auto set = context.set_timer("tock", {}); !set) return fail(set.error());
    }
    if (what == "flood") {
      static constexpr std::array<std::byte, kQuarterRing> kLarge{};
      return context.send(client_id(kFirstClient), "x", std::span<const std::byte>{kLarge});
    }
    if (what == "fail") return mabeam::fail(Errc::schema_mismatch);
    return {};
  }

  Result<> on_action(Context& context, State& state, const Action&) const {
    note(context, state);
    return {};
  }

  Result<> on_reply(Context& context, State& state, const Reply&) const {
    note(context, state);
    return {};
  }

  Result<> on_event(Context& context, State& state, const Event&) const {
    note(context, state);
    if (amid_event) amid_event();
    return {};
  }

  Result<> on_timer(Context& context, State& state, const Timer&) const {
    note(context, state);
    return context.send(AgentId{state.peer}, "end");
  }
};

/// Sends "end" to the first agent of the other shard when it starts.
struct Starter {
  static constexpr AgentType type{.name = "starter"};

  Result<> on_start(Context& context) const {
    return context.send(AgentId{EndpointId{2}, 0, 1}, "end");
  }
};

class ShardTrace : public ShardTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kHops = kTypes<Hop, Starter>;

  ShardTrace() {
    for (const std::uint32_t index : {0U, 1U})
      adopt(index, 2, kHops).value();
    first_ = create({.type = "hop"}).value();
    second_ = create({.type = "hop", .shard = 1}).value();
  }

  void run_all() {
    for (const std::uint32_t index : {0U, 1U, 0U, 1U})
      run(index);
  }

  /// Posts a signal for the first agent, about the second.
  void tell(std::string_view what, std::optional<TraceContext> trace) {
    post(first_, what, second_.value(), {.trace = trace});
  }

  [[nodiscard]] std::vector<Span> spans(std::uint32_t endpoint) const {
    return shm::read_spans(segment_.spans(endpoint)).value().spans;
  }

  [[nodiscard]] std::string name_of(const Span& span) const {
    return std::string{segment_.symbols().text(static_cast<Symbol>(span.symbol))};
  }

  /// The only span of that name in a shard.
  [[nodiscard]] Span only(std::uint32_t endpoint, std::string_view name) const {
    std::vector<Span> found = spans(endpoint);
    std::erase_if(found, [&](const Span& span) { return name_of(span) != name; });
    EXPECT_EQ(found.size(), 1U) << name;
    return found.empty() ? Span{} : found.front();
  }

  ~ShardTrace() override { amid_event = nullptr; }

  /// As a client does.
  void emit_traced(std::string_view topic) {
    auto log = shm::EventLogWriter::open(segment_.log(kFirstClient), segment_.endpoints()).value();
    shm::Received event{Kind::event, 0, {}, {}};
    event.header.symbol = segment_.symbols().intern(topic).value();
    event.header.source = client_id(kFirstClient).value();
    event.header.id = log.sequence();
    event.header.sent_ns = shm::monotonic_ns();
    event.is_traced = true;
    event.trace = context();
    shm::compose(log.claim(static_cast<std::uint32_t>(event.length()), event.record_kind()).value(),
                 event);
    log.publish();
    segment_.announce(kFirstClient, 1);
  }

  static TraceContext context() {
    TraceContext context;
    context.trace = {0x1111, 0x2222};
    context.span = static_cast<SpanId>(0x77);
    return context;
  }

  AgentId first_;
  AgentId second_;
};

TEST_F(ShardTrace, WhatAHandlerSendsAndEmitsBearsItsTrace) {
  const AgentId subscriber = create({.type = "hop", .subscribe = {"hop.*"}}).value();
  tell("pass", context());
  run_all();
  const Span pass = only(1, "pass");
  EXPECT_EQ(pass.trace, context().trace);
  EXPECT_EQ(pass.parent, 0x77U);
  EXPECT_EQ(pass.agent, first_.value());
  EXPECT_EQ(pass.source, client_id(kFirstClient).value());
  EXPECT_EQ(pass.kind, static_cast<std::uint16_t>(Kind::signal));
  EXPECT_EQ(pass.result, 0U);
  EXPECT_EQ(shm::Incarnation{pass.owner}.number(), 2U);
  const Span end = only(2, "end");
  EXPECT_EQ(end.trace, context().trace);
  EXPECT_EQ(end.parent, pass.span);
  EXPECT_GE(end.sent_ns, pass.started_ns);
  EXPECT_LE(end.sent_ns, pass.ended_ns);
  EXPECT_LE(end.sent_ns, end.started_ns);
  EXPECT_LE(end.started_ns, end.ended_ns);
  const Span event = only(1, "hop.done");
  EXPECT_EQ(event.parent, pass.span);
  EXPECT_EQ(event.agent, subscriber.value());
  EXPECT_NE(event.span, end.span);
  EXPECT_EQ(state<Hop::State>(second_).seen.span, static_cast<SpanId>(end.span));
  EXPECT_EQ(state<Hop::State>(subscriber).seen.trace, context().trace);
}

TEST_F(ShardTrace, EachSubscriberOfAnEventHasASpan) {
  const AgentId one = create({.type = "hop", .subscribe = {"a.b"}}).value();
  const AgentId other = create({.type = "hop", .subscribe = {"a.*"}}).value();
  emit_traced("a.b");
  run();
  const std::vector<Span> both = spans(1);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].agent, one.value());
  EXPECT_EQ(both[1].agent, other.value());
  for (const Span& span : both)
    EXPECT_EQ(span.parent, 0x77U);
  EXPECT_NE(both[0].span, both[1].span);
}

// The writer loses its patience while the handler runs: what it did is undone, and so is its span.
TEST_F(ShardTrace, AnEventThatIsOverwrittenUnderItsHandlerLeavesNoSpan) {
  const AgentId subscriber = create({.type = "hop", .subscribe = {"a.b"}}).value();
  amid_event = [this] {
    shm::EventLogWriter::open(segment_.log(kFirstClient), segment_.endpoints()).value().evict(1);
  };
  emit_traced("a.b");
  run();
  EXPECT_EQ(state<Hop::State>(subscriber).handled, 0U);
  EXPECT_TRUE(spans(1).empty());
}

TEST_F(ShardTrace, AnUntracedMessageLeavesNothing) {
  const AgentId subscriber = create({.type = "hop", .subscribe = {"hop.*"}}).value();
  tell("pass", std::nullopt);
  run_all();
  EXPECT_TRUE(spans(1).empty());
  EXPECT_TRUE(spans(2).empty());
  EXPECT_EQ(state<Hop::State>(subscriber).handled, 1U);
  EXPECT_EQ(state<Hop::State>(second_).traced, 0U);
}

TEST_F(ShardTrace, ItEndsWithItsMessage) {
  tell("pass", context());
  tell("pass", std::nullopt);
  run_all();
  EXPECT_EQ(spans(1).size(), 1U);
  EXPECT_EQ(spans(2).size(), 1U) << "in the same turn, the one behind it is not traced";
  EXPECT_EQ(state<Hop::State>(second_).handled, 2U);
}

TEST_F(ShardTrace, AnAnswerIsOfTheTraceOfItsQuestion) {
  tell("call", context());
  run_all();
  const Span asked = only(2, "ask");
  std::vector<Span> of_caller = spans(1);
  ASSERT_EQ(of_caller.size(), 2U);
  EXPECT_EQ(asked.parent, of_caller[0].span);
  EXPECT_EQ(of_caller[1].kind, static_cast<std::uint16_t>(Kind::reply));
  EXPECT_EQ(of_caller[1].parent, asked.span);
  EXPECT_EQ(of_caller[1].trace, context().trace);
}

TEST_F(ShardTrace, AFailureIsTheSpansResultAndNothingComesOfIt) {
  tell("fail", context());
  run_all();
  EXPECT_EQ(only(1, "fail").result, static_cast<std::uint16_t>(Errc::schema_mismatch));
  EXPECT_TRUE(spans(2).empty());
}

TEST_F(ShardTrace, ARefusalIsTheSpansResult) {
  post(AgentId{EndpointId{1}, 7, 9}, "ask", {},
       {.kind = Kind::request, .correlation = 3, .trace = context()});
  post(first_, "late", {},
       {.kind = Kind::request, .deadline_ns = 1, .correlation = 4, .trace = context()});
  run();
  EXPECT_EQ(only(1, "ask").result, static_cast<std::uint16_t>(Errc::not_found));
  EXPECT_EQ(only(1, "late").result, static_cast<std::uint16_t>(Errc::timed_out));
}

TEST_F(ShardTrace, WhatANewAgentSendsIsOfTheTraceThatMadeIt) {
  tell("make", context());
  run_all();
  EXPECT_EQ(only(2, "end").parent, only(1, "make").span);
}

// A message that finds a ring full is undone, as often as it is tried: it has one span, when it is
// over.
TEST_F(ShardTrace, AnUndoneMessageHasNoSpanUntilItIsOver) {
  for (int i = 0; i < 5; ++i)
    tell("flood", context());
  run();
  const std::size_t before = spans(1).size();
  EXPECT_EQ(before, 4U) << "the fifth waits for room";
  run();
  EXPECT_EQ(spans(1).size(), before);
  take(Priority::normal);
  run();
  EXPECT_EQ(spans(1).size(), 5U);
}

// Its owner dies while the message waits: the next one handles it, and the span is its.
TEST_F(ShardTrace, AMessageThatIsRunAgainHasTheSpanOfItsLastRun) {
  for (int i = 0; i < 5; ++i)
    tell("flood", context());
  run();
  adopt(0, 3, kHops).value();
  take(Priority::normal);
  run();
  const std::vector<Span> all = spans(1);
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(shm::Incarnation{all[3].owner}.number(), 2U);
  EXPECT_EQ(shm::Incarnation{all[4].owner}.number(), 3U);
}

TEST_F(ShardTrace, AnAttemptIsCounted) {
  tell("pass", context());
  const auto ring = shm::RingConsumer::open(segment_.ring(kFirstClient, 1, Priority::normal));
  segment_.turn(0).owner.store(shm::Incarnation::of(0, 2).value);
  segment_.turn(0).witness.store(shm::Witness::pack(shm::Witness::What::message, kFirstClient,
                                                    static_cast<std::uint32_t>(Priority::normal), 0,
                                                    ring.value().position()));
  adopt(0, 3, kHops).value();
  run_all();
  EXPECT_EQ(only(1, "pass").attempt, 2U);
}

TEST_F(ShardTrace, AMessageThatWaitsForASuspendedAgentHasItsSpanWhenItIsHandled) {
  post(first_, "suspend", {}, {.kind = Kind::suspend, .correlation = 1});
  tell("pass", context());
  run_all();
  EXPECT_TRUE(spans(1).empty());
  post(first_, "resume", {}, {.kind = Kind::resume, .correlation = 2});
  run_all();
  EXPECT_EQ(only(1, "pass").trace, context().trace);
  EXPECT_EQ(only(2, "end").parent, only(1, "pass").span);
}

TEST_F(ShardTrace, TimersBeginTracesAsOftenAsIsSampled) {
  tell("tick", std::nullopt);
  run_all();
  EXPECT_TRUE(spans(1).empty());
  limits_.trace_sample = shm::kSampleAll;
  tell("tick", std::nullopt);
  run_all();
  const Span tock = only(1, "tock");
  EXPECT_EQ(tock.kind, static_cast<std::uint16_t>(Kind::timer));
  EXPECT_EQ(tock.parent, 0U);
  EXPECT_EQ(tock.agent, first_.value());
  EXPECT_EQ(only(2, "end").parent, tock.span);
  EXPECT_EQ(only(2, "end").trace, tock.trace);
}

// Tracing refuses nothing: what is as large as a message may be goes without its context.
TEST_F(ShardTrace, WhatIsTooLargeForItsContextGoesWithout) {
  const auto ring = shm::RingProducer::open(segment_.ring(kFirstClient, 1, Priority::normal));
  const std::vector<std::byte> largest(ring.value().max_body() - sizeof(shm::MessageHeader));
  shm::CachedClock clock;
  Outbox outbox{segment_, 1};
  outbox.open().value();
  const TraceContext trace = context();
  outbox.begin_turn();
  outbox.begin_message();
  outbox.inherit(&trace);
  shm::MessageHeader header{};
  header.target = second_.value();
  const auto sizes = {largest.size() + 1, largest.size(), largest.size() - sizeof trace};
  std::vector<Errc> results;
  for (const std::size_t size : sizes) {
    std::vector<std::byte> payload(size);
    const Result<> sent = outbox.send(Kind::signal, 0, Priority::normal, header, payload);
    results.push_back(sent ? Errc{} : sent.error().code);
  }
  EXPECT_EQ(results, (std::vector<Errc>{Errc::payload_too_large, Errc{}, Errc{}}));
}

// A context that no sender of ours writes is no reason to refuse a message.
TEST_F(ShardTrace, AnImpossibleContextIsLeftOut) {
  TraceContext damaged = context();
  damaged.span = SpanId::none;
  tell("pass", damaged);
  run_all();
  EXPECT_TRUE(spans(1).empty());
  EXPECT_EQ(state<Hop::State>(second_).handled, 1U);
}

// A record that says it has one and is too short for it is as damaged as one that is too short for
// a header: its ring is given up.
TEST_F(ShardTrace, ARecordTooShortForItsContextIsDamage) {
  auto ring = shm::RingProducer::open(segment_.ring(kFirstClient, 1, Priority::normal)).value();
  shm::MessageHeader header{};
  header.source = client_id(kFirstClient).value();
  header.target = first_.value();
  const auto kind =
      static_cast<std::uint16_t>(static_cast<std::uint32_t>(Kind::signal) | shm::kTraced);
  shm::compose(ring.claim(sizeof header, kind).value(), header, {});
  ring.publish();
  segment_.announce(kFirstClient, 1);
  run();
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::corrupt);
}

}  // namespace
}  // namespace mabeam::worker
