// The flight recorder: a writer is killed after every instruction of a record that overwrites the
// oldest. Those that are older are whole all the time; the record is there or is not, never in
// part; and whoever writes next is not hindered. Nor does one do damage that was stopped while the
// others went round, and goes on, wherever it was stopped: none of theirs gives way to an older
// one.
#include "shm/flight_recorder.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"
#include "worker/testing/stepped_child.hpp"

#include <array>
#include <optional>
#include <string>

namespace {

using namespace mabeam;
using shm::FlightRecorder;
using shm::LogField;
using testing::SweepStage;

struct Nobody {
  static constexpr AgentType type{.name = "nobody"};

  struct State {};
};

class Writer {
 public:
  Writer() {
    for (std::uint64_t i = 0; i < kBefore; ++i)
      write(stage_.segment());
    stage_.freeze();
  }

  testing::SweepCase sweep_case() { return {.name = "a fact is recorded", .sweep = sweep()}; }

  /// Others go round once, as soon as `has_come` is true.
  testing::SweepCase overtaken_case(std::string name, bool (*has_come)(const shm::Segment&)) {
    testing::Sweep overtaken = sweep();
    overtaken.reset = [this] {
      stage_.reset();
      is_overtaken_ = false;
    };
    overtaken.meanwhile = [this, has_come] {
      if (is_overtaken_ || !has_come(stage_.segment())) return;
      is_overtaken_ = true;
      go_round();
    };
    return {.name = std::move(name), .sweep = overtaken, .at_end = [this] {
              if (!is_overtaken_) return std::string{"nobody went round"};
              return fault_of_age();
            }};
  }

  /// One that has its number is stopped in write(), the others go round, and it goes on to its end:
  /// after every instruction until it has taken its slot, and then after every `pace`-th. From
  /// there on it reads nothing of theirs before its seal.
  testing::SweepResult overtake_anywhere(std::uint64_t pace) {
    const std::int64_t began_ns = shm::monotonic_ns();
    testing::SweepResult result;
    stage_.reset();
    write(stage_.segment());
    const shm::FactSlots slots{stage_.segment().recorder()};
    shm::FactSlots::Record record;
    std::string broken = slots.read_one(kBefore, record) ? "" : "there is no record";
    shm::FactSlots own;   // the child's
    std::uint64_t n = 0;  // instructions
    for (bool goes_on = true; goes_on && broken.empty(); ++result.kill_points) {
      stage_.reset();
      const std::uint64_t seal = slot_of(stage_.segment()).seal;
      (void)slots.begin();
      testing::SteppedChild child{[&] { own = shm::FactSlots{attach().recorder()}; },
                                  [&] { own.write(kBefore, record); }};
      for (std::uint64_t i = 0; i < n && goes_on; ++i)
        goes_on = child.step();
      if (!goes_on) break;
      n += slot_of(stage_.segment()).seal == seal ? 1 : pace;
      go_round();
      broken = child.finish() ? fault_of_age() : "the child has died";
      if (broken.empty()) broken = check();
    }
    // The last was left alone.
    if (broken.empty() && !slots.read_one(kBefore, record)) broken = "nothing was swept";
    result.broken = broken.empty() ? 0 : 1;
    result.recovered = result.kill_points - result.broken;
    result.seconds = static_cast<double>(shm::monotonic_ns() - began_ns) / 1e9;
    if (!broken.empty()) {
      result.first_broken = "before " + std::to_string(n) + " instructions: " + broken;
    }
    return result;
  }

  static bool has_number(const shm::Segment& segment) {
    return reinterpret_cast<const shm::Word*>(segment.recorder().data())->load() == kBefore + 1;
  }

  static bool has_half_written(const shm::Segment& segment) {
    return slot_of(segment).words[10] == kMiddle;
  }

 private:
  static constexpr std::uint64_t kBefore = 40;  // more than the stage's recorder holds
  // Of the record that is swept: eight times the letter of its text.
  static constexpr std::uint64_t kMiddle = ('0' + kBefore) * 0x0101010101010101;

  static const shm::FactSlots::Slot& slot_of(const shm::Segment& segment) {
    const std::span<std::byte> slot = segment.recorder().subspan(
        shm::kLinePair + kBefore % count_of(segment) * shm::kFactBytes, shm::kFactBytes);
    return *reinterpret_cast<const shm::FactSlots::Slot*>(slot.data());
  }

  static std::uint64_t count_of(const shm::Segment& segment) {
    return shm::FactSlots{segment.recorder()}.count();
  }

  void go_round() const {
    for (std::uint64_t i = 0; i < count_of(stage_.segment()); ++i)
      write(stage_.segment());
  }

  [[nodiscard]] std::string fault_of_age() const {
    const FactList list = shm::read_facts(stage_.segment().recorder());
    const bool is_newest = list.facts.front().number + count_of(stage_.segment()) >= list.begun;
    return is_newest ? "" : "an old record is in a newer one's place";
  }

  /// The child's.
  const shm::Segment& attach() {
    return mortal_.emplace(shm::Segment::attach(stage_.name(), shm::Access::read_write).value());
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.reset = [this] { stage_.reset(); };
    sweep.prepare = [this] { (void)attach(); };
    sweep.operation = [this] { write(*mortal_); };
    sweep.recover_and_check = [this] { return check(); };
    return sweep;
  }

  // Its number is in every part of it.
  static void write(const shm::Segment& segment) {
    const std::span<std::byte> region = segment.recorder();
    const std::uint64_t number = reinterpret_cast<const shm::Word*>(region.data())->load();
    const std::string text(100, static_cast<char>('0' + number % 64));
    FlightRecorder{region}.write(FactLevel::info, text,
                                 std::array{LogField{"n", number}, LogField{"text", text}});
  }

  [[nodiscard]] static std::string fault_of(const FactView& fact) {
    const std::string text(100, static_cast<char>('0' + fact.number % 64));
    const bool is_whole = fact.text == text && fact.fields.size() == 2 &&
                          std::get<std::uint64_t>(fact.fields[0].value) == fact.number &&
                          std::get<std::string>(fact.fields[1].value) == text;
    return is_whole ? "" : "record " + std::to_string(fact.number) + " is not whole";
  }

  /// What is wrong with what is there; `lost`: how many may be missing.
  [[nodiscard]] std::string fault(std::size_t lost) const {
    const std::span<std::byte> region = stage_.segment().recorder();
    const FactList list = shm::read_facts(region);
    if (list.damaged != 0) return "a record is damaged";
    if (list.facts.size() + lost < count_of(stage_.segment())) return "others are lost, too";
    for (const FactView& fact : list.facts) {
      if (std::string broken = fault_of(fact); !broken.empty()) return broken;
    }
    return {};
  }

  std::string check() {
    if (std::string broken = fault(1); !broken.empty()) return broken;
    write(stage_.segment());
    write(stage_.segment());
    const FactList list = shm::read_facts(stage_.segment().recorder());
    if (list.facts.back().number + 1 != list.begun) return "the next writer is hindered";
    return fault(1);
  }

  SweepStage stage_{kTypes<Nobody>, 1};
  bool is_overtaken_ = false;
  std::optional<shm::Segment> mortal_;  // the child's
};

}  // namespace

int main(int argc, char** argv) {
  const std::optional<testing::SweepArguments> arguments =
      testing::parse_sweep_arguments(argc, argv);
  if (!arguments) return 64;
  testing::SweepTally tally;
  Writer writer;
  for (const testing::SweepCase& each :
       {writer.sweep_case(),
        writer.overtaken_case("one is overtaken before its slot", Writer::has_number),
        writer.overtaken_case("one is overtaken in the middle", Writer::has_half_written)})
    testing::run_case(each, *arguments, tally);
  tally.add("one is overtaken anywhere", writer.overtake_anywhere(arguments->kills == 0 ? 1 : 7));
  return tally.finish("recorder", *arguments);
}
