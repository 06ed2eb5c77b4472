// Symbols: the same id for the same text, for everyone and for ever; full and damaged tables.
#include "shm/symbols.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>

namespace mabeam::shm {
namespace {

constexpr std::uint32_t kSlots = 256;
constexpr std::uint32_t kTextBytes = 4096;

class SymbolsTest : public ::testing::Test {
 protected:
  [[nodiscard]] Symbols table() const { return {memory_.span(), kSlots}; }

  [[nodiscard]] SymbolsHeader& header() const {
    return *reinterpret_cast<SymbolsHeader*>(memory_.span().data());
  }

  [[nodiscard]] Word& slot(std::uint32_t index) const {
    return reinterpret_cast<Word*>(memory_.at(sizeof(SymbolsHeader)))[index];
  }

  Memory memory_{Symbols::bytes_for(kSlots, kTextBytes)};
};

TEST_F(SymbolsTest, TheSameTextHasTheSameId) {
  Symbols symbols = table();
  const Symbol first = symbols.intern("pkg.libs").value();
  EXPECT_EQ(symbols.intern("pkg.libs").value(), first);
  EXPECT_EQ(table().find("pkg.libs"), first);
  EXPECT_EQ(symbols.text(first), "pkg.libs");
  EXPECT_EQ(symbols.count(), 1U);
}

TEST_F(SymbolsTest, DifferentTextsHaveDifferentIds) {
  Symbols symbols = table();
  std::map<Symbol, std::string> made;
  for (int i = 0; i < 150; ++i) {
    const std::string text = "topic." + std::to_string(i);
    EXPECT_TRUE(made.emplace(symbols.intern(text).value(), text).second);
  }
  for (const auto& [symbol, text] : made)
    EXPECT_EQ(symbols.text(symbol), text);
  EXPECT_EQ(symbols.count(), 150U);
  EXPECT_EQ(symbols.damaged(), 0U);
}

TEST_F(SymbolsTest, IdsBeginBehindTheContents) {
  Symbols symbols = table();
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(static_cast<std::uint32_t>(symbols.intern(std::to_string(i)).value()), kFirstSymbol);
  }
}

TEST_F(SymbolsTest, OneTo255BytesAreTaken) {
  Symbols symbols = table();
  EXPECT_EQ(symbols.intern("").error().code, Errc::invalid_argument);
  EXPECT_EQ(symbols.intern(std::string(256, 'x')).error().code, Errc::invalid_argument);
  const std::string longest(255, 'x');
  EXPECT_EQ(symbols.text(symbols.intern(longest).value()), longest);
  EXPECT_EQ(symbols.find(""), Symbol::none);
  EXPECT_EQ(symbols.find(std::string(256, 'x')), Symbol::none);
}

TEST_F(SymbolsTest, AnUnknownTextHasNoId) {
  EXPECT_EQ(table().find("nobody"), Symbol::none);
  EXPECT_EQ(table().text(Symbol::none), "");
  EXPECT_EQ(table().text(static_cast<Symbol>(kFirstSymbol)), "");
  EXPECT_EQ(table().text(static_cast<Symbol>(0xFFFFFFFF)), "");
  EXPECT_EQ(table().text(static_cast<Symbol>(kFirstSymbol + kSlots)), "");
}

TEST_F(SymbolsTest, TheTextRunsOut) {
  Symbols symbols = table();
  const auto long_text = [](int number) {
    std::string text = std::to_string(number);
    text.resize(200, 'a');
    return text;
  };
  int made = 0;
  while (symbols.intern(long_text(made)))
    ++made;
  EXPECT_GE(made, 19);
  EXPECT_EQ(symbols.intern(std::string(250, 'b')).error().code, Errc::symbols_full);
  EXPECT_TRUE(symbols.intern(long_text(0)));  // one that is there still is
  EXPECT_TRUE(symbols.intern("x"));           // and a short one may still fit
}

TEST_F(SymbolsTest, TheSlotsRunOut) {
  Symbols symbols = table();
  std::set<Symbol> made;
  for (int i = 0; i < 1000; ++i) {
    const auto symbol = symbols.intern(std::to_string(i));
    if (!symbol) {
      EXPECT_EQ(symbol.error().code, Errc::symbols_full);
      break;
    }
    made.insert(*symbol);
  }
  EXPECT_GE(made.size(), kSlots / 8 * 7);
  EXPECT_LE(made.size(), kSlots);
  EXPECT_EQ(symbols.find("not there"), Symbol::none);
}

// Who dies between the text and the slot leaks the bytes, and the name can still be made.
TEST_F(SymbolsTest, DeathBeforeThePublishBlocksNobody) {
  header().text_used.fetch_add(8);
  Symbols symbols = table();
  EXPECT_EQ(symbols.text(symbols.intern("jobs.new").value()), "jobs.new");
}

TEST_F(SymbolsTest, DamagedSlotsNeverLeadOutOfTheText) {
  Symbols symbols = table();
  const Symbol symbol = symbols.intern("damaged").value();
  const std::uint32_t index = static_cast<std::uint32_t>(symbol) - kFirstSymbol;
  const std::uint64_t good = slot(index).load();
  for (unsigned bit = 0; bit < 64; ++bit) {
    slot(index).store(good ^ (std::uint64_t{1} << bit));
    const std::string_view text = symbols.text(symbol);
    if (!text.empty()) {
      EXPECT_GE(reinterpret_cast<const std::byte*>(text.data()), memory_.span().data());
      EXPECT_LE(reinterpret_cast<const std::byte*>(text.data() + text.size()),
                memory_.span().data() + memory_.span().size());
    }
    (void)symbols.find("damaged");
    EXPECT_LE(symbols.damaged(), 1U);
    if (bit < 24) {
      EXPECT_EQ(symbols.damaged(), 1U) << bit;
    }
  }
  slot(index).store(~std::uint64_t{0});
  EXPECT_EQ(symbols.text(symbol), "");
}

TEST_F(SymbolsTest, ATextCounterThatPassedItsEndIsFull) {
  header().text_used.store(~std::uint64_t{0} - 3);
  Symbols symbols = table();
  EXPECT_EQ(symbols.intern("x").error().code, Errc::symbols_full);
  EXPECT_EQ(symbols.text_used(), symbols.text_bytes());
}

TEST_F(SymbolsTest, ThreadsThatInternTheSameTextsAgree) {
  constexpr int kThreads = 4;
  std::vector<std::vector<Symbol>> made(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Symbols symbols = table();
      for (int i = 0; i < 150; ++i) {
        made[static_cast<std::size_t>(t)].push_back(
            symbols.intern("t" + std::to_string(i)).value_or(Symbol::none));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (const auto& one : made)
    EXPECT_EQ(one, made[0]);
  EXPECT_EQ(std::set<Symbol>(made[0].begin(), made[0].end()).size(), 150U);
  EXPECT_EQ(table().count(), 150U);
}

// The index of names and placement are built on it: it may never change.
TEST(HashName, IsStable) {
  EXPECT_EQ(hash_name(""), 4808886099364463827U);
  EXPECT_EQ(hash_name("jobs"), 7651852288115180018U);
  EXPECT_EQ(hash_name("counter"), 1167446671992193719U);
}

}  // namespace
}  // namespace mabeam::shm
