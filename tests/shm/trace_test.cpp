// W3C's text form of a trace's context.
#include "mabeam/trace.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace mabeam {
namespace {

const std::string kGiven = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, IsReadAndWritten) {
  const auto context = parse_traceparent(kGiven);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace, (TraceId{0x0af7651916cd43dd, 0x8448eb211c80319c}));
  EXPECT_EQ(context->span, static_cast<SpanId>(0xb7ad6b7169203331));
  EXPECT_TRUE(context->is_sampled());
  EXPECT_EQ(to_traceparent(*context), kGiven);
  EXPECT_EQ(to_string(context->trace), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(parse_trace_id("0af7651916cd43dd8448eb211c80319c"), context->trace);
}

TEST(Traceparent, FlagsThatNobodyKnowsAreLeftOut) {
  std::string text = kGiven;
  text.replace(53, 2, "fe");
  ASSERT_TRUE(parse_traceparent(text));
  EXPECT_FALSE(parse_traceparent(text)->is_sampled());
  EXPECT_TRUE(to_traceparent(*parse_traceparent(text)).ends_with("-00"));
}

TEST(Traceparent, OfALaterVersionWhatIsKnownIsTaken) {
  std::string later = kGiven;
  later.replace(0, 2, "cc");
  EXPECT_TRUE(parse_traceparent(later));
  EXPECT_TRUE(parse_traceparent(later + "-what-the-future-will-be-like"));
  EXPECT_TRUE(parse_traceparent(later + "-"));
  EXPECT_FALSE(parse_traceparent(later + ".what"));
  EXPECT_EQ(to_traceparent(*parse_traceparent(later)), kGiven);
}

TEST(Traceparent, WhatIsNoneIsRefused) {
  const auto with = [](std::size_t at, std::size_t count, const std::string& text) {
    std::string copy = kGiven;
    copy.replace(at, count, text);
    return copy;
  };
  for (const std::string& text : {
           std::string{},
           kGiven.substr(0, 54),
           kGiven + "-",
           kGiven + "0",
           with(0, 2, "ff"),
           with(0, 2, "0x"),
           with(2, 1, "_"),
           with(35, 1, "_"),
           with(52, 1, "_"),
           with(3, 32, std::string(32, '0')),
           with(36, 16, std::string(16, '0')),
           with(3, 1, "A"),
           with(36, 1, "g"),
           with(53, 1, " "),
           with(3, 1, std::string(1, '\0')),
       }) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(Traceparent, AnyContextComesBack) {
  std::mt19937_64 random{20260711};
  for (int i = 0; i < 10'000; ++i) {
    TraceContext context;
    context.trace = {random(), random()};
    context.span = static_cast<SpanId>(random());
    context.flags = static_cast<std::uint8_t>(random() & 1U);
    const auto parsed = parse_traceparent(to_traceparent(context));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->trace, context.trace);
    EXPECT_EQ(parsed->span, context.span);
    EXPECT_EQ(parsed->flags, context.flags);
  }
}

// Bytes of any kind, and a good header with some of its bytes changed: read as one only if it is
// written back the same.
TEST(Traceparent, AnyBytesAreRefusedOrUnderstood) {
  std::mt19937_64 random{4711};
  const auto byte = [&] { return static_cast<char>(random() & 0xFFU); };
  for (int i = 0; i < 30'000; ++i) {
    std::string text = kGiven;
    if (i % 4 == 0) text.resize(random() % 80);
    if (i % 8 == 0) {
      for (char& c : text)
        c = byte();
    }
    for (std::uint64_t changes = random() % 3; changes != 0 && !text.empty(); --changes)
      text[random() % text.size()] =
          random() % 2 == 0 ? byte() : "0123456789abcdef-"[random() % 17];
    const auto parsed = parse_traceparent(text);
    if (!parsed) continue;
    EXPECT_TRUE(parsed->is_valid());
    EXPECT_EQ(to_traceparent(*parsed).substr(2, 51), text.substr(2, 51));
  }
}

TEST(TraceIds, WhatIsNoIdIsRefused) {
  EXPECT_FALSE(parse_trace_id(""));
  EXPECT_FALSE(parse_trace_id("0af7651916cd43dd8448eb211c80319"));
  EXPECT_FALSE(parse_trace_id("0AF7651916cd43dd8448eb211c80319c"));
  EXPECT_FALSE(parse_trace_id(std::string(32, '0')));
  EXPECT_EQ(to_string(SpanId{0xab}), "00000000000000ab");
}

}  // namespace
}  // namespace mabeam
