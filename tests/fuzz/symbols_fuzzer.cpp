// The symbol table: a region of any bytes, in which names are looked up and made. No access leaves
// the region, what is found is what was asked for, and no new name changes one that was there.
//
//   input: how many slots, the place where text goes on, the number of slot words that follow
//   (8 bytes each), a text for the text region, then names
#include "shm/symbols.hpp"
#include "tests/fuzz/fuzzer.hpp"
#include "tests/shm/shm_support.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace mabeam;

constexpr std::uint32_t kTextBytes = 64;

class Table {
 public:
  explicit Table(fuzz::Input& input)
      : slots_(1U << (input.byte() % 5U)),
        memory_(shm::Symbols::bytes_for(slots_, kTextBytes)),
        symbols_(memory_.span(), slots_) {
    reinterpret_cast<shm::SymbolsHeader*>(memory_.at(0))->text_used.store(input.position());
    const std::size_t words = std::min<std::size_t>(input.byte(), slots_) * sizeof(shm::Word);
    put(sizeof(shm::SymbolsHeader), input.bytes(words));
    const std::string_view text = input.text().substr(0, kTextBytes);
    put(sizeof(shm::SymbolsHeader) + slots_ * sizeof(shm::Word),
        std::as_bytes(std::span{text.data(), text.size()}));
    is_sound_ = is_text_below_the_end();
  }

  void use(std::string_view name) {
    const std::vector<std::string> before = texts();
    const Symbol found = symbols_.find(name);
    if (found != Symbol::none) fuzz::require(symbols_.text(found) == name, "another name is found");
    const Result<Symbol> made = symbols_.intern(name);
    if (made) {
      fuzz::require(symbols_.text(*made) == name, "the name is not what was interned");
      fuzz::require(found == Symbol::none || *made == found, "a name has two symbols");
    } else {
      fuzz::require(found == Symbol::none, "a name that is there is refused");
    }
    const std::vector<std::string> after = texts();
    for (std::uint32_t i = 0; i < slots_; ++i)
      fuzz::require(!is_sound_ || before[i].empty() || after[i] == before[i], "a name has changed");
  }

  void look() const {
    fuzz::require(symbols_.damaged() <= symbols_.count() && symbols_.count() <= slots_,
                  "more symbols than slots");
    fuzz::require(symbols_.text_used() <= symbols_.text_bytes(), "more text than room");
  }

 private:
  void put(std::size_t offset, std::span<const std::byte> bytes) {
    std::copy(bytes.begin(), bytes.end(), memory_.at(offset));
  }

  /// Else a new name's text goes where another's is: nobody can tell.
  [[nodiscard]] bool is_text_below_the_end() const {
    const auto* header = reinterpret_cast<const shm::SymbolsHeader*>(memory_.at(0));
    const char* end = reinterpret_cast<const char*>(memory_.at(0)) + sizeof(shm::SymbolsHeader) +
                      slots_ * sizeof(shm::Word);
    for (std::uint32_t i = 0; i < slots_; ++i) {
      const std::string_view text = symbols_.text(static_cast<Symbol>(shm::kFirstSymbol + i));
      const auto used = text.empty() ? 0 : text.data() + text.size() - end;
      if (static_cast<std::uint64_t>(used) > header->text_used.load()) return false;
    }
    return true;
  }

  /// Of every id that there can be, and of some that there cannot.
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (std::uint32_t i = 0; i < slots_; ++i)
      all.emplace_back(symbols_.text(static_cast<Symbol>(shm::kFirstSymbol + i)));
    for (const std::uint32_t id : {0U, shm::kFirstSymbol - 1, shm::kFirstSymbol + slots_, ~0U})
      fuzz::require(symbols_.text(static_cast<Symbol>(id)).empty(), "a symbol out of range");
    return all;
  }

  std::uint32_t slots_;
  shm::Memory memory_;
  shm::Symbols symbols_;
  bool is_sound_ = false;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  Table table{input};
  table.look();
  for (int names = 0; names < 16 && !input.is_over(); ++names) {
    // A copy of its own size: the table must not read beyond it.
    const std::string name{input.text()};
    table.use(name);
    table.look();
  }
  return 0;
}
