// Changing what is noted of an agent: the worker is killed after every instruction of the turn in
// which a client, or the agent itself, notes something else. Whoever looks at the moment of the
// death reads the one text or the other, whole; in the end it is the new one, the change has been
// told once, and as much of the pool is free as before.
#include "shm/event_log.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepStage;

constexpr std::string_view kOld = "the text that was there before the sweep began";
constexpr std::string_view kNew = R"({"owner":"ops","since":"the update"})";
constexpr std::size_t kRoom = 7;  // agents of shard 0 that may have metadata

/// Notes what a signal says; counts the changes that it hears of.
struct Noted {
  static constexpr AgentType type{.name = "noted"};

  struct State {
    std::int64_t told = 0;
  };

  Result<> on_signal(Context& context, State&, const Signal& signal) const {
    return context.update_metadata(signal.payload().text());
  }

  Result<> on_event(Context&, State& state, const Event&) const {
    ++state.told;
    return {};
  }
};

class Change {
 public:
  Change(shm::Kind kind, std::string_view text)
      : text_(text),
        is_asked_(kind == shm::Kind::update) {
    const std::array<std::string_view, 1> patterns{"agent.updated"};
    watcher_ = stage_.create("noted", {.subscribe = patterns});
    agent_ = stage_.create("noted", {.metadata = kOld});
    stage_.post(agent_, "note", text, kind);
    stage_.freeze();
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_turns([this] { return check(); });
    const auto recover = sweep.recover_and_check;
    sweep.recover_and_check = [this, recover]() -> std::string {
      const std::string now = stage_.noted(agent_);
      if (now != kOld && now != text_) return "somebody reads '" + now + "'";
      return recover();
    };
    return sweep;
  }

 private:
  [[nodiscard]] std::string check() {
    if (stage_.noted(agent_) != text_) return "it reads '" + stage_.noted(agent_) + "'";
    const std::vector<Arrived> replies = stage_.take(testing::kAsker);
    if (replies.size() != (is_asked_ ? 1U : 0U)) return "the answers are not one";
    if (is_asked_ && replies.front().code != Errc{}) return "it was refused";
    const std::int64_t told = stage_.state<Noted::State>(watcher_).told;
    if (told != 1) return "it was told " + std::to_string(told) + " times";
    return check_room();
  }

  // Who finds all that is free can fill it.
  [[nodiscard]] std::string check_room() {
    const auto room = static_cast<std::uint32_t>(kRoom - (text_.empty() ? 0 : 1));
    for (const std::uint32_t count : {room + 1, room}) {
      stage_.post_create("noted", {.metadata = kOld}, count);
      if (!stage_.run(1001)) return "a shard could not be adopted";
      const std::vector<Arrived> replies = stage_.take(testing::kAsker);
      const Errc wanted = count == room ? Errc{} : Errc::metadata_full;
      if (replies.size() != 1 || replies.front().code != wanted) return "its room is another";
    }
    return "";
  }

  SweepStage stage_{kTypes<Noted>};
  const std::string_view text_;
  const bool is_asked_;
  AgentId watcher_;
  AgentId agent_;
};

}  // namespace

int main(int argc, char** argv) {
  Change asked{shm::Kind::update, kNew};
  Change own{shm::Kind::signal, kNew};
  Change removed{shm::Kind::update, ""};
  return testing::sweep_main(argc, argv, "metadata",
                             {{.name = "a client's update", .sweep = asked.sweep()},
                              {.name = "the agent's own", .sweep = own.sweep()},
                              {.name = "a removal", .sweep = removed.sweep()}});
}
