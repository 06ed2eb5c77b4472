// The test kit, with states that are more than a plain struct.
#include "tests/support/sanitizers.hpp"

#include "mabeam/testing.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using mabeam::AgentId;
using mabeam::testing::SweepReport;
using mabeam::testing::TestShard;

/// Keeps every line that it is given, and emits how many there are.
struct Diary {
  static constexpr mabeam::AgentType type{.name = "diary"};

  struct State {
    std::vector<std::string> lines;
  };

  static std::string serialize(const State& state) {
    std::string text;
    for (const std::string& line : state.lines)
      text += line + "\n";
    return text;
  }

  static mabeam::Result<State> deserialize(std::span<const std::byte> bytes) {
    State state;
    std::string line;
    for (const std::byte byte : bytes) {
      if (byte != std::byte{'\n'}) {
        line += static_cast<char>(byte);
        continue;
      }
      state.lines.push_back(line);
      line.clear();
    }
    return state;
  }

  mabeam::Result<> on_signal(mabeam::Context& context, State& state,
                             const mabeam::Signal& signal) const {
    state.lines.emplace_back(signal.payload().text());
    return context.emit("diary.lines", static_cast<std::int64_t>(state.lines.size()));
  }
};

struct Plain {
  static constexpr mabeam::AgentType type{.name = "plain"};

  struct State {
    std::int64_t sum = 0;
  };
};

using Lines = std::vector<std::string>;

TEST(TestingKitStates, SerializedStateIsRead) {
  TestShard shard{mabeam::kTypes<Diary, Plain>};
  const AgentId diary = shard.create("diary").value();
  EXPECT_EQ(shard.state<Diary>(diary).lines, Lines{});
  shard.send(diary, "write", "one");
  shard.send(diary, "write", "three");
  shard.run();
  EXPECT_EQ(shard.state<Diary>(diary).lines, (Lines{"one", "three"}));
  shard.kill();
  EXPECT_EQ(shard.state<Diary>(diary).lines, (Lines{"one", "three"}));
  EXPECT_THROW((void)shard.state<Plain>(diary), std::runtime_error);
}

TEST(TestingKitStates, SerializedStateSurvivesDeathAtAnyInstruction) {
  if (mabeam::tests::kSanitizer)
    GTEST_SKIP() << "a sanitizer's instructions are not ours to step through";
  TestShard shard{mabeam::kTypes<Diary>};
  const AgentId diary = shard.create("diary").value();
  shard.send(diary, "write", "one");
  shard.run();
  (void)shard.events();
  shard.send(diary, "write", "another");
  const SweepReport swept = shard.sweep([&](TestShard& after) {
    if (after.state<Diary>(diary).lines != Lines{"one", "another"}) return "the lines are wrong";
    return after.events().size() == 1 ? "" : "there is not one event";
  });
  EXPECT_EQ(swept.broken, 0U) << swept.first_broken;
  EXPECT_GT(swept.kill_points, 500U);
}

}  // namespace
