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
  wanted.runtime.workers = 7;
  wanted.worker.nice = 4;
  const ReloadPlan plan = plan_reload({}, wanted);
  EXPECT_THAT(plan.changed, IsEmpty());
  EXPECT_THAT(plan.not_changed, ElementsAre("runtime.workers", "runtime.clients", "worker.nice"));
  EXPECT_EQ(plan.config.runtime.clients, 8U);
  EXPECT_EQ(plan.config.worker.nice, 0);
}

}  // namespace
}  // namespace mabeam::supervisor
