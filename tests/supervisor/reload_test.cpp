#include "supervisor/reload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Reload, EqualConfigurationsChangeNothing) {
  const ReloadPlan plan = plan_reload({}, {});
  EXPECT_THAT(plan.changed, IsEmpty());
  EXPECT_THAT(plan.not_changed, IsEmpty());
}

TEST(Reload, TunablesAreTaken) {
  Config wanted;
  wanted.worker.stall_timeout = 3s;
  wanted.log.level = LogLevel::debug;
  const ReloadPlan plan = plan_reload({}, wanted);
  EXPECT_THAT(plan.changed, ElementsAre("worker.stall_timeout", "log.level"));
  EXPECT_EQ(plan.config.worker.stall_timeout, 3s);
  EXPECT_EQ(plan.config.log.level, LogLevel::debug);
}

TEST(Reload, LayoutKeysKeepTheirValueAndAreNamed) {
  Config wanted;
  wanted.runtime.clients = 3;
  wanted.runtime.shards = 7;
  const ReloadPlan plan = plan_reload({}, wanted);
  EXPECT_THAT(plan.changed, IsEmpty());
  EXPECT_THAT(plan.not_changed, ElementsAre("runtime.shards", "runtime.clients"));
  EXPECT_EQ(plan.config.runtime.clients, 8U);
  EXPECT_FALSE(plan.config.runtime.shards);
}

TEST(Reload, RollingKeysAreTakenAndNamedApart) {
  Config wanted;
  wanted.worker.nice = 4;
  wanted.worker.modules = {"/lib/agents.so"};
  wanted.runtime.workers = 7;
  const ReloadPlan plan = plan_reload({}, wanted);
  EXPECT_THAT(plan.rolling, ElementsAre("worker.modules", "worker.nice"));
  EXPECT_THAT(plan.changed, ElementsAre("runtime.workers"));
  EXPECT_EQ(plan.config.worker.nice, 4);
}

TEST(Reload, WhatWorkersStartWithIsPutBackAlone) {
  Config config;
  config.worker.nice = 4;
  config.worker.cpus = {1};
  config.worker.stall_timeout = 3s;
  restore_rolling(WorkerConfig{}, config);
  EXPECT_EQ(config.worker.nice, 0);
  EXPECT_THAT(config.worker.cpus, IsEmpty());
  EXPECT_EQ(config.worker.stall_timeout, 3s);
}

}  // namespace
}  // namespace mabeam::supervisor
