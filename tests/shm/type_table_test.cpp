// The table of agent types: entered once, replaced by one word, never trusted.
#include "shm/type_table.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace mabeam::shm {
namespace {

class TypeTableTest : public ::testing::Test {
 protected:
  static Symbol symbol(std::uint32_t number) { return static_cast<Symbol>(16 + number); }

  [[nodiscard]] std::uint64_t used() const {
    return reinterpret_cast<const TypeTable::Header*>(memory_.at(0))->used.load();
  }

  [[nodiscard]] TypeTable::Slot& slot(std::uint32_t index) const {
    return reinterpret_cast<TypeTable::Header*>(memory_.at(0))->slots[index];
  }

  Memory memory_{TypeTable::kBytes};
  TypeTable table_{memory_.span()};
  TypeFacts facts_{.state_bytes = 24,
                   .state_version = 3,
                   .can_describe = true,
                   .module = "/lib/a.so",
                   .actions = {{"get", "answers"}, {"put", ""}}};
};

TEST_F(TypeTableTest, KeepsWhatItIsTold) {
  ASSERT_TRUE(table_.publish(symbol(1), facts_));
  ASSERT_TRUE(table_.publish(symbol(2), {}));
  EXPECT_EQ(table_.name(0), symbol(1));
  EXPECT_EQ(table_.facts(0), facts_);
  EXPECT_EQ(table_.facts(1), TypeFacts{});
  EXPECT_EQ(table_.name(2), Symbol::none);
  EXPECT_FALSE(table_.facts(2));
}

TEST_F(TypeTableTest, TellsHowAStateIsKept) {
  for (const bool is_serialized : {false, true}) {
    for (const bool is_durable : {false, true}) {
      facts_.is_serialized = is_serialized;
      facts_.is_durable = is_durable;
      ASSERT_TRUE(table_.publish(symbol(1), facts_));
      EXPECT_EQ(table_.facts(0), facts_);
    }
  }
}

TEST_F(TypeTableTest, WhatEveryWorkerTellsAlikeIsThereOnce) {
  ASSERT_TRUE(table_.publish(symbol(1), facts_));
  const std::uint64_t before = used();
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(table_.publish(symbol(1), facts_));
  EXPECT_EQ(used(), before);
  EXPECT_EQ(table_.name(1), Symbol::none);
}

TEST_F(TypeTableTest, ReloadedTypeReplacesWhatWasTold) {
  ASSERT_TRUE(table_.publish(symbol(1), facts_));
  facts_.state_version = 4;
  ASSERT_TRUE(table_.publish(symbol(1), facts_));
  EXPECT_EQ(table_.facts(0), facts_);
  EXPECT_EQ(table_.name(1), Symbol::none);
}

TEST_F(TypeTableTest, FullTableRefusesAndKeepsWhatItHas) {
  for (std::uint32_t i = 0; i < TypeTable::kSlots; ++i)
    ASSERT_TRUE(table_.publish(symbol(i), {}));
  const auto no_slot = table_.publish(symbol(TypeTable::kSlots), {});
  ASSERT_FALSE(no_slot);
  EXPECT_EQ(no_slot.error().code, Errc::symbols_full);
  TypeFacts large;
  large.actions.assign(300, {std::string(200, 'a'), std::string(200, 'b')});
  EXPECT_FALSE(table_.publish(symbol(0), large));
  EXPECT_EQ(table_.facts(0), TypeFacts{});
}

TEST_F(TypeTableTest, LongTextsAreCut) {
  facts_.module = "/" + std::string(5000, 'd') + "/a.so";
  facts_.actions = {{"get", std::string(300, 'x')}};
  ASSERT_TRUE(table_.publish(symbol(1), facts_));
  const TypeFacts kept = table_.facts(0).value();
  EXPECT_EQ(kept.module.size(), 1024U);
  EXPECT_TRUE(kept.module.ends_with("/a.so"));
  EXPECT_EQ(kept.actions[0].second.size(), 255U);
}

TEST_F(TypeTableTest, WorkersThatStartTogetherAgree) {
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([this] {
      for (std::uint32_t type = 0; type < 50; ++type)
        EXPECT_TRUE(table_.publish(symbol(type), {.state_bytes = type, .state_version = 1}));
    });
  }
  for (std::thread& worker : workers)
    worker.join();
  for (std::uint32_t index = 0; index < 50; ++index) {
    ASSERT_TRUE(table_.facts(index)) << index;
    EXPECT_EQ(symbol(table_.facts(index)->state_bytes), table_.name(index));
  }
  EXPECT_EQ(table_.name(50), Symbol::none);
}

TEST_F(TypeTableTest, DamageIsNothing) {
  ASSERT_TRUE(table_.publish(symbol(1), facts_));
  const std::uint64_t good = slot(0).info.load();
  for (const std::uint64_t bad : {std::uint64_t{1}, ~std::uint64_t{0}, good + 1, good - 1,
                                  good | std::uint64_t{1} << 63U, std::uint64_t{1} << 32U}) {
    slot(0).info.store(bad);
    EXPECT_FALSE(table_.facts(0)) << bad;
  }
  slot(0).info.store(good);
  std::byte* first = memory_.at(sizeof(TypeTable::Header));
  for (std::size_t i = 0; i < 16; ++i) {
    first[i] ^= std::byte{0xFF};
    (void)table_.facts(0);  // returning is the test
    first[i] ^= std::byte{0xFF};
  }
  EXPECT_EQ(table_.facts(0), facts_);
}

}  // namespace
}  // namespace mabeam::shm
