// The datagrams of questions and answers, and a supervisor that is not there.
#include "shm/control.hpp"

#include "shm/process.hpp"
#include "tests/support/test_segment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace mabeam::shm {
namespace {

using ::testing::ElementsAre;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span{text});
}

TEST(Control, AnswerArrivesAsItWasSaid) {
  const ControlAnswer answer{ControlVerdict::busy,
                             {{"reason", "later"}, {"fault", "a.toml:1:2: no\tway"}, {"", ""}}};
  const std::string datagram = write_answer(answer, 7);
  const auto same = read_answer(bytes_of(datagram), 7);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->verdict, ControlVerdict::busy);
  EXPECT_EQ(same->lines, answer.lines);
  EXPECT_THAT(same->all("fault"), ElementsAre("a.toml:1:2: no\tway"));
  EXPECT_FALSE(read_answer(bytes_of(datagram), 8)) << "another question's";
}

TEST(Control, LinesThatDoNotFitAreLeftOut) {
  ControlAnswer answer;
  for (int i = 0; i < 100; ++i)
    answer.lines.push_back({"fault", std::string(1000, 'x')});
  const std::string datagram = write_answer(answer, 1);
  EXPECT_LE(datagram.size(), kControlBytesMax);
  EXPECT_GT(read_answer(bytes_of(datagram), 1)->lines.size(), 60U);
}

TEST(Control, ALineEndInATextIsNoLine) {
  const std::string datagram = write_answer({ControlVerdict::done, {{"reason", "a\nb"}}}, 1);
  EXPECT_THAT(read_answer(bytes_of(datagram), 1)->all("reason"), ElementsAre("a b"));
}

TEST(Control, OddDatagramsAreNone) {
  ControlQuestion question{.magic = kControlMagic, .text_bytes = 3};
  std::string datagram(sizeof question, '\0');
  std::memcpy(datagram.data(), &question, sizeof question);
  EXPECT_FALSE(read_question(bytes_of(datagram))) << "its text is missing";
  EXPECT_TRUE(read_question(bytes_of(datagram + "abc")));
  EXPECT_FALSE(read_question(bytes_of(datagram + "abcd")));
  datagram[0] ^= 1;
  EXPECT_FALSE(read_question(bytes_of(datagram + "abc")));
  EXPECT_FALSE(read_question(bytes_of("1"))) << "a ring";
  EXPECT_FALSE(read_answer(bytes_of("short"), 0));
  std::string answer = write_answer({}, 0);
  answer[4] = 9;
  EXPECT_FALSE(read_answer(bytes_of(answer), 0)) << "no verdict";
}

TEST(Control, WithoutASupervisorNobodyIsAsked) {
  const tests::TestSegment segment;
  const auto ask = [&] {
    return ask_supervisor(segment.get(), ControlCommand::shutdown, 0, {}, std::chrono::seconds{1});
  };
  EXPECT_EQ(ask().error().code, Errc::not_running);
  // One that lives and has no bell: this very process.
  segment.get().header().supervisor.store(self_process().value);
  EXPECT_EQ(ask().error().code, Errc::not_running);
}

TEST(Control, WaitingForAnEndHasALimit) {
  EXPECT_EQ(wait_for_end(self_process(), std::chrono::milliseconds{1}).error().code,
            Errc::timed_out);
  EXPECT_TRUE(wait_for_end(ProcessId::of(1, 0), std::chrono::seconds{1})) << "no such process";
}

}  // namespace
}  // namespace mabeam::shm
