#include "worker/life_events.hpp"

namespace mabeam::worker {
namespace {

/// What JSON allows between quotes: a type's name and a reason may be any bytes.
void append_escaped(std::string& json, std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20) {
      json += "\\u00";
      json += kDigits[byte >> 4U];
      json += kDigits[byte & 0xFU];
      continue;
    }
    if (letter == '"' || letter == '\\') json += '\\';
    json += letter;
  }
}

}  // namespace

void LifeEvents::open(shm::Symbols symbols) noexcept {
  static constexpr std::array<std::string_view, 5> kTopics{
      "agent.started", "agent.stopped", "agent.failed", "agent.restarted", "agent.updated"};
  for (std::size_t i = 0; i < topics_.size(); ++i)
    topics_[i] = symbols.intern(kTopics[i]).value_or(Symbol::none);
}

std::string LifeEvents::payload(AgentId id, std::string_view type, std::string_view reason) {
  std::string json = R"({"id":")" + to_string(id) + R"(","type":")";
  append_escaped(json, type);
  json += R"(","reason":")";
  append_escaped(json, reason);
  json += R"("})";
  return json;
}

}  // namespace mabeam::worker
