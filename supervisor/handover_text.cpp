// What is said at a handover, by the program that goes and the one that comes.
#include "shm/layout.hpp"
#include "supervisor/handover.hpp"

#include "mabeam/version.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

namespace mabeam::supervisor {
namespace {

constexpr std::string_view kOffer = "mabeam-handover";
constexpr int kProtocol = 1;
constexpr std::size_t kOfferWords = 6;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string layout_words(const std::vector<std::string_view>& offer) {
  return std::string{offer[2]} + " (" + std::string{offer[3]} + ")";
}

std::string end_text(ChildStatus status) {
  if (!status.was_signal) return "it exits with " + std::to_string(status.value);
  const char* name = ::sigabbrev_np(status.value);
  return "it is ended by signal " +
         (name == nullptr ? std::to_string(status.value) : "SIG" + std::string{name});
}

/// The program's line among all that it said, and the first other one.
struct Words {
  std::vector<std::string_view> offer;
  std::string_view other;
};

Words read_words(std::string_view said) {
  Words words;
  for (const std::string_view line : split(said, '\n')) {
    std::vector<std::string_view> parts = split(line, ' ');
    if (parts.size() >= kOfferWords && parts[0] == kOffer) {
      words.offer = std::move(parts);
    } else if (words.other.empty()) {
      words.other = line;
    }
  }
  return words;
}

}  // namespace

std::string handover_text(std::string_view runtime) {
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(shm::layout_hash()));
  std::string text{kOffer};
  text += " " + std::to_string(kProtocol) + " " + std::to_string(shm::kLayoutVersion) + " ";
  return text + hash.data() + " " + std::string{runtime} + " " + std::string{version()};
}

std::optional<std::string> find_objection(ChildStatus status, std::string_view said,
                                          std::string_view own) {
  const Words words = read_words(said);
  const std::vector<std::string_view> wanted = split(own, ' ');
  const auto& offer = words.offer;
  if (!offer.empty() && (offer[2] != wanted[2] || offer[3] != wanted[3])) {
    return "its segments have layout " + layout_words(offer) + ", and this one " +
           layout_words(wanted) + "; stop this runtime, and start it with the new program";
  }
  if (status.was_signal || status.value != 0) {
    const std::string why = words.other.empty() ? "" : ": " + std::string{words.other};
    return end_text(status) + why;
  }
  if (offer.empty()) return "it is no mabeam-supervisor that can take over";
  if (offer[1] != wanted[1]) return "it hands over in another way";
  if (offer[4] != wanted[4]) return "it would run the runtime '" + std::string{offer[4]} + "'";
  return std::nullopt;
}

}  // namespace mabeam::supervisor
