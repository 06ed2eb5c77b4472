// The flight recorder: a writer is killed after every instruction of a record that overwrites the
// oldest. Those that are older are whole all the time; the record is there or is not, never in
// part; and whoever writes next is not hindered. Nor does one do damage that was stopped while the
// others went round, and goes on: before it came to its slot, or in the middle of it.
#include "shm/flight_recorder.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

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
      for (std::uint64_t i = 0; i < count_of(stage_.segment()); ++i)
        write(stage_.segment());
    };
    return {.name = std::move(name), .sweep = overtaken, .at_end = [this] {
              if (!is_overtaken_) return std::string{"nobody went round"};
              const FactList list = shm::read_facts(stage_.segment().recorder());
              const bool is_newest =
                  list.facts.front().number + count_of(stage_.segment()) >= list.begun;
              return std::string{is_newest ? "" : "an old record is in a newer one's place"};
            }};
  }

  static bool has_number(const shm::Segment& segment) {
    return reinterpret_cast<const shm::Word*>(segment.recorder().data())->load() == kBefore + 1;
  }

  static bool has_half_written(const shm::Segment& segment) {
    const std::span<std::byte> slot = segment.recorder().subspan(
        shm::kLinePair + kBefore % count_of(segment) * shm::kFactBytes, shm::kFactBytes);
    return reinterpret_cast<const shm::FactSlots::Slot*>(slot.data())->words[10] == kMiddle;
  }

 private:
  static constexpr std::uint64_t kBefore = 40;  // more than the stage's recorder holds
  // Of the record that is swept: eight times the letter of its text.
  static constexpr std::uint64_t kMiddle = ('0' + kBefore) * 0x0101010101010101;

  static std::uint64_t count_of(const shm::Segment& segment) {
    return shm::FactSlots{segment.recorder()}.count();
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.reset = [this] { stage_.reset(); };
    sweep.prepare = [this] {
      mortal_.emplace(shm::Segment::attach(stage_.name(), shm::Access::read_write).value());
    };
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
  Writer writer;
  return testing::sweep_main(
      argc, argv, "recorder",
      {writer.sweep_case(),
       writer.overtaken_case("one is overtaken before its slot", Writer::has_number),
       writer.overtaken_case("one is overtaken in the middle", Writer::has_half_written)});
}
