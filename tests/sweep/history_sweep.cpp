// The history: an observer reads it whenever its writer is stopped, after every instruction of a
// client's emissions and of a shard's turn that emits, into logs that are full, so the oldest
// events give way. It never finds half of an event, nor another's bytes, nor a gap among those that
// are left; what it has found once stays until newer ones need the room. And an observer is killed
// after every instruction of its own reading: nothing changes.
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"
#include "tests/sweep/quick_client.hpp"

#include "mabeam/client.hpp"
#include "mabeam/observer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace mabeam;
using testing::QuickClient;
using testing::SweepStage;

constexpr std::string_view kTopic = "news.today";
constexpr std::uint64_t kToFillALog = 90;  // of 1 KiB each: over 64 KiB
constexpr std::uint64_t kEmissions = 3;    // that are swept

/// Says its number in every word. What is torn, or partly another's, does not.
using Text = std::array<std::uint64_t, 125>;

Text text_of(std::uint64_t number) {
  Text text;
  text.fill(number);
  return text;
}

/// Emits as many events as there are signals.
struct Teller {
  static constexpr AgentType type{.name = "teller"};

  struct State {
    std::uint64_t told = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal&) const {
    return context.emit(kTopic, text_of(state.told++));
  }
};

/// Looks at one endpoint's past.
class Reader {
 public:
  Reader(const SweepStage& stage, std::uint32_t log)
      : observer_(Observer::attach(stage.name()).value()),
        log_(log) {}

  void forget() { next_ = 0; }

  /// What is wrong with it.
  std::string look() {
    const HistoryView view = observer_.history({.log = log_}).value();
    if (view.unreadable != 0) return "an event cannot be read";
    if (view.logs.size() != 1 || view.logs[0].is_damaged) return "its log is damaged";
    if (view.events.empty()) return "all events are gone";
    if (view.gone != view.events.front().sequence) return "it counts those that are gone wrong";
    std::uint64_t number = view.events.front().sequence;
    for (const HistoryEvent& event : view.events) {
      if (event.sequence != number) return "an event is left out";
      const Text expected = text_of(number++);
      if (event.topic != kTopic || event.payload.size() != sizeof expected ||
          std::memcmp(event.payload.data(), expected.data(), sizeof expected) != 0) {
        return "event " + std::to_string(event.sequence) + " is not whole";
      }
    }
    if (number < next_) return "an event that was there is not there any more";
    next_ = number;
    return {};
  }

  /// The number of the event that comes next, as far as was seen.
  [[nodiscard]] std::uint64_t next() const { return next_; }

 private:
  Observer observer_;
  std::uint32_t log_;
  std::uint64_t next_ = 0;
};

/// A client emits.
class ClientWrites {
 public:
  ClientWrites() {
    emit(kToFillALog);
    stage_.freeze();
  }

  testing::SweepCase sweep_case() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.reset = [this] {
      stage_.reset();
      reader_.forget();
    };
    sweep.prepare = [this] {
      client_.emplace(Client::attach(stage_.name(), {.wait = WaitMode::spin}).value());
      (void)client_->emit(kTopic, text_of(kToFillALog));  // what is done once only
    };
    sweep.operation = [this] {
      for (std::uint64_t i = 1; i <= kEmissions; ++i)
        (void)client_->emit(kTopic, text_of(kToFillALog + i));
    };
    sweep.recover_and_check = [this] { return reader_.look(); };
    return {.name = "a client emits", .sweep = sweep, .at_end = [this]() -> std::string {
              return reader_.next() == kToFillALog + 1 + kEmissions ? "" : "it emitted less";
            }};
  }

 private:
  void emit(std::uint64_t events) {
    QuickClient client{stage_.name(), [] {}};
    for (std::uint64_t i = 0; i < events; ++i)
      client.emit(kTopic, text_of(i)).value();
  }

  SweepStage stage_{kTypes<Teller>, 1};
  Reader reader_{stage_, testing::kAsker};
  std::optional<Client> client_;  // the child's
};

/// A shard emits, in a turn.
class ShardWrites {
 public:
  ShardWrites() : teller_(stage_.create("teller")) {
    for (std::uint64_t i = 0; i < kToFillALog; ++i) {
      stage_.post(teller_, "tell");
      if (i % 8 == 0) stage_.run(1).value();
    }
    stage_.run(1).value();
    for (std::uint64_t i = 0; i < kEmissions; ++i)
      stage_.post(teller_, "tell");
    stage_.freeze();
  }

  testing::SweepCase sweep_case() {
    testing::Sweep sweep = stage_.sweep_turns([this] { return after_recovery(); });
    const auto recover_and_check = sweep.recover_and_check;
    sweep.reset = [this] {
      stage_.reset();
      reader_.forget();
    };
    sweep.recover_and_check = [this, recover_and_check] {
      const std::string broken = reader_.look();  // at what the dead one has left
      return broken.empty() ? recover_and_check() : broken;
    };
    return {.name = "a shard emits", .sweep = sweep};
  }

 private:
  static constexpr std::uint32_t kLog = 1;

  std::string after_recovery() {
    successors_.forget();
    std::string broken = successors_.look();
    if (!broken.empty()) return broken;
    return successors_.next() == kToFillALog + kEmissions
               ? ""
               : "an event is lost, or was emitted twice";
  }

  SweepStage stage_{kTypes<Teller>, 1};
  AgentId teller_;
  Reader reader_{stage_, kLog};
  Reader successors_{stage_, kLog};
};

/// An observer reads, and dies.
class ObserverReads {
 public:
  ObserverReads() {
    for (int i = 0; i < 3; ++i)
      stage_.emit(kTopic, i);
    stage_.freeze();
  }

  testing::SweepCase sweep_case() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.operation = [this] {
      const auto observer = Observer::attach(stage_.name());
      (void)observer->history({.pattern = "news.*"});
    };
    sweep.prepare = [] {};
    sweep.has_changed = nullptr;  // it is what is looked at
    sweep.save = sweep.restore = [] {};
    sweep.recover_and_check = [this]() -> std::string {
      return stage_.is_as_frozen() ? "" : "an observer has changed the segment";
    };
    return {.name = "an observer reads", .sweep = sweep};
  }

 private:
  SweepStage stage_{kTypes<Teller>, 1};
};

}  // namespace

int main(int argc, char** argv) {
  ClientWrites client;
  ShardWrites shard;
  ObserverReads observer;
  return testing::sweep_main(argc, argv, "history",
                             {client.sweep_case(), shard.sweep_case(), observer.sweep_case()});
}
