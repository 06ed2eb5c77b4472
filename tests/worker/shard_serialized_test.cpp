// States of any length: kept as what their type's serialize() makes of them.
#include "tests/worker/life_support.hpp"

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

namespace mabeam::worker {
namespace {

using shm::Kind;
using Words = std::map<std::string, std::int64_t>;

/// Counts the words that it is given: "a=1\nb=2\n". A word is up to 99 bytes.
struct Ledger {
  static constexpr AgentType type{.name = "ledger"};

  struct State {
    Words words;
  };

  static std::string serialize(const State& state) {
    std::string text;
    for (const auto& [word, count] : state.words)
      text += word + "=" + std::to_string(count) + "\n";
    return text;
  }

  static Result<State> deserialize(std::span<const std::byte> bytes) {
    State state;
    std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    while (!text.empty()) {
      const std::size_t middle = text.find('=');
      const std::size_t end = text.find('\n');
      if (middle >= end || end == std::string_view::npos) return fail(Errc::schema_mismatch);
      state.words[std::string{text.substr(0, middle)}] =
          std::stoll(std::string{text.substr(middle + 1, end - middle - 1)});
      text.remove_prefix(end + 1);
    }
    return state;
  }

  static std::string describe(const State& state) { return std::to_string(state.words.size()); }

  Result<std::int64_t> on_action(Context&, State& state, const Action& action) const {
    return state.words[std::string{action.name()}];
  }

  Result<> on_event(Context&, State& state, const Event& event) const {
    ++state.words[std::string{event.topic()}];
    return {};
  }

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    if (signal.name() == "clear") state.words.clear();
    if (signal.name() == "quit") return context.stop();
    if (signal.name() == "doom") (void)context.create("stillborn");
    if (signal.name() != "clear") ++state.words[std::string{signal.payload().text()}];
    if (signal.name() == "fail") return fail(Errc::schema_mismatch);
    if (signal.name() == "throw") throw std::runtime_error("as told");
    return {};
  }

  Result<> on_timer(Context&, State&, const Timer&) const { return {}; }

  Result<> on_stop(Context& context, State& state) const {
    return context.send(client_id(kFirstClient), "bye",
                        static_cast<std::int64_t>(state.words.size()));
  }
};

/// The same, made afresh when it fails.
struct Renewed : Ledger {
  static constexpr AgentType type{.name = "renewed", .on_failure = OnFailure::restart};
};

/// Writes into the room that it is given, and claims to have written more when it does not fit.
struct Braggart {
  static constexpr AgentType type{.name = "braggart"};

  struct State {
    std::string text = "first";
  };

  static Result<std::size_t> serialize(const State& state, std::span<std::byte> room) {
    std::memcpy(room.data(), state.text.data(), std::min(room.size(), state.text.size()));
    return state.text.size();
  }

  static Result<State> deserialize(std::span<const std::byte> bytes) {
    return State{std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  }

  Result<> on_signal(Context&, State& state, const Signal& signal) const {
    state.text = signal.payload().text();
    return {};
  }
};

/// Its first state is larger than any may be.
struct Giant : Braggart {
  static constexpr AgentType type{.name = "giant"};

  struct State {
    std::string text = std::string(2000, 'x');
  };

  static std::string serialize(const State& state) { return state.text; }

  static Result<State> deserialize(std::span<const std::byte>) { return State{}; }

  Result<> on_signal(Context&, State&, const Signal&) const { return {}; }
};

class ShardSerialized : public ShardTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kTypesHere =
      kTypes<Puppet, Stillborn, Ledger, Renewed, Braggart, Giant>;
  static constexpr std::size_t kMost = 1024;  // max_state_bytes of the test's segment

  ShardSerialized() {
    adopt(0, 2, kTypesHere).value();
    ledger_ = create({.type = "ledger"}).value();
  }

  void add(AgentId to, std::string_view word, std::string_view how = "add") {
    post(to, how, PayloadRef{word});
  }

  [[nodiscard]] std::string text(AgentId id) const {
    const shm::AgentTable table = segment_.agents(0);
    const std::byte* half = table.half(id.slot(), table.record(id.slot()).version.load());
    shm::StateHeader header;
    std::memcpy(&header, half, sizeof header);
    return {reinterpret_cast<const char*>(half + sizeof header), header.bytes};
  }

  /// Lays other bytes of the same length into an agent's current half.
  void damage(AgentId id, std::string_view bytes) {
    const shm::AgentTable table = segment_.agents(0);
    std::byte* half = table.half(id.slot(), table.record(id.slot()).version.load());
    std::memcpy(half + sizeof(shm::StateHeader), bytes.data(), bytes.size());
  }

  AgentId ledger_;
};

TEST_F(ShardSerialized, GrowsAndShrinks) {
  EXPECT_EQ(text(ledger_), "");
  for (const char* word : {"pear", "apple", "pear"})
    add(ledger_, word);
  run();
  EXPECT_EQ(text(ledger_), "apple=1\npear=2\n");
  EXPECT_EQ(ask(ledger_, "pear").front().value(), 2);
  add(ledger_, "", "clear");
  run();
  EXPECT_EQ(text(ledger_), "");
}

TEST_F(ShardSerialized, NextOwnerFindsIt) {
  add(ledger_, "pear");
  run();
  ASSERT_TRUE(adopt(0, 3, kTypesHere));
  add(ledger_, "pear");
  run();
  EXPECT_EQ(text(ledger_), "pear=2\n");
}

TEST_F(ShardSerialized, EventsChangeIt) {
  const AgentId reader = create({.type = "ledger", .subscribe = {"job.*"}}).value();
  emit("job.done", 1);
  emit("job.done", 2);
  run();
  EXPECT_EQ(text(reader), "job.done=2\n");
}

// The first of a turn is undone by being forgotten, a later one by its pre-image.
TEST_F(ShardSerialized, FailedMessageLeavesItAsItWas) {
  add(ledger_, "lost", "fail");
  add(ledger_, "kept");
  add(ledger_, "longer than what was there", "fail");
  add(ledger_, "lost", "throw");
  add(ledger_, "kept");
  EXPECT_EQ(turn(), 5U);
  EXPECT_EQ(text(ledger_), "kept=2\n");
}

// Undone when its new bytes are in place already.
TEST_F(ShardSerialized, MessageThatIsDoomedAfterwardsLeavesItAsItWas) {
  add(ledger_, "kept");
  add(ledger_, "longer than what was there", "doom");
  EXPECT_EQ(turn(), 2U);
  EXPECT_EQ(text(ledger_), "kept=1\n");
}

// Over the largest pre-image the shard commits first.
TEST_F(ShardSerialized, LargeOneIsRestoredToo) {
  std::string all;
  for (char c = 'a'; c != 'i'; ++c) {
    add(ledger_, std::string(90, c));
    all += std::string(90, c) + "=1\n";
  }
  add(ledger_, "lost", "fail");
  run();
  ASSERT_GT(all.size(), Agents::kLargestPreImage);
  EXPECT_EQ(text(ledger_), all);
}

TEST_F(ShardSerialized, WhatDoesNotFitFailsTheMessageAlone) {
  for (char c = 'a'; c != 'l'; ++c)
    add(ledger_, std::string(90, c));
  run();
  const std::string before = text(ledger_);
  EXPECT_EQ(before.size(), 11 * 93U);
  EXPECT_EQ(ask(ledger_, "too much").front().code, Errc::state_too_large);
  EXPECT_EQ(text(ledger_), before);
  EXPECT_EQ(record().agents_live, 1U);
  add(ledger_, "", "clear");
  run();
  EXPECT_EQ(ask(ledger_, "too much").front().code, Errc{});
}

TEST_F(ShardSerialized, ClaimOfMoreThanTheRoomIsNotBelieved) {
  const AgentId braggart = create({.type = "braggart"}).value();
  EXPECT_EQ(text(braggart), "first");
  add(braggart, std::string(kMost, 'x'));
  run();
  EXPECT_EQ(text(braggart).size(), kMost);
  add(braggart, std::string(kMost + 1, 'y'));
  run();
  EXPECT_EQ(text(braggart), std::string(kMost, 'x'));
}

TEST_F(ShardSerialized, FirstStateThatDoesNotFitMakesNoAgent) {
  EXPECT_EQ(create({.type = "giant"}).error().code, Errc::state_too_large);
  EXPECT_EQ(record().agents_live, 1U);
  EXPECT_TRUE(create({.type = "ledger"}));
}

TEST_F(ShardSerialized, WhatCannotBeReadFailsTheMessageAndStays) {
  add(ledger_, "pear");
  run();
  damage(ledger_, "pear~1\n");
  EXPECT_EQ(ask(ledger_, "pear").front().code, Errc::state_unreadable);
  EXPECT_EQ(text(ledger_), "pear~1\n");
  damage(ledger_, "pear=x\n");  // its deserialize() throws
  EXPECT_EQ(ask(ledger_, "pear").front().code, Errc::handler_failed);
  damage(ledger_, "pear=1\n");
  EXPECT_EQ(ask(ledger_, "pear").front().value(), 1);
}

TEST_F(ShardSerialized, LengthOverTheRoomIsNeverRead) {
  const shm::AgentTable table = segment_.agents(0);
  auto* header = reinterpret_cast<shm::StateHeader*>(
      table.half(ledger_.slot(), table.record(ledger_.slot()).version.load()));
  header->bytes = 0xFFFFFFFF;
  EXPECT_EQ(ask(ledger_, "pear").front().code, Errc::corrupt);
  post(ledger_, "describe", {}, {.kind = Kind::describe, .correlation = 9});
  run();
  EXPECT_EQ(take(Priority::high).front().code, Errc::state_unreadable);
}

TEST_F(ShardSerialized, RestartMakesItAfresh) {
  const AgentId renewed = create({.type = "renewed"}).value();
  add(renewed, "pear");
  add(renewed, "lost", "fail");
  run();
  EXPECT_EQ(text(renewed), "");
  add(renewed, "pear");
  run();
  post(renewed, "restart", {}, {.kind = Kind::restart});
  run();
  EXPECT_EQ(take(Priority::normal).back().value(), 1);  // on_stop() saw the old one
  EXPECT_EQ(text(renewed), "");
}

TEST_F(ShardSerialized, OnStopSeesIt) {
  add(ledger_, "pear");
  add(ledger_, "", "quit");
  run();
  const std::vector<Letter> said = take(Priority::normal);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said.front().value(), 1);
  EXPECT_EQ(record().agents_live, 0U);
}

TEST_F(ShardSerialized, DescribeReadsIt) {
  add(ledger_, "pear");
  run();
  post(ledger_, "describe", {}, {.kind = Kind::describe, .correlation = 9});
  run();
  const Letter said = take(Priority::high).front();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(said.payload.data()), said.payload.size()),
            "1");
}

/// The same name with a State that is kept as it is.
struct PlainLedger : Puppet {
  static constexpr AgentType type{.name = "ledger"};
};

TEST_F(ShardSerialized, AnotherKindOfStateSuspends) {
  ASSERT_TRUE(adopt(0, 3, kTypes<PlainLedger>));
  EXPECT_TRUE(ask(ledger_, "get").empty());
  EXPECT_EQ(segment_.agents(0).lifecycle_of(ledger_), Lifecycle::suspended);
  post(ledger_, "restart", {}, {.kind = Kind::restart});
  run();
  EXPECT_EQ(take(Priority::high).front().code, Errc::incompatible);
}

}  // namespace
}  // namespace mabeam::worker
