#include "supervisor/handover.hpp"

#include "shm/layout.hpp"

#include "mabeam/version.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr ChildStatus kDone{false, 0};
constexpr const char* kOwn = "mabeam-handover 1 7 0123456789abcdef prod 1.0";

std::string objection(ChildStatus status, std::string_view said) {
  return find_objection(status, said, kOwn).value_or("none");
}

TEST(Handover, SaysProtocolLayoutRuntimeAndVersion) {
  EXPECT_THAT(handover_text("prod"),
              StartsWith("mabeam-handover 1 " + std::to_string(shm::kLayoutVersion) + " "));
  EXPECT_THAT(handover_text("prod"), HasSubstr(" prod " + std::string{version()}));
  EXPECT_EQ(find_objection(kDone, handover_text("prod") + "\n", handover_text("prod")),
            std::nullopt);
}

TEST(Handover, AnotherVersionOfTheSameLayoutMayTakeOver) {
  EXPECT_EQ(objection(kDone, "mabeam-handover 1 7 0123456789abcdef prod 2.0\n"), "none");
}

TEST(Handover, AnotherLayoutIsNamedWhateverElseItSays) {
  for (const ChildStatus status : {kDone, ChildStatus{false, 76}}) {
    EXPECT_THAT(objection(status, "mabeam-handover 1 8 0123456789abcdef prod 2.0\nno way\n"),
                HasSubstr("layout 8 (0123456789abcdef), and this one 7 (0123456789abcdef)"));
  }
  EXPECT_THAT(objection(kDone, "mabeam-handover 1 7 fedcba9876543210 prod 2.0"),
              HasSubstr("start it with the new program"));
}

TEST(Handover, WhoeverFailsSaysWhy) {
  const std::string offer = std::string{kOwn} + "\n";
  EXPECT_EQ(objection({false, 78}, offer + "a.toml:1:2: no\nb\n"),
            "it exits with 78: a.toml:1:2: no");
  EXPECT_EQ(objection({false, 64}, ""), "it exits with 64");
  EXPECT_EQ(objection({true, SIGSEGV}, offer), "it is ended by signal SIGSEGV");
}

TEST(Handover, WhatDoesNotSayThatItCanDoesNot) {
  for (const char* said : {"", "\n\n", "hello", "mabeam-handover", "mabeam-handover 1 7 x prod"})
    EXPECT_THAT(objection(kDone, said), HasSubstr("no mabeam-supervisor")) << said;
  EXPECT_EQ(objection(kDone, "mabeam-handover 2 7 0123456789abcdef prod 2.0"),
            "it hands over in another way");
  EXPECT_EQ(objection(kDone, "mabeam-handover 1 7 0123456789abcdef test 2.0"),
            "it would run the runtime 'test'");
}

TEST(Inheritance, IsReadAsItIsWritten) {
  const Inheritance left{.lock = 7, .bell = 9, .workers = 3, .since = Time{123}};
  const auto found = parse_inheritance(inheritance_text(left, 42), 42);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->lock, 7);
  EXPECT_EQ(found->bell, 9);
  EXPECT_EQ(found->workers, 3U);
  EXPECT_EQ(found->since, Time{123});
  EXPECT_TRUE(parse_inheritance("42 7 -1 3 123", 42)) << "there was no bell";
}

TEST(Inheritance, DescriptorsThatAreNotOpenAreNotBelieved) {
  const auto take = [](int lock, int bell) {
    const Inheritance left{.lock = lock, .bell = bell, .workers = 1, .since = {}};
    ::setenv(kHandoverVariable, inheritance_text(left, ::getpid()).c_str(), 1);
    const auto found = take_inheritance();
    EXPECT_EQ(std::getenv(kHandoverVariable), nullptr) << "no child gets it";
    return found;
  };
  const int open = ::fcntl(STDERR_FILENO, F_DUPFD, 100);
  EXPECT_FALSE(take(901, open));
  const auto found = take(open, 901);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bell, -1);
  EXPECT_EQ(::fcntl(open, F_GETFD), FD_CLOEXEC);
  ::close(open);
}

TEST(Inheritance, OfAnotherProcessOrWithoutSenseIsNone) {
  for (const char* text : {"", "43 7 9 3 1", "42 7 9 3", "42 7 9 3 1 1", "42 2 9 3 1", "42 7 1 3 1",
                           "42 7 7 3 1", "42 7 9 0 1", "42 7 9 129 1", "42 7 9 -1 1", "42 x 9 3 1"})
    EXPECT_FALSE(parse_inheritance(text, 42)) << text;
}

}  // namespace
}  // namespace mabeam::supervisor
