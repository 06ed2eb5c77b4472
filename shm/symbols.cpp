#include "shm/symbols.hpp"

#include <algorithm>
#include <cstring>

namespace mabeam::shm {
namespace {

constexpr std::uint32_t kTagMask = 0xFFFFFF;

std::uint64_t pack(std::uint64_t offset, std::size_t length, std::uint64_t hash) {
  return offset << 32U | std::uint64_t{length} << 24U | (hash & kTagMask);
}

}  // namespace

Symbols::Symbols(std::span<std::byte> region, std::uint32_t slots)
    : header_(reinterpret_cast<SymbolsHeader*>(region.data())),
      slots_(reinterpret_cast<Word*>(region.data() + sizeof(SymbolsHeader))),
      mask_(slots - 1) {
  const std::size_t before = sizeof(SymbolsHeader) + slots * sizeof(Word);
  text_ = {reinterpret_cast<char*>(region.data() + before), region.size() - before};
}

std::string_view Symbols::text_of(std::uint64_t word) const noexcept {
  const std::uint64_t offset = word >> 32U;
  const std::uint64_t length = (word >> 24U) & 0xFFU;
  if (offset > text_.size() || length > text_.size() - offset) return {};
  return {text_.data() + offset, length};
}

Symbols::Probe Symbols::probe(std::string_view text, std::uint64_t hash) const noexcept {
  // A new name is refused where it would lie too far from its hash: then the table is full.
  const std::uint32_t limit = mask_ + 1;
  for (std::uint32_t step = 0; step < limit; ++step) {
    const auto index = static_cast<std::uint32_t>((hash + step) & mask_);
    const std::uint64_t word = slots_[index].load(std::memory_order_acquire);  // NAME
    if (word == 0) return {index, false, step < limit / 8 * 7};
    if ((word & kTagMask) == (hash & kTagMask) && text_of(word) == text) return {index, true, true};
  }
  return {};
}

Symbol Symbols::find(std::string_view text) const noexcept {
  if (text.empty() || text.size() > 255) return Symbol::none;
  const Probe slot = probe(text, hash_name(text));
  return slot.found ? static_cast<Symbol>(kFirstSymbol + slot.index) : Symbol::none;
}

Result<Symbol> Symbols::intern(std::string_view text) noexcept {
  if (text.empty() || text.size() > 255) return fail(Argument::symbol);
  const std::uint64_t hash = hash_name(text);
  Probe slot = probe(text, hash);
  if (slot.found) return static_cast<Symbol>(kFirstSymbol + slot.index);
  if (!slot.has_room) return fail(Errc::symbols_full);
  // Not by their sum: where damage has put it near the end of numbers, that begins anew at 0.
  if (text.size() > text_.size() - text_used()) return fail(Errc::symbols_full);
  const std::uint64_t offset = header_->text_used.fetch_add(text.size(), std::memory_order_relaxed);
  if (offset > text_.size() || text.size() > text_.size() - offset) {
    return fail(Errc::symbols_full);
  }
  std::memcpy(text_.data() + offset, text.data(), text.size());
  const std::uint64_t word = pack(offset, text.size(), hash);
  while (slot.has_room) {
    std::uint64_t expected = 0;
    if (slots_[slot.index].compare_exchange_strong(expected, word, std::memory_order_release,
                                                   std::memory_order_acquire)) {  // NAME
      return static_cast<Symbol>(kFirstSymbol + slot.index);
    }
    slot = probe(text, hash);  // somebody took the slot: with this text, or with another
    if (slot.found) return static_cast<Symbol>(kFirstSymbol + slot.index);
  }
  return fail(Errc::symbols_full);
}

std::string_view Symbols::text(Symbol symbol) const noexcept {
  const std::uint32_t index = static_cast<std::uint32_t>(symbol) - kFirstSymbol;
  if (index > mask_) return {};
  const std::uint64_t word = slots_[index].load(std::memory_order_acquire);  // NAME
  return word == 0 ? std::string_view{} : text_of(word);
}

std::uint64_t Symbols::text_used() const noexcept {
  return std::min<std::uint64_t>(header_->text_used.load(std::memory_order_relaxed), text_.size());
}

std::uint32_t Symbols::count() const noexcept {
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i <= mask_; ++i) {
    taken += slots_[i].load(std::memory_order_relaxed) != 0 ? 1U : 0U;
  }
  return taken;
}

std::uint32_t Symbols::damaged() const noexcept {
  std::uint32_t bad = 0;
  for (std::uint32_t i = 0; i <= mask_; ++i) {
    const std::uint64_t word = slots_[i].load(std::memory_order_acquire);
    if (word == 0) continue;
    const std::string_view text = text_of(word);
    bad += text.empty() || (hash_name(text) & kTagMask) != (word & kTagMask) ? 1U : 0U;
  }
  return bad;
}

}  // namespace mabeam::shm
