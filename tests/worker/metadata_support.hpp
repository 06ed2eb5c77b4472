// Agents that note metadata of themselves, and a client that does; a pool of eight records.
#pragma once

#include "shm/agent_search.hpp"
#include "shm/metadata.hpp"
#include "tests/worker/life_support.hpp"

#include <string>

namespace mabeam::worker {

using Texts = std::vector<std::string>;
using Told = std::vector<std::pair<std::string, std::string>>;

/// Notes of itself what a signal says, as its name says:
///   note  that    twice  "first", then that    clear  nothing, then that
///   child of a child that it makes
/// With "-fail" behind it, then fails; with "-stop" behind it, then stops. Its children note "born"
/// as they start.
struct Noted {
  static constexpr AgentType type{.name = "noted"};

  Result<> on_start(Context& context) const {
    return begins ? context.update_metadata("born") : Result<>{};
  }

  Result<> on_signal(Context& context, const Signal& signal) const {
    seen = {context.metadata()};
    const std::string_view what = signal.name();
    const std::string_view text = signal.payload().text();
    Result<> done;
    if (what.starts_with("twice")) done = context.update_metadata("first");
    if (what.starts_with("clear")) done = context.update_metadata("");
    if (what.starts_with("child")) {
      const Result<AgentId> made = context.create("noted", {.metadata = text});
      if (!made) done = fail(made.error());
    } else if (done) {
      done = context.update_metadata(text);
    }
    if (!done) return done;
    seen.push_back(context.metadata());
    if (what.ends_with("-stop")) return context.stop();
    return what.ends_with("-fail") ? fail(Errc::schema_mismatch) : Result<>{};
  }

  static inline bool begins = false;
  static inline Texts seen;  ///< by the last signal's handler, before and after
};

inline constexpr std::size_t kRecords = 8;
inline constexpr std::size_t kRoom = kRecords - 1;  // for agents: one is spare

class ShardMetadata : public LifeTest {
 protected:
  static constexpr std::span<const TypeDescriptor> kHere = kTypes<Puppet, Stillborn, Noted>;

  ShardMetadata() : LifeTest(32) {
    Noted::begins = false;
    adopt_again();
  }

  void adopt_again() { adopt(0, ++incarnation_, kHere).value(); }

  AgentId create_noted(std::string_view text) {
    return create({.type = "noted", .metadata = text}).value();
  }

  [[nodiscard]] std::string noted(AgentId agent) const {
    return shm::read_metadata(segment_.agents(0), segment_.metadata(0), agent.slot());
  }

  void post_update(AgentId agent, std::string_view text) {
    post(agent, "update", text, {.kind = shm::Kind::update});
  }

  Errc update(AgentId agent, std::string_view text) {
    post_update(agent, text);
    run();
    return take(Priority::high).front().code;
  }

  void tell(AgentId agent, std::string_view what, std::string_view text) {
    post(agent, what, text);
    run();
  }

  /// What is noted of an agent's children, by slot.
  [[nodiscard]] Texts of_children(AgentId parent) const {
    Texts texts;
    for (const AgentView& child : shm::find_agents(segment_, {.parent = parent}).agents)
      texts.push_back(noted(child.id));
    return texts;
  }

  /// How many more agents may be given metadata.
  std::size_t room() {
    std::vector<AgentId> made;
    for (;;) {
      const Result<AgentId> agent = create({.type = "noted", .metadata = "filler"});
      if (!agent) {
        EXPECT_EQ(agent.error().code, Errc::metadata_full);
        break;
      }
      made.push_back(*agent);
    }
    for (const AgentId agent : made)
      EXPECT_EQ(stop(agent), Errc{});
    return made.size();
  }

  static std::string json(AgentId id) {
    return R"({"id":")" + to_string(id) + R"(","type":"noted","reason":""})";
  }
};

}  // namespace mabeam::worker
