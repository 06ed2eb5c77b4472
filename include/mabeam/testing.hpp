// A test kit: one shard in the test's own process, with the real turn, rings and registry, a clock
// that the test turns, and messages that are delivered one at a time.
//
//   mabeam::testing::TestShard shard{mabeam::kTypes<Counter>};
//   const mabeam::AgentId jobs = shard.create("counter").value();
//   shard.send(jobs, "increment", 5);
//   shard.run();
//   EXPECT_EQ(shard.call(jobs, "get")->payload().as<int>(), 5);
//
// Whether a type survives the death of its worker is asked with one call, which delivers the next
// message and lets the worker die after every instruction of it:
//
//   shard.send(jobs, "increment", 5);
//   const auto swept = shard.sweep([&](TestShard& after) {
//     return after.state<Counter>(jobs).count == 10 ? "" : "the count is wrong";
//   });
//   EXPECT_EQ(swept.broken, 0) << swept.first_broken;
//
// Thread-compatible. What cannot be used as it was asked for throws std::runtime_error: this is for
// tests.
#pragma once

#include "mabeam/agent.hpp"
#include "mabeam/client.hpp"
#include "mabeam/export.hpp"
#include "mabeam/ids.hpp"
#include "mabeam/message.hpp"
#include "mabeam/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::testing {

struct TestOptions {
  /// Decides whose message is next where several wait; the same seed gives the same order.
  std::uint64_t seed = 1;
  std::uint32_t max_agents = 256;
  std::uint32_t max_state_bytes = 1024;
};

/// A message, event or dead letter that came out of the shard; a copy.
struct Sent {
  std::string name;  ///< signal, action or topic
  AgentId from;
  AgentId to;          ///< of an event: nobody
  std::string reason;  ///< of a dead letter: "poison", "no_agent", ...
  std::vector<std::byte> bytes;
  Content content = Content::none;

  [[nodiscard]] Payload payload() const { return {bytes, content}; }
};

/// What became of a sweep.
struct SweepReport {
  std::uint64_t kill_points = 0;
  std::uint64_t broken = 0;
  std::string first_broken;  ///< "after 812 instructions: the count is wrong"
};

class MABEAM_API TestShard {
 public:
  /// Senders outside of the shard, each with rings of its own.
  static constexpr std::uint32_t kSenders = 4;

  explicit TestShard(std::span<const TypeDescriptor> types, TestOptions options = {});
  ~TestShard();
  TestShard(const TestShard&) = delete;
  TestShard& operator=(const TestShard&) = delete;

  // ---- from outside; all but send() and emit() deliver what waits until they are answered

  /// Errors: as Context::create(), name_taken.
  Result<AgentId> create(std::string_view type, const AgentOptions& options = {});
  /// Errors: not_found.
  Result<> stop(AgentId agent);
  /// Errors: unknown_action, handler_failed, not_found, and what the handler answers.
  Result<ClientReply> call(AgentId agent, std::string_view action, const PayloadRef& payload = {});

  /// Leaves a signal; `sender` is 0 to kSenders - 1. The order of each sender is kept.
  void send(AgentId to, std::string_view signal, const PayloadRef& payload = {},
            SendOptions options = {}, std::uint32_t sender = 0);
  /// Leaves an event, as a client would emit it.
  void emit(std::string_view topic, const PayloadRef& payload = {});

  // ---- time and turns

  /// Delivers one message, or one event to one subscriber. False if nothing waits.
  bool step();
  /// Steps until nothing waits; throws after `limit`. Returns how many.
  std::size_t run(std::size_t limit = 10'000);

  /// Of the shard's clock, which begins at one day and stands still.
  [[nodiscard]] std::chrono::nanoseconds now() const;
  void advance(std::chrono::nanoseconds time);

  // ---- what came of it, since it was last asked for

  /// Signals and calls of this shard's agents, to one another and to the outside.
  std::vector<Sent> sent();
  std::vector<Sent> events();
  std::vector<Sent> dead_letters();

  /// The agent's state, as the last turn left it.
  template <class T>
  [[nodiscard]] typename T::State state(AgentId agent) const {
    Result<typename T::State> state = glue::load_state<T>(state_bytes(agent));
    if (!state) throw std::runtime_error("TestShard: that agent's state is of another type");
    return std::move(*state);
  }

  // ---- death

  /// The worker dies between two turns, and the next one takes over.
  void kill();

  /// Takes the next step in a process of its own, and kills that after so many instructions; then
  /// the next worker takes over. False if the step had ended before. Needs ptrace.
  bool step_killed_after(std::uint64_t instructions);

  /// Takes the next step, and for each of its instructions looks at what a death there would leave:
  /// the next worker takes over and runs until nothing waits, then `check` says what is wrong, or
  /// nothing; where an instruction has changed nothing that outlives its worker, it is not asked
  /// again. Afterwards the step has been taken once, unharmed. Needs ptrace.
  SweepReport sweep(const std::function<std::string(TestShard& after)>& check);

 private:
  struct Impl;
  [[nodiscard]] std::span<const std::byte> state_bytes(AgentId agent) const;

  std::unique_ptr<Impl> impl_;
};

}  // namespace mabeam::testing
