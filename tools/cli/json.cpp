#include "tools/cli/json.hpp"

#include "tools/cli/encoding.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace mabeam::tools {

namespace {

template <class T>
std::optional<T> number_in(const Payload& payload) {
  T number{};
  if (payload.bytes().size() != sizeof(number)) return std::nullopt;
  std::memcpy(&number, payload.bytes().data(), sizeof(number));
  return number;
}

// The payload's number as a JSON value; nothing when its content is no number.
std::optional<Json> payload_number(const Payload& payload) {
  const auto as_json = [](auto number) {
    return number ? std::optional<Json>(*number) : std::nullopt;
  };
  switch (payload.content()) {
    case Content::i64:
      return as_json(number_in<std::int64_t>(payload));
    case Content::u64:
      return as_json(number_in<std::uint64_t>(payload));
    case Content::f64:
      return as_json(number_in<double>(payload));
    default:
      return std::nullopt;
  }
}

// Not through JSON, which has no words for infinity.
std::string double_text(double number) {
  std::array<char, 64> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), written.ptr};
}

}  // namespace

Json document(const Json& fields) {
  Json result{{"schema_version", 1}};
  result.update(fields);
  return result;
}

Json error_document(const Failure& failure) {
  Json document{{"code", failure.code}, {"message", failure.message}};
  if (failure.retry_after_ms != 0) document["retry_after_seconds"] = failure.retry_after_ms / 1e3;
  return document;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::string> payload_text(const Payload& payload) {
  if (const auto number = payload_number(payload)) {
    return number->is_number_float() ? double_text(number->get<double>()) : number->dump();
  }
  if (!is_utf8(payload.text())) return std::nullopt;
  return std::string(payload.text());
}

std::string_view content_name(Content content) {
  switch (content) {
    case Content::none:
      return "none";
    case Content::bytes:
      return "bytes";
    case Content::text:
      return "text";
    case Content::json:
      return "json";
    case Content::i64:
      return "i64";
    case Content::u64:
      return "u64";
    case Content::f64:
      return "f64";
  }
  return "custom";
}

void add_payload(Json& object, const Payload& payload) {
  if (const auto text = payload_text(payload)) {
    object["payload_text"] = *text;
  } else {
    object["payload_base64"] = base64(payload.bytes());
  }
}

Json payload_value(const Payload& payload) {
  if (payload.empty()) return nullptr;
  if (auto number = payload_number(payload)) return *number;
  if (payload.content() == Content::json) {
    Json carried = Json::parse(payload.text(), nullptr, false);
    if (!carried.is_discarded()) return carried;
  }
  if (const auto text = payload_text(payload)) return *text;
  return Json{{"payload_base64", base64(payload.bytes())}};
}

}  // namespace mabeam::tools
