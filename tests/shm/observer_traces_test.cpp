// The observer's traces, of rings that are whole and of rings that are anything.
#include "shm/span_ring.hpp"
#include "tests/shm/shm_support.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

class ObserverTraces : public SegmentTest {
 protected:
  /// A handler's span, in the ring of that endpoint.
  void put(std::uint32_t endpoint, Span span) {
    auto writer = SpanWriter::open(segment_.spans(endpoint)).value();
    writer.claim(span);
    writer.publish();
  }

  [[nodiscard]] Span span_of(std::uint64_t trace, std::uint64_t id, std::uint64_t parent,
                             std::int64_t sent_ns) const {
    Span span;
    span.trace = {0, trace};
    span.span = id;
    span.parent = parent;
    span.owner = Incarnation::of(1, 3).value;
    span.agent = AgentId{EndpointId{1}, 2, 1}.value();
    span.sent_ns = sent_ns;
    span.started_ns = sent_ns + 5;
    span.ended_ns = sent_ns + 7;
    span.symbol = static_cast<std::uint32_t>(segment_.symbols().intern("ask").value());
    span.kind = 3;
    return span;
  }

  [[nodiscard]] Observer observer() const { return Observer::attach(guard_.name()).value(); }

  [[nodiscard]] std::uint32_t client() const { return segment_.first_client(); }
};

TEST_F(ObserverTraces, SpansOfAllRingsAreOneTree) {
  Span asked = span_of(1, 10, 0, 100);
  asked.side = SpanSide::client;
  put(client(), asked);
  put(2, span_of(1, 12, 11, 120));
  Span failed = span_of(1, 11, 10, 110);
  failed.result = static_cast<std::uint16_t>(Errc::handler_failed);
  put(1, failed);
  put(1, span_of(2, 20, 0, 500));
  const SpanList list = observer().spans({0, 1});
  ASSERT_EQ(list.spans.size(), 3U);
  EXPECT_EQ(list.damaged, 0U);
  EXPECT_TRUE(list.spans[0].is_client);
  EXPECT_FALSE(list.spans[0].worker);
  EXPECT_EQ(list.spans[0].endpoint_name, "client 0");
  const SpanView& handled = list.spans[1];
  EXPECT_EQ(handled.depth, 1U);
  EXPECT_EQ(handled.kind, "request");
  EXPECT_EQ(handled.name, "ask");
  EXPECT_EQ(handled.worker, 1U);
  EXPECT_EQ(handled.endpoint_name, "shard 0");
  EXPECT_EQ(handled.queued_ns(), 5);
  EXPECT_EQ(handled.handled_ns(), 2);
  EXPECT_EQ(handled.error, Errc::handler_failed);
  EXPECT_EQ(list.spans[2].depth, 2U);
  EXPECT_FALSE(list.spans[2].error);
}

TEST_F(ObserverTraces, TracesAreListedLatestFirst) {
  put(1, span_of(1, 10, 0, 100));
  put(2, span_of(1, 11, 10, 130));
  put(1, span_of(2, 20, 0, 500));
  const TraceList list = observer().traces();
  ASSERT_EQ(list.traces.size(), 2U);
  EXPECT_EQ(list.total, 2U);
  EXPECT_EQ(list.traces[0].id, (TraceId{0, 2}));
  EXPECT_EQ(list.traces[1].spans, 2U);
  EXPECT_EQ(list.traces[1].root, "request ask");
  EXPECT_EQ(list.traces[1].begun_ns, 100);
  EXPECT_EQ(list.traces[1].duration_ns, 37);
  EXPECT_EQ(observer().traces(1).traces.size(), 1U);
  EXPECT_EQ(observer().traces(1).total, 2U);
}

TEST_F(ObserverTraces, WhatCannotBeIsLeftOutAndCounted) {
  put(1, span_of(0, 10, 0, 100));
  put(1, span_of(1, 0, 0, 100));
  Span of_a_client = span_of(1, 11, 0, 100);
  of_a_client.side = SpanSide::client;
  put(1, of_a_client);
  reinterpret_cast<SpanRingHeader*>(segment_.spans(2).data())->magic = 0;
  const SpanList list = observer().spans();
  EXPECT_TRUE(list.spans.empty());
  EXPECT_EQ(list.damaged, 4U);
  EXPECT_EQ(observer().traces().damaged, 4U);
  EXPECT_GE(observer().verify().damage_total, 4U);
}

TEST_F(ObserverTraces, TimesThatCannotBeAreKeptInOrder) {
  Span wild = span_of(1, 10, 0, 0);
  wild.sent_ns = INT64_MAX;
  wild.started_ns = INT64_MIN;
  wild.ended_ns = 5;
  put(1, wild);
  wild.span = 11;
  wild.sent_ns = INT64_MIN;
  wild.started_ns = 3;
  wild.ended_ns = INT64_MAX;
  put(1, wild);
  for (const SpanView& span : observer().spans().spans) {
    EXPECT_GE(span.queued_ns(), 0);
    EXPECT_GE(span.handled_ns(), 0);
  }
  EXPECT_GE(observer().traces().traces.at(0).duration_ns, 0);
}

TEST_F(ObserverTraces, AnyBytesAreRead) {
  std::mt19937_64 random{12};
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t endpoint = 1; endpoint < segment_.endpoints(); ++endpoint) {
      const std::span<std::byte> ring = segment_.spans(endpoint);
      auto* words = reinterpret_cast<Word*>(ring.data() + sizeof(SpanRingHeader));
      const std::size_t records = (ring.size() - sizeof(SpanRingHeader)) / sizeof(SpanRecord);
      for (std::size_t i = 0; i < records * 16; ++i)
        words[i].store(i % 16 == 0 ? i / 16 + 1 : random() % 3 == 0 ? random() : random() % 4);
      span_tail(ring).store(records);
    }
    const SpanList list = observer().spans();
    EXPECT_GT(list.spans.size() + list.damaged, 0U);
    EXPECT_GE(observer().traces().total, list.spans.empty() ? 0U : 1U);
  }
}

}  // namespace
}  // namespace mabeam::shm
