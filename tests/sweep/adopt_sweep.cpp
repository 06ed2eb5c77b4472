// Taking a shard over: its owner was killed, and so is the next one, after every instruction of the
// takeover itself; and the one after that, and so on, at random. In the end the message that the
// first one was at has taken effect once, whatever it had got to:
//
//   in its handler   nothing was committed; the death counts as one attempt, however many die after
//   committed        the words of its turn are all to be stored
//   half applied     some of them are
//
// The message's turn has every kind of word: a state, a new agent, a subscription, a timer,
// metadata, the shard's own record, an event, two messages, its input.
#include "tests/support/stress.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"
#include "worker/testing/stepped_child.hpp"

#include <cstdio>
#include <random>

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepOwner;
using testing::SweepStage;

constexpr std::uint32_t kFirstHeir = 3;  // incarnation; the world's end is the second's
constexpr std::int64_t kValue = 7;

struct Mover {
  static constexpr AgentType type{.name = "mover"};

  struct State {
    std::int64_t sum = 0;
    std::uint32_t attempt = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const Result<std::int64_t> value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    state.sum += *value;
    state.attempt = context.attempt();
    if (const Result<> sent = say(context, *value); !sent) return sent;
    if (const Result<AgentId> made = context.create("mover"); !made) return fail(made.error());
    if (const Result<TimerId> timer = context.set_timer("tick", std::chrono::hours{1}); !timer) {
      return fail(timer.error());
    }
    if (const Result<> noted = context.update_metadata("moved"); !noted) return noted;
    return context.subscribe("job.*");
  }

  Result<> on_timer(Context&, State&, const Timer&) const { return {}; }

  Result<> on_event(Context&, State&, const Event&) const { return {}; }

 private:
  static Result<> say(Context& context, std::int64_t value) {
    const AgentId sink = testing::client_id(testing::kSink);
    if (const Result<> sent = context.send(sink, "out", value); !sent) return sent;
    if (const Result<> sent = context.send(sink, "out", value, {.priority = Priority::low});
        !sent) {
      return sent;
    }
    return context.emit("moved", value);
  }
};

enum class Death : std::uint8_t { in_handler, committed, half_applied };

/// A worker that takes shard 0 over, and may go on.
class Heir {
 public:
  Heir(const SweepStage& stage, std::uint32_t incarnation)
      : name_(stage.name()),
        types_(stage.types()),
        incarnation_(incarnation) {}

  void prepare() {
    segment_.emplace(shm::Segment::attach(name_, shm::Access::read_write).value());
    owner_.emplace(*segment_, types_, 0);
  }

  void adopt() { owner_->adopt(incarnation_).value(); }

  void run() { owner_->run(); }

 private:
  std::string name_;
  std::span<const TypeDescriptor> types_;
  std::uint32_t incarnation_;
  std::optional<shm::Segment> segment_;
  std::optional<SweepOwner> owner_;
};

class Inheritance {
 public:
  explicit Inheritance(Death death) : death_(death) {
    agent_ = stage_.create("mover");
    // It listens already: the first subscription of a shard is asked for in a turn of its own.
    const std::array<std::string_view, 1> patterns{"job.*"};
    stage_.create("mover", {.subscribe = patterns});
    stage_.post(agent_, "move", kValue);
    die();
    stage_.freeze();
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    auto heir = std::make_shared<Heir>(stage_, kFirstHeir);
    sweep.prepare = [heir] { heir->prepare(); };
    sweep.operation = [heir] { heir->adopt(); };
    sweep.recover_and_check = [this] { return recover_and_check(); };
    return sweep;
  }

  /// Time and again: several heirs in a row die somewhere in the takeover, then one lives.
  testing::SweepResult inherit_again_and_again(std::uint64_t rounds, std::uint64_t instructions,
                                               std::mt19937_64& random) {
    testing::SweepResult result;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      stage_.reset();
      const std::uint64_t heirs = 2 + random() % 3;
      for (std::uint32_t heir = 0; heir < heirs; ++heir) {
        kill_heir(kFirstHeir + heir, random() % instructions);
        ++result.kill_points;
      }
      const std::string broken = recover_and_check();
      result.recovered += broken.empty() ? heirs : 0;
      result.broken += broken.empty() ? 0U : 1U;
      if (result.first_broken.empty() && !broken.empty()) {
        result.first_broken = "round " + std::to_string(round) + ": " + broken;
      }
      ++result.distinct;
    }
    return result;
  }

 private:
  /// The owner that was at the message is killed at the place of this world.
  void die() {
    Heir owner{stage_, 2};
    const auto prepare = [&] {
      owner.prepare();
      owner.adopt();
    };
    testing::SteppedChild child{prepare, [&] { owner.run(); }};
    const shm::TurnRegion& region = stage_.segment().turn(0);
    const std::uint64_t record = region.record_version.load();
    while (!is_reached(region, record)) {
      if (!child.step()) throw std::runtime_error("the owner did not come to where it shall die");
    }
    for (int i = 0; death_ == Death::in_handler && i < 100; ++i)
      (void)child.step();
  }

  [[nodiscard]] bool is_reached(const shm::TurnRegion& region, std::uint64_t record) const {
    const bool is_open = region.committed.load() != region.applied.load();
    switch (death_) {
      case Death::in_handler:
        return region.witness.load() != 0;
      case Death::committed:
        return is_open;
      default:
        return is_open && region.record_version.load() != record;
    }
  }

  void kill_heir(std::uint32_t incarnation, std::uint64_t instructions) {
    Heir heir{stage_, incarnation};
    testing::SteppedChild child{[&] { heir.prepare(); }, [&] { heir.adopt(); }};
    for (std::uint64_t i = 0; i < instructions && child.step(); ++i) {
    }
  }

  std::string recover_and_check() {
    if (!stage_.run(1000)) return "a shard could not be adopted";
    std::string broken = check();
    return broken.empty() ? stage_.fault() : broken;
  }

  [[nodiscard]] std::string check() const {
    const bool was_begun = death_ == Death::in_handler;
    const Mover::State state = stage_.state<Mover::State>(agent_);
    if (state.sum != kValue) return "the state is wrong";
    if (state.attempt != (was_begun ? 2U : 1U)) {
      return "it was attempt " + std::to_string(state.attempt);
    }
    const std::vector<Arrived> out = stage_.take(testing::kSink);
    if (out.size() != 2 || out[0].value() != kValue || out[1].value() != kValue) {
      return std::to_string(out.size()) + " messages have arrived";
    }
    if (stage_.events() != 1) return std::to_string(stage_.events()) + " events were emitted";
    if (stage_.noted(agent_) != "moved") return "its metadata is another";
    if (stage_.segment().live_agents() != 3) return "there are not three agents";
    const shm::ShardRecord& record = stage_.record();
    if (record.delivered != 3 || record.sent != 2 + kReplies || record.events_published != 1) {
      return "the counters are wrong";
    }
    if (record.redelivered != (was_begun ? 1U : 0U)) return "the deaths were counted wrongly";
    if (record.dead_lettered != 0) return "a message was given up";
    return check_tables();
  }

  [[nodiscard]] std::string check_tables() const {
    std::size_t timers = 0;
    for (const shm::TimerRecord& timer : stage_.segment().timers(0))
      timers += timer.word.load() != 0 ? 1U : 0U;
    if (timers != 1) return std::to_string(timers) + " timers are set";
    std::size_t subscriptions = 0;
    for (const shm::Subscription& entry : stage_.segment().subscriptions(1))
      subscriptions += entry.word.load() != 0 ? 1U : 0U;
    if (subscriptions != 2) return std::to_string(subscriptions) + " subscriptions are in force";
    const shm::TurnRegion& region = stage_.segment().turn(0);
    if (region.committed.load() != region.applied.load()) return "a turn was left open";
    return region.witness.load() == 0 ? "" : "the witness was left";
  }

  static constexpr std::uint64_t kReplies = 2;  // to the creates that made the world

  SweepStage stage_{kTypes<Mover>};
  const Death death_;
  AgentId agent_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::optional<testing::SweepArguments> parsed = testing::parse_sweep_arguments(argc, argv);
  if (!parsed) return 64;
  const testing::SweepArguments& arguments = *parsed;
  testing::SweepTally tally;
  const std::uint64_t seed = tests::stress_seed();
  std::mt19937_64 random{seed};
  const std::uint64_t rounds = arguments.kills == 0 ? 1000 : arguments.kills;
  const std::array<std::pair<Death, std::string>, 3> deaths{
      {{Death::in_handler, "killed in its handler"},
       {Death::committed, "killed when it had committed"},
       {Death::half_applied, "killed half applied"}}};
  for (const auto& [death, name] : deaths) {
    Inheritance inheritance{death};
    const testing::SweepCase each{.name = name, .sweep = inheritance.sweep()};
    const std::uint64_t instructions = testing::run_case(each, arguments, tally);
    if (arguments.expects_broken) continue;
    tally.add(name + ", one heir after the other, seed " + std::to_string(seed),
              inheritance.inherit_again_and_again(rounds, instructions, random));
  }
  return tally.finish("adopt a shard", arguments);
}
