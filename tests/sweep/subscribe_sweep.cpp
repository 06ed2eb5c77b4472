// Subscribing from a handler: the worker is killed after every instruction of the turns in which an
// agent subscribes, or takes its subscription back. An event that is emitted afterwards is heard
// once, or not at all; one from before, or from another source than it wants, is not heard. A
// publisher that looks at the tables all the
// while is never left with what they said before.
#include "shm/interest.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepStage;

/// Subscribes or unsubscribes as it is told, and passes on what it hears.
struct Listener {
  static constexpr AgentType type{.name = "listener"};

  struct State {
    std::int64_t heard = 0;
  };

  Result<> on_signal(Context& context, State&, const Signal& signal) const {
    if (signal.name() == "join") return context.subscribe("job.*");
    if (signal.name() == "join one") {
      return context.subscribe("job.*", testing::client_id(testing::kAsker));
    }
    if (signal.name() == "join another") {
      return context.subscribe("job.*", testing::client_id(testing::kSink));
    }
    return context.unsubscribe("job.*");
  }

  Result<> on_event(Context& context, State& state, const Event& event) const {
    const Result<std::int64_t> value = event.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    state.heard += *value;
    return context.send(testing::client_id(testing::kSink), "heard", *value);
  }
};

class Hearing {
 public:
  explicit Hearing(std::string_view order)
      : joins_(order != "part"),
        hears_(joins_ && order != "join another") {
    agent_ = stage_.create("listener");
    if (!joins_) {
      stage_.post(agent_, "join");
      stage_.run(1).value();
    } else {
      stage_.emit("job.done", 1);  // before: not for it
    }
    (void)stage_.segment().symbols().intern("heard").value();
    topic_ = stage_.segment().symbols().intern("job.done").value();
    stage_.post(agent_, order);
    stage_.freeze();
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_turns([this] { return check(); });
    sweep.reset = [this] {
      stage_.reset();
      publisher_.emplace(stage_.segment());
    };
    sweep.meanwhile = [this] { (void)publisher_->of(topic_); };
    return sweep;
  }

 private:
  [[nodiscard]] std::string check() {
    shm::Interest publisher = *publisher_;  // that looked at the moment of the death, too
    const std::uint32_t shard = shm::Segment::endpoint_of_shard(0);
    if (publisher.of(topic_).contains(shard) != joins_) {
      return "a publisher has not heard of the change";
    }
    for (const std::int64_t value : {10, 20})
      stage_.emit("job.done", value);
    if (!stage_.run(1001)) return "a shard could not be adopted";
    std::int64_t heard = 0;
    std::size_t count = 0;
    for (const Arrived& message : stage_.take(testing::kSink)) {
      if (message.value() < heard) return "the events were heard in another order";
      heard = message.value();
      ++count;
    }
    if (count != (hears_ ? 2U : 0U)) return std::to_string(count) + " events were heard";
    if (stage_.state<Listener::State>(agent_).heard != (hears_ ? 30 : 0)) {
      return "the state is wrong";
    }
    std::uint32_t used = 0;
    for (const shm::Subscription& entry : stage_.segment().subscriptions(shard))
      used += entry.word.load() != 0 ? 1U : 0U;
    return used == (joins_ ? 1U : 0U) ? "" : "the table of subscriptions is wrong";
  }

  SweepStage stage_{kTypes<Listener>};
  const bool joins_;
  const bool hears_;  // an event of the asker's
  AgentId agent_;
  Symbol topic_{};
  std::optional<shm::Interest> publisher_;  // lives all the while
};

}  // namespace

int main(int argc, char** argv) {
  Hearing join{"join"};
  Hearing join_one{"join one"};
  Hearing join_another{"join another"};
  Hearing part{"part"};
  return testing::sweep_main(argc, argv, "subscribe",
                             {{.name = "subscribe", .sweep = join.sweep()},
                              {.name = "subscribe to one source", .sweep = join_one.sweep()},
                              {.name = "subscribe to another", .sweep = join_another.sweep()},
                              {.name = "unsubscribe", .sweep = part.sweep()}});
}
