// Parking: a worker is killed after every instruction of the turn that replays what waited for one
// agent, copies what waits for another on behind it, and parks a message more. Its successor takes
// over, and each message is handled exactly once, in the order in which it was sent.
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

#include <stdexcept>

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepOwner;
using testing::SweepStage;
using Values = std::vector<std::int64_t>;

/// Notes what it is told, and sends it on.
struct Scribe {
  static constexpr AgentType type{.name = "scribe"};

  struct State {
    std::uint64_t count = 0;
    std::array<std::int64_t, 7> values{};
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const Result<std::int64_t> value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    if (state.count < state.values.size()) state.values[state.count] = *value;
    ++state.count;
    return context.send(testing::client_id(testing::kSink), "out", *value);
  }
};

class Parking {
 public:
  Parking() : first_(stage_.create("scribe")), second_(stage_.create("scribe")) {
    let_both_wait();
    resume_first();
    number(first_, 5);
    number(second_, 6);
    stage_.freeze();
    expect_turn_of(4);  // the two that are replayed, and the two that are new
  }

  testing::Sweep sweep() {
    return stage_.sweep_turns([this] { return check(); });
  }

 private:
  void number(AgentId agent, std::int64_t value) const { stage_.post(agent, "number", value); }

  void order(AgentId agent, shm::Kind kind) const { stage_.post(agent, "order", {}, kind); }

  // Two messages wait for each agent, by turns.
  void let_both_wait() {
    for (const AgentId agent : {first_, second_})
      order(agent, shm::Kind::suspend);
    stage_.run(1).value();
    number(second_, 1);
    number(first_, 2);
    number(second_, 3);
    number(first_, 4);
    stage_.run(1).value();
  }

  // One turn, after which nothing has been replayed yet.
  void resume_first() {
    order(first_, shm::Kind::resume);
    SweepOwner owner{stage_.segment(), stage_.types(), 0};
    owner.adopt(1).value();
    owner.run_turn();
  }

  // Otherwise it would sweep less than it says.
  void expect_turn_of(std::uint32_t messages) const {
    SweepOwner owner{stage_.segment(), stage_.types(), 0};
    owner.adopt(2).value();
    if (owner.run_turn() != messages) throw std::runtime_error("the turn is not the one meant");
    stage_.reset();
  }

  [[nodiscard]] std::string check() {
    if (noted_by(first_) != Values{2, 4, 5}) return "the first has not noted 2, 4, 5";
    if (life(first_) != Lifecycle::ready) return "the first is not ready";
    if (!noted_by(second_).empty()) return "the second has noted something";
    if (life(second_) != Lifecycle::suspended) return "the second is not suspended";
    order(second_, shm::Kind::resume);
    if (!stage_.run(1001)) return "a shard could not be adopted";
    if (noted_by(second_) != Values{1, 3, 6}) return "the second has not noted 1, 3, 6";
    if (sent() != Values{2, 4, 5, 1, 3, 6}) return "what was sent is not 2, 4, 5, 1, 3, 6";
    const auto* log = reinterpret_cast<const shm::RingHeader*>(stage_.segment().parking(0).data());
    return log->head.load() == log->tail.load() ? "" : "something waits on";
  }

  [[nodiscard]] Values noted_by(AgentId agent) const {
    const auto state = stage_.state<Scribe::State>(agent);
    if (state.count > state.values.size()) return {-1};
    return {state.values.begin(), state.values.begin() + static_cast<std::ptrdiff_t>(state.count)};
  }

  [[nodiscard]] Values sent() const {
    Values values;
    for (const Arrived& message : stage_.take(testing::kSink))
      values.push_back(message.value());
    return values;
  }

  [[nodiscard]] Lifecycle life(AgentId agent) const {
    return stage_.segment().agents(0).lifecycle_of(agent);
  }

  SweepStage stage_{kTypes<Scribe>};
  AgentId first_;
  AgentId second_;
};

}  // namespace

int main(int argc, char** argv) {
  Parking parking;
  return testing::sweep_main(argc, argv, "parking",
                             {{.name = "a replay", .sweep = parking.sweep()}});
}
