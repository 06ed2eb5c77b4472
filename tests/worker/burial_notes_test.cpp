// What a worker records of burials: what is said, how often, and what of it is counted only.
#include "worker/burial_notes.hpp"

#include "shm/log_field.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::worker {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kRecords = 16;

class BurialNotesTest : public ::testing::Test {
 protected:
  void note(std::int64_t now_ns, std::string_view name = "jobs") {
    notes_.poison({.shard = 2,
                   .message = "crash",
                   .agent = AgentId{EndpointId{3}, 1, 7},
                   .name = name,
                   .deaths = 3},
                  now_ns);
  }

  BurialNotes& notes() { return notes_; }

  /// All that is there, as the log would have it.
  std::vector<std::string> recorded() {
    std::vector<std::string> lines;
    for (const FactView& fact : shm::read_facts(region_).facts) {
      EXPECT_EQ(fact.level, FactLevel::warn);
      EXPECT_EQ(fact.written_by, 5U);
      std::vector<shm::LogField> fields;
      for (const FactField& field : fact.fields)
        fields.emplace_back(field);
      lines.push_back(shm::render_text(fact.text, fields));
    }
    return lines;
  }

 private:
  alignas(shm::kLinePair) std::array<std::byte, shm::FactSlots::bytes_for(kRecords)> region_{};
  BurialNotes notes_{shm::FlightRecorder{region_, 5}};
};

TEST_F(BurialNotesTest, PoisonNamesTheMessageAndTheAgent) {
  note(kSecond);
  EXPECT_EQ(recorded(), std::vector<std::string>{
                            "a message is now a dead letter: poison shard=2 message_name=crash "
                            "agent=0300000100000007 agent_name=jobs deaths=3"});
}

TEST_F(BurialNotesTest, CorruptSaysHowMuchIsLost) {
  notes().corrupt(1, 4, 96, kSecond);
  EXPECT_EQ(recorded(), std::vector<std::string>{
                            "bytes of a ring are given up: corrupt shard=1 source=4 bytes=96"});
}

TEST_F(BurialNotesTest, OneASecondOfAKindAndTheRestIsCounted) {
  note(kSecond);
  note(kSecond + 1);
  note(2 * kSecond - 1);
  notes().corrupt(1, 4, 96, 2 * kSecond - 1);
  EXPECT_EQ(recorded().size(), 2U);
  note(2 * kSecond);
  ASSERT_EQ(recorded().size(), 3U);
  EXPECT_TRUE(recorded().back().ends_with(" more=2")) << recorded().back();
  note(3 * kSecond);
  EXPECT_EQ(recorded().back().find("more"), std::string::npos);
}

}  // namespace
}  // namespace mabeam::worker
