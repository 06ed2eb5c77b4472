#include "supervisor/rollout.hpp"

#include <gtest/gtest.h>

namespace mabeam::supervisor {
namespace {

WorkerConfig settings(const std::string& executable) {
  WorkerConfig config;
  config.executable = executable;
  return config;
}

TEST(Rollout, RestartsOneAfterTheOther) {
  Rollout rollout({0, 1, 3}, settings("old"));
  EXPECT_FALSE(rollout.current());
  EXPECT_EQ(rollout.next(), 0U);
  EXPECT_EQ(rollout.current(), 0U);
  EXPECT_FALSE(rollout.has_old_settings(0)) << "its next incarnation has the new ones";
  EXPECT_TRUE(rollout.has_old_settings(1));
  EXPECT_EQ(rollout.next(), 1U);
  EXPECT_EQ(rollout.next(), 3U);
  EXPECT_FALSE(rollout.next());
  EXPECT_FALSE(rollout.current());
}

TEST(Rollout, GoesBackOverThoseThatHaveTheNewSettings) {
  Rollout rollout({0, 1, 2, 3}, settings("old"));
  rollout.next();
  rollout.next();
  rollout.next();
  rollout.go_back();  // worker 2 has failed; 3 has never had them
  EXPECT_TRUE(rollout.is_going_back());
  EXPECT_EQ(rollout.before().executable, "old");
  EXPECT_EQ(rollout.current(), 2U);
  EXPECT_EQ(rollout.next(), 0U);
  EXPECT_EQ(rollout.next(), 1U);
  EXPECT_FALSE(rollout.next());
}

}  // namespace
}  // namespace mabeam::supervisor
