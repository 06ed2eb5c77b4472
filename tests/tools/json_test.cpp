#include "tools/cli/json.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

namespace mabeam::tools {

namespace {

Payload text_payload(std::string_view text, Content content = Content::text) {
  return {std::as_bytes(std::span(text)), content};
}

Json fields_of(const Payload& payload) {
  Json object = Json::object();
  add_payload(object, payload);
  return object;
}

TEST(JsonDocument, SchemaVersionStandsFirstAndOrderIsKept) {
  EXPECT_EQ(dump(document({{"z", 1}, {"a", nullptr}})), R"({"schema_version":1,"z":1,"a":null})");
}

TEST(JsonDocument, BrokenUtf8NeverThrows) {
  EXPECT_EQ(dump(Json{{"name", "a\xFF"}}), "{\"name\":\"a\xEF\xBF\xBD\"}");
}

TEST(JsonPayload, TextIsTextAndOtherBytesAreBase64) {
  EXPECT_EQ(fields_of(text_payload("hi")), (Json{{"payload_text", "hi"}}));
  EXPECT_EQ(fields_of(Payload{}), (Json{{"payload_text", ""}}));
  EXPECT_EQ(fields_of(text_payload("hi", Content::bytes)), (Json{{"payload_text", "hi"}}));
  EXPECT_EQ(fields_of(text_payload("\xFF", Content::bytes)), (Json{{"payload_base64", "/w=="}}));
  EXPECT_EQ(fields_of(text_payload("\xFF")), (Json{{"payload_base64", "/w=="}}));
}

template <class T>
struct NumberPayload {
  explicit NumberPayload(T number, Content number_content) : content(number_content) {
    std::memcpy(bytes.data(), &number, sizeof(number));
  }

  [[nodiscard]] Payload payload() const { return {bytes, content}; }

  std::array<std::byte, sizeof(T)> bytes{};
  Content content;
};

TEST(JsonPayload, NumbersAreTextInDecimal) {
  const NumberPayload<std::int64_t> least(std::numeric_limits<std::int64_t>::min(), Content::i64);
  EXPECT_EQ(payload_text(least.payload()), "-9223372036854775808");
  const NumberPayload<std::uint64_t> most(std::numeric_limits<std::uint64_t>::max(), Content::u64);
  EXPECT_EQ(payload_text(most.payload()), "18446744073709551615");
  EXPECT_EQ(payload_text(NumberPayload<double>(0.1, Content::f64).payload()), "0.1");
  EXPECT_EQ(
      payload_text(
          NumberPayload<double>(std::numeric_limits<double>::infinity(), Content::f64).payload()),
      "inf");
}

TEST(JsonPayload, NumberOfTheWrongSizeIsJustBytes) {
  EXPECT_EQ(payload_text(text_payload("abc", Content::i64)), "abc");
}

TEST(JsonReply, IsTheValueThatTheContentSays) {
  EXPECT_EQ(payload_value(Payload{}), Json(nullptr));
  EXPECT_EQ(payload_value(text_payload("pong")), Json("pong"));
  EXPECT_EQ(payload_value(text_payload("5")), Json("5"));
  EXPECT_EQ(payload_value(NumberPayload<std::int64_t>(5, Content::i64).payload()), Json(5));
  EXPECT_EQ(payload_value(text_payload(R"({"a":[1]})", Content::json)), (Json{{"a", {1}}}));
  EXPECT_EQ(payload_value(text_payload("{broken", Content::json)), Json("{broken"));
  EXPECT_EQ(payload_value(text_payload("\xFF", Content::bytes)),
            (Json{{"payload_base64", "/w=="}}));
}

TEST(JsonPayload, ContentHasAWordForEveryValue) {
  EXPECT_EQ(content_name(Content::none), "none");
  EXPECT_EQ(content_name(Content::f64), "f64");
  EXPECT_EQ(content_name(static_cast<Content>(12345)), "custom");
}

}  // namespace

}  // namespace mabeam::tools
