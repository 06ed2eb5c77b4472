#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"
#include "tools/top/look.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::tools {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::SegmentFiller;
using tests::TestSegment;

TopLook look_with(std::uint64_t sent, std::uint64_t cpu_ns, std::uint32_t pid) {
  TopLook look;
  look.view.stats.messages.sent = sent;
  look.view.runtime.workers = {{.index = 0, .pid = pid}};
  look.cpu_ns = {cpu_ns};
  return look;
}

TEST(Top, RatesAreOfTheIntervalBetweenTwoLooks) {
  const TopLook before = look_with(1000, 1'000'000'000, 7);
  TopLook now = look_with(3000, 2'000'000'000, 7);
  now.at = before.at + 4s;
  TopRates rates = rates_between(before, now);
  EXPECT_EQ(rates.seconds, 4);
  EXPECT_EQ(rates.sent, 500);
  EXPECT_THAT(rates.cpu, ElementsAre(0.25));
  now.view.runtime.workers[0].pid = 8;
  EXPECT_THAT(rates_between(before, now).cpu, ElementsAre(0)) << "of another process";
  now.view.stats.messages.sent = 900;
  EXPECT_EQ(rates_between(before, now).sent, 0);
  now.view.stats.messages.sent = 3000;
  now.view.runtime.created_unix_ns = 1;
  rates = rates_between(before, now);
  EXPECT_EQ(rates.sent, 0) << "of another runtime";
  EXPECT_THAT(rates.cpu, ElementsAre(0));
}

TEST(Top, TellsOfTheRuntimeAndItsWorkers) {
  TestSegment segment;
  SegmentFiller filler{segment.get()};
  filler.fill();
  segment.get().worker(1).restarts.store(3);
  segment.get().header().reloads.last_refused.store(1);
  const auto look = look_at(std::string{segment.name()});
  ASSERT_TRUE(look);
  const std::string text = top_text(*look, rates_between(*look, *look), false);
  EXPECT_THAT(text, StartsWith("runtime " + std::string{segment.name()} + ": running, up "));
  EXPECT_THAT(text,
              HasSubstr(", degraded, 2 workers ready\nsupervisor " + std::to_string(::getpid()) +
                        ", configuration 0000000000000000, "
                        "the last reload failed\n"));
  EXPECT_THAT(text, HasSubstr("WORKER"));
  const Json document = top_document(*look, rates_between(*look, *look));
  EXPECT_EQ(document["workers"][1]["restarts"], 3);
  EXPECT_EQ(document["rates"]["sent_per_second"], 0);
  EXPECT_EQ(document["rates"]["workers"].size(), 2U);
  EXPECT_EQ(look_at("t-nobody").error().exit, Exit::no_runtime);
}

// While another runtime takes the name, again and again.
TEST(Top, OneLookIsOfOneRuntime) {
  shm::Dimensions more_shards = tests::small_dimensions();
  more_shards.shards = 3;
  const TestSegment two;
  const TestSegment three{more_shards};
  const auto path_of = [](const TestSegment& segment) {
    return "/dev/shm/mabeam-" + std::string{segment.name()};
  };
  const auto exchange = [a = path_of(two), b = path_of(three)] {
    return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
  };
  std::atomic<bool> is_over{false};
  std::thread other([&] {
    while (!is_over)
      EXPECT_TRUE(exchange() && exchange());
  });
  int changes = 0;
  std::size_t before = 0;
  for (int looks = 0; looks < 5000 && changes < 100; ++looks) {
    const auto look = look_at(std::string{two.name()});
    EXPECT_TRUE(look && look->shards.size() == look->view.runtime.shards);
    changes += look && look->shards.size() != before ? 1 : 0;
    before = look ? look->shards.size() : 0;
  }
  is_over = true;
  other.join();
  EXPECT_GT(changes, 2) << "it never was another";
}

}  // namespace
}  // namespace mabeam::tools
