// What a client traces: as often as is sampled, or as it is told, and what spans it leaves.
#include "shm/event_log.hpp"
#include "shm/span_ring.hpp"
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Start = Tracing::Start;

class ClientTrace : public ClientTest {
 protected:
  void sample(std::uint64_t of_all) { segment_.header().tunables.trace_sample.store(of_all); }

  [[nodiscard]] std::vector<Span> spans() const {
    return read_spans(segment_.spans(static_cast<std::uint32_t>(client_.id().endpoint())))
        .value()
        .spans;
  }

  /// The contexts of what the client has sent to the first shard since the last look.
  std::vector<std::optional<TraceContext>> contexts() {
    std::vector<std::optional<TraceContext>> found;
    auto ring =
        RingConsumer::open(
            segment_.ring(static_cast<std::uint32_t>(client_.id().endpoint()), 1, Priority::normal))
            .value();
    (void)ring.poll(
        [&](const Record& record) {
          const Received message = parse(record).value();
          found.push_back(message.is_traced ? std::optional{message.trace} : std::nullopt);
        },
        1000);
    return found;
  }

  static TraceContext parent() {
    TraceContext context;
    context.trace = {5, 6};
    context.span = static_cast<SpanId>(7);
    return context;
  }

  Client client_ = attach();
  AgentId agent_ = shards_[0].put_agent();
};

TEST_F(ClientTrace, NothingIsTracedByDefault) {
  ASSERT_TRUE(client_.send(agent_, "x"));
  ASSERT_TRUE(client_.emit("a.b"));
  EXPECT_FALSE(client_.last_trace());
  EXPECT_FALSE(contexts().at(0));
  EXPECT_TRUE(spans().empty());
}

TEST_F(ClientTrace, ASampleOfOneTracesEverythingAtOnceAndZeroNothing) {
  sample(kSampleAll);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(client_.send(agent_, "x"));
  sample(0);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(client_.send(agent_, "x"));
  const auto found = contexts();
  ASSERT_EQ(found.size(), 40U);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(found[i].has_value(), i < 20) << i;
  EXPECT_NE(found[0]->trace, found[1]->trace) << "each begins a trace of its own";
  EXPECT_EQ(spans().size(), 20U);
}

TEST_F(ClientTrace, AShareIsSampled) {
  sample(kSampleAll / 4);
  int traced = 0;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(client_.send(agent_, "x"));
    traced += client_.last_trace() ? 1 : 0;
    if (i % 10 == 0) (void)contexts();
  }
  EXPECT_GT(traced, 350);  // 500 on average: this is 7 deviations off
  EXPECT_LT(traced, 650);
}

TEST_F(ClientTrace, ASignalLeavesASpanOfAnInstant) {
  client_.set_tracing({.start = Start::always});
  ASSERT_TRUE(client_.send(agent_, "wake"));
  const auto context = contexts().at(0);
  ASSERT_TRUE(context);
  EXPECT_EQ(client_.last_trace()->trace, context->trace);
  ASSERT_EQ(spans().size(), 1U);
  const Span span = spans()[0];
  EXPECT_EQ(span.trace, context->trace);
  EXPECT_EQ(span.span, static_cast<std::uint64_t>(context->span)) << "its receiver's parent";
  EXPECT_EQ(span.parent, 0U);
  EXPECT_EQ(span.side, SpanSide::client);
  EXPECT_EQ(span.agent, agent_.value());
  EXPECT_EQ(span.source, client_.id().value());
  EXPECT_EQ(segment_.symbols().text(static_cast<Symbol>(span.symbol)), "wake");
  EXPECT_EQ(span.sent_ns, span.ended_ns);
}

TEST_F(ClientTrace, AnEventBearsItInTheLog) {
  client_.set_tracing({.start = Start::always});
  ASSERT_TRUE(client_.emit("a.b", 7));
  auto log =
      EventLogObserver::open(segment_.log(static_cast<std::uint32_t>(client_.id().endpoint())),
                             segment_.endpoints())
          .value();
  log.start_at_oldest();
  RecordHeader header{};
  std::vector<std::byte> body;
  ASSERT_TRUE(log.next(header, body).value());
  const Received event = parse({header, body, 0, 0}).value();
  EXPECT_EQ(event.kind, Kind::event);
  EXPECT_TRUE(event.is_traced);
  EXPECT_EQ(event.payload.size(), sizeof(std::int32_t) * 2);
  ASSERT_EQ(spans().size(), 1U);
  EXPECT_EQ(spans()[0].trace, event.trace.trace);
}

TEST_F(ClientTrace, ACallsSpanEndsWithItsAnswer) {
  client_.set_tracing({.start = Start::always});
  const ShardThread serving{shards_, [](FakeShard& shard, const Taken& message) {
                              shard.reply(message, Errc::unknown_action);
                            }};
  EXPECT_EQ(code_of(client_.call(agent_, "ask", {}, seconds{10})), Errc::unknown_action);
  ASSERT_EQ(spans().size(), 1U);
  const Span span = spans()[0];
  EXPECT_EQ(span.kind, static_cast<std::uint16_t>(Kind::request));
  EXPECT_EQ(span.result, static_cast<std::uint16_t>(Errc::unknown_action));
  EXPECT_LT(span.sent_ns, span.ended_ns);
}

TEST_F(ClientTrace, ACallWithoutAnAnswerHasTimedOut) {
  client_.set_tracing({.start = Start::always});
  EXPECT_EQ(code_of(client_.call(agent_, "ask", {}, milliseconds{1})), Errc::timed_out);
  {
    PendingCall pending = client_.call_async(agent_, "ask").value();
    EXPECT_EQ(spans().size(), 1U) << "it is open";
  }
  ASSERT_EQ(spans().size(), 2U) << "and cancelled: that is no message of the trace";
  for (const Span& span : spans())
    EXPECT_EQ(span.result, static_cast<std::uint16_t>(Errc::timed_out));
}

TEST_F(ClientTrace, ManyCallsAndCreatesHaveASpanEach) {
  client_.set_tracing({.start = Start::always});
  const ShardThread serving{shards_, [](FakeShard& shard, const Taken& message) {
                              message.kind == Kind::create ? shard.make_all(message)
                                                           : shard.reply(message);
                            }};
  const std::vector<AgentId> agents(5, agent_);
  ASSERT_TRUE(client_.call_many(agents, "ask"));
  EXPECT_EQ(spans().size(), 5U);
  ASSERT_TRUE(client_.create("counter"));
  ASSERT_EQ(spans().size(), 6U);
  EXPECT_EQ(spans()[5].kind, static_cast<std::uint16_t>(Kind::create));
}

TEST_F(ClientTrace, ItJoinsTheTraceOfItsParent) {
  client_.set_tracing({.parent = parent()});
  ASSERT_TRUE(client_.send(agent_, "x"));
  ASSERT_EQ(spans().size(), 1U);
  EXPECT_EQ(spans()[0].trace, parent().trace);
  EXPECT_EQ(spans()[0].parent, 7U);
  EXPECT_EQ(contexts().at(0)->trace, parent().trace);
}

TEST_F(ClientTrace, AParentThatIsNotSampledIsNotTracedEither) {
  TraceContext unsampled = parent();
  unsampled.flags = 0;
  sample(kSampleAll);
  client_.set_tracing({.parent = unsampled});
  ASSERT_TRUE(client_.send(agent_, "x"));
  EXPECT_FALSE(client_.last_trace());
  client_.set_tracing({.start = Start::always, .parent = unsampled});
  ASSERT_TRUE(client_.send(agent_, "x"));
  EXPECT_EQ(client_.last_trace()->trace, parent().trace);
  client_.set_tracing({.start = Start::never});
  ASSERT_TRUE(client_.send(agent_, "x"));
  EXPECT_FALSE(client_.last_trace());
}

TEST_F(ClientTrace, WhatIsNotSentLeavesNoSpan) {
  client_.set_tracing({.start = Start::always});
  const std::size_t large = segment_.dimensions().ring_bytes[1] / 8;
  const std::string text(large, 'x');
  std::vector<SignalItem> signals(20, SignalItem{agent_, client_.symbol("x").value(), text});
  const auto results = client_.send_batch(signals, {.atomic = Atomic::yes});
  EXPECT_FALSE(results[0]);
  EXPECT_TRUE(spans().empty());
  EXPECT_TRUE(contexts().empty());
  signals.resize(2);
  for (const Result<>& sent : client_.send_batch(signals))
    EXPECT_TRUE(sent);
  EXPECT_EQ(spans().size(), 2U);
}

// Tracing refuses nothing.
TEST_F(ClientTrace, WhatIsTooLargeForItsContextGoesWithout) {
  client_.set_tracing({.start = Start::always});
  const auto ring = RingProducer::open(
      segment_.ring(static_cast<std::uint32_t>(client_.id().endpoint()), 1, Priority::normal));
  const std::string largest(ring.value().max_body() - sizeof(MessageHeader), 'x');
  ASSERT_TRUE(client_.send(agent_, "x", largest));
  EXPECT_FALSE(client_.last_trace());
  ASSERT_TRUE(client_.send(agent_, "x", largest.substr(sizeof(TraceContext))));
  EXPECT_TRUE(client_.last_trace());
  const auto found = contexts();
  EXPECT_FALSE(found.at(0));
  EXPECT_TRUE(found.at(1));
}

// The endpoint's next owner goes on behind the last one's spans.
TEST_F(ClientTrace, SpansOutliveTheirClient) {
  client_.set_tracing({.start = Start::always});
  ASSERT_TRUE(client_.send(agent_, "x"));
  const AgentId before = client_.id();
  client_ = attach();
  while (client_.id().endpoint() != before.endpoint())
    client_ = attach();
  client_.set_tracing({.start = Start::always});
  ASSERT_TRUE(client_.send(agent_, "x"));
  const std::vector<Span> both = spans();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(AgentId{both[0].source}, before);
  EXPECT_EQ(AgentId{both[1].source}, client_.id());
}

}  // namespace
}  // namespace mabeam::shm
