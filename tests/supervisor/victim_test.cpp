#include "supervisor/limits/victim.hpp"

#include "supervisor/limits/watermark.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace mabeam::supervisor {
namespace {

constexpr std::uint64_t kMebibyte = 1U << 20U;

std::optional<std::uint32_t> choose(const std::vector<MemoryUser>& users) {
  return choose_victim(users);
}

TEST(Victim, FurthestOverItsSoftLimitComesFirst) {
  EXPECT_EQ(choose({{.worker = 0, .used = 90 * kMebibyte, .soft = 80 * kMebibyte},
                    {.worker = 1, .used = 60 * kMebibyte, .soft = 40 * kMebibyte},
                    {.worker = 2, .used = 200 * kMebibyte, .soft = 300 * kMebibyte}}),
            1U);
}

TEST(Victim, LargestWhereNoneIsOverItsSoftLimit) {
  EXPECT_EQ(choose({{.worker = 0, .used = 10 * kMebibyte}, {.worker = 1, .used = 30 * kMebibyte}}),
            1U);
}

TEST(Victim, NewestAmongEquals) {
  EXPECT_EQ(choose({{.worker = 0, .used = 30 * kMebibyte, .started_ns = 5},
                    {.worker = 1, .used = 30 * kMebibyte + 4096, .started_ns = 9},
                    {.worker = 2, .used = 30 * kMebibyte + 8192, .started_ns = 7}}),
            1U);
}

TEST(Victim, NobodyIsNone) {
  EXPECT_FALSE(choose({}));
}

TEST(Watermark, IsOverFromTheLimitOnUntilAnEighthIsFree) {
  Watermark mark;
  EXPECT_FALSE(mark.look(79, 80));
  EXPECT_TRUE(mark.look(80, 80));
  EXPECT_TRUE(mark.look(71, 80));
  EXPECT_TRUE(mark.look(70, 80));
  EXPECT_FALSE(mark.look(69, 80));
  EXPECT_FALSE(mark.look(79, 80));
}

TEST(Watermark, WithoutALimitNothingIsOver) {
  Watermark mark;
  EXPECT_TRUE(mark.look(80, 80));
  EXPECT_FALSE(mark.look(80, 0));
}

}  // namespace
}  // namespace mabeam::supervisor
