// FactFollower: facts are told in the order of their numbers, whenever their writers end.
#include "tools/fact_follower.hpp"

#include "shm/clock.hpp"
#include "shm/flight_recorder.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mabeam::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kPatienceNs = std::chrono::nanoseconds{FactFollower::kPatience}.count();

class FactFollowerTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::span<std::byte> region() { return bytes_; }

  void write(const std::string& text) {
    shm::FlightRecorder{region()}.write(FactLevel::info, text, {});
  }

  /// A writer that has its number, and is stopped before it comes to its record.
  std::uint64_t begin() { return shm::FactSlots{region()}.begin(); }

  /// It goes on, with a fact of that time.
  void end(std::uint64_t number, const std::string& text) {
    alignas(shm::kLinePair) std::array<std::byte, shm::FactSlots::bytes_for(16)> other{};
    shm::FlightRecorder{other}.write(FactLevel::info, text, {});
    shm::FactSlots{std::span<std::byte>{other}}.read(
        [&](std::uint64_t, const shm::FactSlots::Record& record) {
          shm::FactSlots{region()}.write(number, record);
        });
  }

  std::vector<std::string> told(std::int64_t later_ns = 0, bool is_last = false) {
    FactList list = shm::read_facts(region());
    std::vector<std::string> texts;
    for (const FactView& fact :
         follower_.take(std::move(list), shm::monotonic_ns() + later_ns, is_last))
      texts.push_back(fact.text);
    return texts;
  }

 private:
  alignas(shm::kLinePair) std::array<std::byte, shm::FactSlots::bytes_for(16)> bytes_{};
  FactFollower follower_;
};

TEST_F(FactFollowerTest, WaitsForWhoSealsLateAndTellsInOrder) {
  write("first");
  const std::uint64_t late = begin();
  write("third");
  EXPECT_THAT(told(), ElementsAre("first"));
  EXPECT_THAT(told(), IsEmpty());
  end(late, "second");
  write("fourth");
  EXPECT_THAT(told(), ElementsAre("second", "third", "fourth"));
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(FactFollowerTest, DoesNotWaitForTheDeadForLong) {
  write("first");
  begin();
  write("third");
  EXPECT_THAT(told(), ElementsAre("first"));
  EXPECT_THAT(told(kPatienceNs), ElementsAre("third"));
  write("fourth");
  EXPECT_THAT(told(), ElementsAre("fourth"));
  begin();
  write("sixth");
  EXPECT_THAT(told(0, true), ElementsAre("sixth")) << "nobody is there any more";
}

TEST_F(FactFollowerTest, DoesNotWaitForWhatIsOverwritten) {
  write("old");
  EXPECT_THAT(told(), ElementsAre("old"));
  begin();
  for (int i = 0; i < 17; ++i)
    write("new");
  EXPECT_EQ(told().size(), 16U);
}

// As they are in a damaged segment.
TEST_F(FactFollowerTest, TimesOfNoClockKeepNothingBack) {
  begin();
  for (const std::uint64_t time : {std::uint64_t{INT64_MAX}, std::uint64_t{1} << 63U}) {
    shm::FactSlots::Record record{};
    record[1] = time;
    record[3] = 2;  // an empty text
    shm::FactSlots slots{region()};
    slots.write(slots.begin(), record);
    EXPECT_EQ(told().size(), 1U) << time;
    begin();
  }
}

}  // namespace
}  // namespace mabeam::tools
