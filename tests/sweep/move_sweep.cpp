// A shard passes from worker to worker, and one of the two is killed after every instruction:
//
//   the old owner, while it lets the shard go; the new one then takes it from whoever has it
//   the new owner, while it takes the shard; the old one then takes it back
//
// In the end the messages that waited in it have been handled once, in their order.
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"
#include "worker/hosting.hpp"

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepStage;

constexpr std::int64_t kMessages = 3;

/// Says each number again that it hears.
struct Parrot {
  static constexpr AgentType type{.name = "parrot"};

  struct State {
    std::int64_t heard = 0;
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const Result<std::int64_t> value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    ++state.heard;
    return context.send(testing::client_id(testing::kSink), "said", *value);
  }
};

/// A worker with whatever is placed on it.
class Host {
 public:
  Host(const shm::Segment& segment, std::span<const TypeDescriptor> types, std::uint32_t worker,
       std::uint32_t incarnation)
      : segment_(segment),
        types_(segment.symbols()),
        hosting_(segment, types_, clock_, notes_) {
    types_.add(types).value();
    segment.worker(worker).claim.store(shm::Claim{incarnation, 1}.pack());
    hosting_.begin(shm::Incarnation::of(worker, incarnation));
  }

  void look() { hosting_.look(); }

  void run() {
    clock_.refresh();
    for (const auto& shard : hosting_.shards())
      while (shard->run_turn({.turn_time_ns = INT64_MAX}) != 0) {
      }
  }

 private:
  const shm::Segment& segment_;
  worker::Types types_;
  shm::CachedClock clock_;
  worker::BurialNotes notes_;
  worker::Hosting hosting_;
};

void place(const shm::Segment& segment, std::uint32_t worker) {
  segment.endpoint(1).placement.store(worker + 1);
  segment.header().placements.fetch_add(1);
}

class Move {
 public:
  /// `taker`: which of the two is killed.
  explicit Move(bool taker) : is_taker_(taker) {
    agent_ = stage_.create("parrot");
    for (std::int64_t number = 1; number <= kMessages; ++number)
      stage_.post(agent_, "say", number);
    stage_.segment().endpoint(1).owner.store(0);
    place(stage_.segment(), 0);
    stage_.freeze();
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.prepare = [this] { prepare(); };
    sweep.operation = [this] { victim_->look(); };
    sweep.recover_and_check = [this] { return recover_and_check(); };
    return sweep;
  }

 private:
  // In the child.
  void prepare() {
    segment_.emplace(shm::Segment::attach(stage_.name(), shm::Access::read_write).value());
    if (is_taker_) place(*segment_, 1);
    victim_.emplace(*segment_, stage_.types(), 0, 2);
    place(*segment_, is_taker_ ? 0 : 1);
  }

  // The supervisor has seen it dead, and fences its slot.
  std::string recover_and_check() {
    const shm::Segment& segment = stage_.segment();
    segment.worker(0).claim.store(shm::Claim{3, 0}.pack());
    place(segment, 1);
    Host heir{segment, stage_.types(), 1, 2};
    heir.run();
    if (shm::Incarnation{segment.endpoint(1).owner.load()} != shm::Incarnation::of(1, 2)) {
      return "the shard is not the heir's";
    }
    if (stage_.state<Parrot::State>(agent_).heard != kMessages) return "the state is wrong";
    const std::vector<Arrived> out = stage_.take(testing::kSink);
    if (out.size() != kMessages) return std::to_string(out.size()) + " messages have arrived";
    for (std::int64_t number = 1; number <= kMessages; ++number) {
      if (out[static_cast<std::size_t>(number - 1)].value() != number) return "out of order";
    }
    return stage_.fault();
  }

  SweepStage stage_{kTypes<Parrot>};
  const bool is_taker_;
  AgentId agent_;
  std::optional<shm::Segment> segment_;
  std::optional<Host> victim_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::optional<testing::SweepArguments> parsed = testing::parse_sweep_arguments(argc, argv);
  if (!parsed) return 64;
  testing::SweepTally tally;
  for (const bool taker : {false, true}) {
    Move move{taker};
    testing::run_case({.name = taker ? "killed while it takes it" : "killed while it lets it go",
                       .sweep = move.sweep()},
                      *parsed, tally);
  }
  return tally.finish("move a shard", *parsed);
}
