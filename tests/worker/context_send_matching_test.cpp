// One signal to all agents that a filter matches.
#include "mabeam/observer.hpp"
#include "mabeam/testing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using mabeam::AgentFilter;
using mabeam::AgentId;
using mabeam::Errc;
using mabeam::testing::TestShard;

/// Tells all that match a name, a type or a capability, as its signal's name says.
struct Herald {
  static constexpr mabeam::AgentType type{.name = "herald"};

  struct State {
    std::uint64_t receivers = 0;
  };

  mabeam::Result<> on_signal(mabeam::Context& context, State& state,
                             const mabeam::Signal& signal) const {
    AgentFilter filter;
    if (signal.name() == "by_name") filter.name = signal.payload().text();
    if (signal.name() == "by_type") filter.type = signal.payload().text();
    if (signal.name() == "by_capability") filter.capability = signal.payload().text();
    if (signal.name() == "news") return {};
    const auto told = context.send_matching(filter, "news", 1);
    if (!told) return fail(told.error());
    state.receivers = *told;
    return signal.name() == "fail" ? mabeam::fail(Errc::invalid_argument) : mabeam::Result<>{};
  }
};

struct Reader {
  static constexpr mabeam::AgentType type{.name = "reader"};

  struct State {
    std::int64_t news = 0;
  };

  mabeam::Result<> on_signal(mabeam::Context&, State& state, const mabeam::Signal&) const {
    ++state.news;
    return {};
  }
};

class SendMatching : public ::testing::Test {
 protected:
  AgentId reader(std::string_view name, std::string_view capability) {
    const std::array<std::string_view, 1> capabilities{capability};
    return shard_.create("reader", {.name = name, .capabilities = capabilities}).value();
  }

  std::uint64_t tell(const std::string& how, const std::string& whom) {
    shard_.send(herald_, how, std::string_view{whom});
    shard_.run();
    return shard_.state<Herald>(herald_).receivers;
  }

  [[nodiscard]] std::array<std::int64_t, 3> news() const {
    return {shard_.state<Reader>(fast_).news, shard_.state<Reader>(slow_).news,
            shard_.state<Reader>(other_).news};
  }

  TestShard shard_{mabeam::kTypes<Herald, Reader>};
  AgentId herald_ = shard_.create("herald").value();
  AgentId fast_ = reader("jobs-fast", "fast");
  AgentId slow_ = reader("jobs-slow", "slow");
  AgentId other_ = reader("other", "fast");
};

using News = std::array<std::int64_t, 3>;

TEST_F(SendMatching, TellsThoseOfThatNameTypeOrCapabilityAndSaysHowMany) {
  EXPECT_EQ(tell("by_name", "jobs-*"), 2U);
  EXPECT_EQ(news(), (News{1, 1, 0}));
  EXPECT_EQ(tell("by_capability", "fast"), 2U);
  EXPECT_EQ(news(), (News{2, 1, 1}));
  EXPECT_EQ(tell("by_type", "reader"), 3U);
  EXPECT_EQ(news(), (News{3, 2, 2}));
  EXPECT_EQ(tell("by_name", "nobody*"), 0U);
  EXPECT_EQ(news(), (News{3, 2, 2}));
}

TEST_F(SendMatching, TellsEverybodyWithoutAFilterItselfToo) {
  EXPECT_EQ(tell("all", ""), 4U);
  EXPECT_EQ(news(), (News{1, 1, 1}));
}

TEST_F(SendMatching, TellsNobodyWhenItsHandlerFails) {
  EXPECT_EQ(tell("fail", ""), 0U);
  EXPECT_EQ(news(), (News{0, 0, 0}));
}

TEST_F(SendMatching, LeavesOutWhoHasEnded) {
  ASSERT_TRUE(shard_.stop(slow_));
  EXPECT_EQ(tell("by_name", "jobs-*"), 1U);
}

}  // namespace
