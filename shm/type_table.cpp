#include "shm/type_table.hpp"

#include <algorithm>
#include <cstring>

namespace mabeam::shm {
namespace {

constexpr std::size_t kLongestText = 255;     // an action's name or description
constexpr std::size_t kLongestModule = 1024;  // a path's end is what tells it from others
constexpr std::uint32_t kDescribes = 1;       // traits
constexpr std::uint32_t kIsSerialized = 2;
constexpr std::uint32_t kIsTransient = 4;
constexpr std::uint32_t kTraits = kDescribes | kIsSerialized | kIsTransient;

/// Before module and actions, each of which is two lengths and two texts.
struct Prefix {
  std::uint32_t state_bytes = 0;
  std::uint32_t state_version = 0;
  std::uint16_t module_length = 0;
  std::uint16_t actions = 0;
  std::uint32_t traits = 0;
};

static_assert(sizeof(Prefix) == 16);

std::uint32_t traits_of(const TypeFacts& facts) {
  return (facts.can_describe ? kDescribes : 0) | (facts.is_serialized ? kIsSerialized : 0) |
         (facts.is_durable ? 0 : kIsTransient);
}

std::string encode(const TypeFacts& facts) {
  const std::size_t kept = std::min(facts.module.size(), kLongestModule);
  const Prefix prefix{facts.state_bytes, facts.state_version, static_cast<std::uint16_t>(kept),
                      static_cast<std::uint16_t>(std::min<std::size_t>(facts.actions.size(), 4096)),
                      traits_of(facts)};
  std::string text(reinterpret_cast<const char*>(&prefix), sizeof prefix);
  text.append(facts.module, facts.module.size() - kept);
  for (std::size_t i = 0; i < prefix.actions; ++i) {
    for (const std::string& word : {facts.actions[i].first, facts.actions[i].second}) {
      const std::size_t length = std::min(word.size(), kLongestText);
      text.push_back(static_cast<char>(length));
      text.append(word, 0, length);
    }
  }
  return text;
}

/// Takes texts off the front of others.
class Decoder {
 public:
  explicit Decoder(std::string_view text) : text_(text) {}

  std::string take(std::size_t length) {
    is_whole_ = is_whole_ && length <= text_.size();
    if (!is_whole_) return {};
    std::string taken{text_.substr(0, length)};
    text_.remove_prefix(length);
    return taken;
  }

  std::string take_counted() {
    const std::string length = take(1);
    return is_whole_ ? take(static_cast<unsigned char>(length[0])) : std::string{};
  }

  [[nodiscard]] bool is_whole() const { return is_whole_; }

  [[nodiscard]] bool is_over() const { return is_whole_ && text_.empty(); }

 private:
  std::string_view text_;
  bool is_whole_ = true;
};

std::optional<TypeFacts> decode(std::string_view text) {
  Decoder decoder{text};
  const std::string head = decoder.take(sizeof(Prefix));
  if (!decoder.is_whole()) return std::nullopt;
  Prefix prefix;
  std::memcpy(&prefix, head.data(), sizeof prefix);
  TypeFacts facts;
  facts.state_bytes = prefix.state_bytes;
  facts.state_version = prefix.state_version;
  facts.can_describe = (prefix.traits & kDescribes) != 0;
  facts.is_serialized = (prefix.traits & kIsSerialized) != 0;
  facts.is_durable = (prefix.traits & kIsTransient) == 0;
  facts.module = decoder.take(prefix.module_length);
  for (std::uint16_t i = 0; i < prefix.actions && decoder.is_whole(); ++i) {
    std::string name = decoder.take_counted();
    facts.actions.emplace_back(std::move(name), decoder.take_counted());
  }
  if (!decoder.is_over() || (prefix.traits & ~kTraits) != 0) return std::nullopt;
  return facts;
}

}  // namespace

std::optional<std::string_view> TypeTable::text_of(std::uint64_t info) const noexcept {
  const std::uint64_t offset = info >> 32U;
  const std::uint64_t length = info & 0xFFFFFFFFU;
  if (length == 0 || offset > facts_.size() || length > facts_.size() - offset) {
    return std::nullopt;
  }
  return std::string_view{reinterpret_cast<const char*>(facts_.data()) + offset, length};
}

// From the front: the table is small, and looked at when a worker starts or a tool lists it.
TypeTable::Slot* TypeTable::slot_of(Symbol name) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(name);
  for (Slot& slot : header_->slots) {
    std::uint64_t found = slot.name.load(std::memory_order_acquire);
    if (found == 0 && slot.name.compare_exchange_strong(found, wanted, std::memory_order_acq_rel)) {
      return &slot;
    }
    if (found == wanted) return &slot;
  }
  return nullptr;
}

Result<> TypeTable::publish(Symbol name, const TypeFacts& facts) const {
  Slot* slot = slot_of(name);
  if (slot == nullptr) return fail(Errc::symbols_full);
  const std::string text = encode(facts);
  std::uint64_t info = slot->info.load(std::memory_order_acquire);  // FACTS
  if (text_of(info) == text) return {};
  if (header_->used.load(std::memory_order_relaxed) + text.size() > facts_.size()) {
    return fail(Errc::symbols_full);
  }
  const std::uint64_t offset = header_->used.fetch_add(text.size(), std::memory_order_relaxed);
  if (offset > facts_.size() || text.size() > facts_.size() - offset) {
    return fail(Errc::symbols_full);
  }
  std::memcpy(facts_.data() + offset, text.data(), text.size());
  const std::uint64_t next = offset << 32U | text.size();
  while (!slot->info.compare_exchange_strong(info, next, std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {  // FACTS
    if (text_of(info) == text) return {};  // another worker was faster, with the same
  }
  return {};
}

// Slots are taken from the front on and never given back.
std::optional<std::uint32_t> TypeTable::find(Symbol name) const noexcept {
  for (std::uint32_t index = 0; index < kSlots && name != Symbol::none; ++index) {
    const Symbol found = this->name(index);
    if (found == name) return index;
    if (found == Symbol::none) break;
  }
  return std::nullopt;
}

Symbol TypeTable::name(std::uint32_t index) const noexcept {
  return static_cast<Symbol>(header_->slots[index].name.load(std::memory_order_acquire));
}

bool TypeTable::has_facts(std::uint32_t index) const noexcept {
  return header_->slots[index].info.load(std::memory_order_acquire) != 0;
}

std::optional<TypeFacts> TypeTable::facts(std::uint32_t index) const {
  const auto text = text_of(header_->slots[index].info.load(std::memory_order_acquire));  // FACTS
  if (!text) return std::nullopt;
  return decode(*text);
}

}  // namespace mabeam::shm
