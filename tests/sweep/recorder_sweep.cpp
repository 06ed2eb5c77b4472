// The flight recorder: a writer is killed after every instruction of a record that overwrites the
// oldest. Those that are older are whole all the time; the record is there or is not, never in
// part; and whoever writes next is not hindered.
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
    for (int i = 0; i < kBefore; ++i)
      write(stage_.segment());
    stage_.freeze();
  }

  testing::SweepCase sweep_case() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.reset = [this] { stage_.reset(); };
    sweep.prepare = [this] {
      mortal_.emplace(shm::Segment::attach(stage_.name(), shm::Access::read_write).value());
    };
    sweep.operation = [this] { write(*mortal_); };
    sweep.recover_and_check = [this] { return check(); };
    return {.name = "a fact is recorded", .sweep = sweep};
  }

 private:
  static constexpr int kBefore = 40;  // more than the stage's recorder holds

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
    if (list.facts.size() + lost < shm::FactSlots{region}.count()) return "others are lost, too";
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
  std::optional<shm::Segment> mortal_;  // the child's
};

}  // namespace

int main(int argc, char** argv) {
  Writer writer;
  return testing::sweep_main(argc, argv, "recorder", {writer.sweep_case()});
}
