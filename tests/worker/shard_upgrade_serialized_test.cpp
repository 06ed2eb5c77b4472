// Older states that are serialized, and a type that keeps its state in another way.
#include "tests/worker/upgrade_support.hpp"

#include <string>

namespace mabeam::worker {
namespace {

/// Keeps what signals say, as text.
struct SerializedDiary {
  static constexpr AgentType type{.name = "diary"};

  struct State {
    std::string text;
  };

  static std::string serialize(const State& state) { return state.text; }

  static Result<State> deserialize(std::span<const std::byte> bytes) {
    return State{{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  }

  Result<> on_signal(Context&, State& state, const Signal& signal) const {
    state.text += signal.payload().text();
    return {};
  }
};

/// The next version has a title before the text, longer than all that was there.
struct TitledDiary : SerializedDiary {
  static constexpr AgentType type{.name = "diary", .state_version = 2};

  static Result<> upgrade(std::uint32_t from, std::span<const std::byte> bytes, State& state) {
    if (from != 1) return fail(Errc::schema_mismatch);
    state.text =
        "a title: " + std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    return state.text.ends_with('!') ? fail(Errc::invalid_argument) : Result<>{};
  }
};

/// The next version is a struct.
struct FixedDiary {
  static constexpr AgentType type{.name = "diary", .state_version = 2};

  struct State {
    std::int64_t signals = 0;
  };

  static Result<> upgrade(std::uint32_t, std::span<const std::byte>, State&) { return {}; }

  Result<> on_signal(Context&, State& state, const Signal&) const {
    ++state.signals;
    return {};
  }
};

class ShardUpgradeSerialized : public UpgradeTest {
 protected:
  ShardUpgradeSerialized() {
    load<SerializedDiary>();
    diary_ = create({.type = "diary"}).value();
    write("one ");
    run();
  }

  void write(std::string_view text) { post(diary_, "write", text); }

  [[nodiscard]] std::string text() const {
    const shm::AgentTable table = segment_.agents(0);
    const std::byte* half = table.half(diary_.slot(), table.record(diary_.slot()).version.load());
    shm::StateHeader header;
    std::memcpy(&header, half, sizeof header);
    return {reinterpret_cast<const char*>(half + sizeof header), header.bytes};
  }

  AgentId diary_;
};

TEST_F(ShardUpgradeSerialized, IsBroughtUpOnceWithTheNextMessage) {
  load<TitledDiary>();
  EXPECT_EQ(text(), "one ");
  write("two ");
  write("three");
  run();
  EXPECT_EQ(text(), "a title: one two three");
  load<TitledDiary>();
  write(".");
  run();
  EXPECT_EQ(text(), "a title: one two three.");
  expect_whole();
}

TEST_F(ShardUpgradeSerialized, OneThatFailsSuspendsAndLeavesTheStateAsItWas) {
  write("!");
  run();
  load<TitledDiary>();
  write("two");
  run();
  EXPECT_EQ(life(diary_), Lifecycle::suspended);
  EXPECT_EQ(reason(diary_), Errc::state_version);
  EXPECT_EQ(text(), "one !");
  load<SerializedDiary>();
  run();
  EXPECT_EQ(text(), "one !two");
  expect_whole();
}

// The bytes of one are no struct of the other, whatever upgrade() says.
TEST_F(ShardUpgradeSerialized, AnotherWayOfKeepingItSuspends) {
  load<FixedDiary>();
  write("two");
  run();
  EXPECT_EQ(life(diary_), Lifecycle::suspended);
  EXPECT_EQ(reason(diary_), Errc::state_version);
  load<FixedDiary>();  // which revives nobody
  run();
  EXPECT_EQ(life(diary_), Lifecycle::suspended);
  load<SerializedDiary>();
  run();
  EXPECT_EQ(text(), "one two");
  expect_whole();
}

}  // namespace
}  // namespace mabeam::worker
