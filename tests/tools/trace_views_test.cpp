// What `mabeam trace` prints of spans, and writes for Chrome and Perfetto.
#include "tools/trace_chrome.hpp"
#include "tools/views.hpp"

#include <gtest/gtest.h>

namespace mabeam::tools {

namespace {

SpanView span(std::uint64_t id, std::uint64_t parent) {
  SpanView view;
  view.trace = {0, 0xabc};
  view.id = static_cast<SpanId>(id);
  view.parent = static_cast<SpanId>(parent);
  view.kind = "request";
  view.name = "ask";
  view.agent = AgentId(0x0100000200000003);
  view.endpoint = 1;
  view.endpoint_name = "shard 0";
  view.worker = 1;
  view.sent_ns = 1000;
  view.started_ns = 3500;
  view.ended_ns = 5000;
  return view;
}

SpanView client_span() {
  SpanView view = span(1, 0);
  view.is_client = true;
  view.worker.reset();
  view.endpoint = 3;
  view.endpoint_name = "client 0";
  view.sent_ns = view.started_ns = 1000;
  view.ended_ns = 6000;
  return view;
}

TEST(TraceViews, SpansHaveEveryField) {
  SpanView handled = span(2, 1);
  handled.depth = 1;
  handled.error = Errc::handler_failed;
  const Json expected = Json::parse(R"({"spans": [
      {"trace": "00000000000000000000000000000abc", "id": "0000000000000002",
       "parent": "0000000000000001", "depth": 1, "side": "handler", "kind": "request",
       "name": "ask", "agent": "0100000200000003", "source": "0000000000000000", "endpoint": 1,
       "endpoint_name": "shard 0", "worker": 1, "attempt": 1, "sent_ns": 1000,
       "started_ns": 3500, "ended_ns": 5000, "queued_ns": 2500, "handled_ns": 1500,
       "error": "handler_failed"}], "damaged": 3})");
  EXPECT_EQ(spans_document({.spans = {handled}, .damaged = 3}), expected);
  EXPECT_EQ(spans_document({.spans = {client_span()}})["spans"][0]["parent"], nullptr);
}

TEST(TraceViews, TracesHaveEveryField) {
  TraceView trace;
  trace.id = {0, 0xabc};
  trace.root = "request ask";
  trace.spans = 2;
  trace.errors = 1;
  trace.begun_ns = 1000;
  trace.duration_ns = 5000;
  const Json expected = Json::parse(R"({"traces": [
      {"id": "00000000000000000000000000000abc", "root": "request ask", "spans": 2, "errors": 1,
       "begun_ns": 1000, "duration_ns": 5000}], "total": 7, "damaged": 0})");
  EXPECT_EQ(traces_document({.traces = {trace}, .total = 7}), expected);
}

Json of_phase(const Json& document, const std::string& phase) {
  Json found = Json::array();
  for (const Json& event : document["traceEvents"])
    if (event["ph"] == phase) found.push_back(event);
  return found;
}

TEST(TraceChrome, ASliceForEachSpanAndAnArrowToEachBelow) {
  const Json document = chrome_document({.spans = {client_span(), span(2, 1), span(3, 9)}});
  const Json slices = of_phase(document, "X");
  ASSERT_EQ(slices.size(), 3U);
  EXPECT_EQ(slices[0]["pid"], 0);
  EXPECT_EQ(slices[1]["pid"], 2) << "worker 1";
  EXPECT_EQ(slices[1]["tid"], 1);
  EXPECT_EQ(slices[1]["ts"], 3.5);
  EXPECT_EQ(slices[1]["dur"], 1.5);
  EXPECT_EQ(slices[1]["name"], "request ask");
  EXPECT_EQ(slices[1]["args"]["queued_ns"], 2500);
  EXPECT_EQ(slices[1]["args"]["result"], "ok");
  ASSERT_EQ(of_phase(document, "s").size(), 1U) << "the third's parent is not there";
  EXPECT_EQ(of_phase(document, "s")[0]["pid"], 0);
  EXPECT_EQ(of_phase(document, "f")[0]["id"], "0000000000000002");
  EXPECT_EQ(of_phase(document, "M").size(), 4U) << "two processes, two threads";
}

TEST(TraceChrome, NothingIsADocumentToo) {
  EXPECT_TRUE(chrome_document({})["traceEvents"].empty());
}

}  // namespace

}  // namespace mabeam::tools
