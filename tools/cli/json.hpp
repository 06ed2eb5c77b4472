// The JSON that every command speaks: what the contract says of payloads, ids and documents.
#pragma once

#include "tools/cli/failure.hpp"

#include "mabeam/observer.hpp"
#include "mabeam/payload.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace mabeam::tools {

/// Keeps its keys in the order in which they were written.
using Json = nlohmann::ordered_json;

/// `fields` behind {"schema_version": 1}.
Json document(const Json& fields);

/// {code, message}: what stands behind "error".
Json error_document(const Failure& failure);

/// On one line. Text that is not UTF-8 (a damaged name) has its bad bytes replaced, never refused.
std::string dump(const Json& json);

/// The payload as text, numbers in decimal; nothing when it is not UTF-8.
std::optional<std::string> payload_text(const Payload& payload);

/// "text", "i64", "json"...; "custom" for a user's own type.
std::string_view content_name(Content content);

/// Adds payload_text, or payload_base64 when it is no text.
void add_payload(Json& object, const Payload& payload);

/// A reply as a JSON value: a number, a string, the JSON that it carries, or null when it is empty.
/// What is no text becomes {payload_base64}.
Json payload_value(const Payload& payload);

}  // namespace mabeam::tools
