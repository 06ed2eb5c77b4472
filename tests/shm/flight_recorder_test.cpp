#include "shm/flight_recorder.hpp"

#include "shm/repeats.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace mabeam::shm {
namespace {

constexpr std::size_t kFacts = 16;

class FlightRecorderTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::span<std::byte> region() { return bytes_; }

  void write(std::uint64_t number) {
    FlightRecorder{region()}.write(FactLevel::info, "fact", std::array{LogField{"n", number}});
  }

  static std::uint64_t number_in(const FactView& fact) {
    return std::get<std::uint64_t>(fact.fields.at(0).value);
  }

 private:
  alignas(128) std::array<std::byte, FactSlots::bytes_for(kFacts)> bytes_{};
};

TEST_F(FlightRecorderTest, RecordHoldsTextFieldsTimesAndAuthor) {
  FlightRecorder{region(), 7}.write(
      FactLevel::warn, "worker died",
      std::array{LogField{"worker", 2U}, LogField{"code", -1}, LogField{"ms", 3.14159},
                 LogField{"cause", "signal SIGSEGV"}, LogField{"empty", ""}});
  const FactList list = read_facts(region());
  ASSERT_EQ(list.facts.size(), 1U);
  const FactView& fact = list.facts[0];
  EXPECT_EQ(fact.text, "worker died");
  EXPECT_EQ(fact.level, FactLevel::warn);
  EXPECT_EQ(fact.written_by, 7U);
  EXPECT_EQ(fact.pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_GT(fact.unix_ns, fact.monotonic_ns);
  EXPECT_FALSE(fact.is_cut);
  EXPECT_EQ(fact.worker(), 2U);
  ASSERT_EQ(fact.fields.size(), 5U);
  EXPECT_EQ(std::get<std::int64_t>(fact.fields[1].value), -1);
  EXPECT_EQ(std::get<double>(fact.fields[2].value), 3.1);
  EXPECT_EQ(std::get<std::string>(fact.fields[3].value), "signal SIGSEGV");
  EXPECT_EQ(std::get<std::string>(fact.fields[4].value), "");
}

TEST_F(FlightRecorderTest, WhatDoesNotFitIsCutAndSaysSo) {
  const std::string text(100'000, 'x');
  FlightRecorder{region()}.write(
      FactLevel::info, text,
      std::array{LogField{"a", text}, LogField{"b", text}, LogField{"c", 1U}});
  const FactView fact = read_facts(region()).facts.at(0);
  EXPECT_TRUE(fact.is_cut);
  EXPECT_EQ(fact.text, text.substr(0, fact.text.size()));
  EXPECT_GT(fact.text.size(), 100U);
  EXPECT_GT(std::get<std::string>(fact.fields.at(0).value).size(), 100U);
}

TEST_F(FlightRecorderTest, NewestAreKeptInOrder) {
  for (std::uint64_t i = 0; i < 40; ++i)
    write(i);
  const FactList list = read_facts(region());
  ASSERT_EQ(list.facts.size(), kFacts);
  EXPECT_EQ(list.begun, 40U);
  for (std::uint64_t i = 0; i < kFacts; ++i) {
    EXPECT_EQ(list.facts[i].number, 40 - kFacts + i);
    EXPECT_EQ(number_in(list.facts[i]), 40 - kFacts + i);
  }
}

// Whoever was killed between taking its number and sealing its record.
TEST_F(FlightRecorderTest, DeadWriterCostsOneRecordAndNoOther) {
  write(0);
  (void)FactSlots{region()}.begin();
  write(2);
  const FactList list = read_facts(region());
  ASSERT_EQ(list.facts.size(), 2U);
  EXPECT_EQ(number_in(list.facts[1]), 2U);
  EXPECT_EQ(list.torn, 1U);
  EXPECT_EQ(list.damaged, 0U);
}

TEST_F(FlightRecorderTest, EveryFlippedBitOfARecordIsNoticed) {
  write(1);
  const std::span<std::byte> slot = region().subspan(kLinePair, kFactBytes);
  for (std::size_t bit = 0; bit < slot.size() * 8; ++bit) {
    slot[bit / 8] ^= std::byte{1} << bit % 8;
    const FactList list = read_facts(region());
    EXPECT_TRUE(list.facts.empty()) << bit;
    EXPECT_EQ(list.damaged + list.torn, 1U) << bit;
    slot[bit / 8] ^= std::byte{1} << bit % 8;
  }
  EXPECT_EQ(read_facts(region()).facts.size(), 1U);
}

// A hostile writer's, with the right checksum.
TEST_F(FlightRecorderTest, BodyOfAnyBytesIsReadWithinItsBounds) {
  FactSlots slots{region()};
  for (std::uint64_t seed = 1; seed < 2000; ++seed) {
    FactSlots::Record record{};
    std::uint64_t word = seed;
    for (std::uint64_t& each : record)
      each = word = word * 0x9E3779B97F4A7C15 + seed;
    record[2] &= ~std::uint64_t{0xFF00000000};
    record[3] = seed % (kFactBodyBytes + 2);
    record[4] &= ~std::uint64_t{0xFFFF};  // an empty text, so that fields are looked at
    slots.write(0, record);
    const FactList list = read_facts(region());
    EXPECT_EQ(list.facts.size() + list.damaged, 1U);
  }
}

TEST_F(FlightRecorderTest, NumbersGoOnBehindTheLastWhateverTheRegionSays) {
  for (std::uint64_t i = 0; i < 20; ++i)
    write(i);
  std::memset(region().data(), 0, 8);
  FactSlots{region()}.mend();
  write(20);
  EXPECT_EQ(number_in(read_facts(region()).facts.back()), 20U);
}

// 2^61 gives out 0 again, and all ones the largest number of all, once.
TEST_F(FlightRecorderTest, CounterThatCannotBeMakesNoRecordLookOld) {
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  for (const std::uint64_t damage : {std::uint64_t{1} << 61U, std::uint64_t{1} << 60U, kOnes}) {
    for (const bool is_mended : {false, true}) {
      std::memset(region().data(), 0, region().size());
      for (std::uint64_t i = 0; i < 20; ++i)
        write(i);
      std::memcpy(region().data(), &damage, sizeof damage);
      if (is_mended) FactSlots{region()}.mend();
      for (std::uint64_t i = 20; i < 24; ++i)
        write(i);
      std::uint64_t kept = 0;
      const FactList list = read_facts(region());
      for (const FactView& fact : list.facts)
        kept += number_in(fact) >= 20 ? 1U : 0U;
      EXPECT_EQ(kept, 4U) << damage;
      EXPECT_EQ(list.facts.size(), kFacts) << damage;
      EXPECT_TRUE(!is_mended || list.facts.back().number == 23U) << damage;
    }
  }
}

// What was written while the counter was damaged does not keep the damage.
TEST_F(FlightRecorderTest, RecordOfADamagedCounterIsNotTheLast) {
  for (std::uint64_t i = 0; i < 20; ++i)
    write(i);
  std::memset(region().data(), 0xFF, 8);
  write(20);
  FactSlots{region()}.mend();
  EXPECT_EQ(FactSlots{region()}.begun(), 20U);
}

TEST_F(FlightRecorderTest, SeveralWritersLoseNothing) {
  std::vector<std::thread> writers;
  for (std::uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([this, writer] {
      for (std::uint64_t i = 0; i < 4; ++i)
        write(writer * 4 + i);
    });
  }
  for (std::thread& writer : writers)
    writer.join();
  const FactList list = read_facts(region());
  EXPECT_EQ(list.facts.size(), 16U);
  EXPECT_EQ(list.torn + list.damaged, 0U);
}

TEST(Repeats, TooManyInAPeriodAreCountedAndTold) {
  Repeats repeats;
  int said = 0;
  for (int i = 0; i < 100; ++i)
    said += repeats.admit("silent", 1, i) ? 1 : 0;
  EXPECT_EQ(said, static_cast<int>(Repeats::kMostInPeriod));
  EXPECT_TRUE(repeats.admit("silent", 2, 100)) << "another worker";
  EXPECT_FALSE(repeats.take_due(Repeats::kPeriodNs - 1));
  const auto due = repeats.take_due(Repeats::kPeriodNs);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->text, "silent");
  EXPECT_EQ(due->about, 1U);
  EXPECT_EQ(due->count, 100 - Repeats::kMostInPeriod);
  EXPECT_FALSE(repeats.take_due(Repeats::kPeriodNs));
  EXPECT_TRUE(repeats.admit("silent", 1, Repeats::kPeriodNs + 1));
}

}  // namespace
}  // namespace mabeam::shm
