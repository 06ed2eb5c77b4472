// Errors: their numbers never change, and each has a word and a sentence.
#include "mabeam/result.hpp"

#include "mabeam/version.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace mabeam {
namespace {

// They are printed by tools and kept in dead letters: this table may only grow.
constexpr std::array<std::pair<Errc, std::string_view>, 28> kCodes{{
    {Errc{1}, "invalid_argument"},
    {Errc{2}, "backpressure"},
    {Errc{3}, "circuit_open"},
    {Errc{4}, "closed"},
    {Errc{5}, "corrupt"},
    {Errc{6}, "incompatible"},
    {Errc{7}, "system"},
    {Errc{8}, "not_found"},
    {Errc{9}, "unknown_action"},
    {Errc{10}, "schema_mismatch"},
    {Errc{11}, "message_too_large"},
    {Errc{12}, "name_taken"},
    {Errc{13}, "too_many_agents"},
    {Errc{14}, "too_many_clients"},
    {Errc{15}, "symbols_full"},
    {Errc{16}, "subscriptions_full"},
    {Errc{17}, "timed_out"},
    {Errc{18}, "handler_failed"},
    {Errc{19}, "no_room"},
    {Errc{20}, "bad_permissions"},
    {Errc{21}, "truncated"},
    {Errc{22}, "byte_order"},
    {Errc{23}, "bad_topic"},
    {Errc{24}, "not_running"},
    {Errc{25}, "in_use"},
    {Errc{26}, "too_many_changes"},
    {Errc{27}, "unknown_type"},
    {Errc{28}, "state_too_large"},
}};

TEST(Errors, NumbersAreStable) {
  for (const auto& [code, name] : kCodes)
    EXPECT_EQ(code_name(code), name);
  EXPECT_EQ(Errc::invalid_argument, Errc{1});
  EXPECT_EQ(Errc::timed_out, Errc{17});
  EXPECT_EQ(Errc::state_too_large, Errc{28});
}

TEST(Errors, EveryCodeIsDescribedInOneSentenceOfItsOwn) {
  std::set<std::string> sentences;
  for (const auto& [code, name] : kCodes) {
    const std::string sentence = describe({code});
    EXPECT_GT(sentence.size(), 10U) << name;
    EXPECT_NE(sentence.back(), '.') << name;
    EXPECT_EQ(sentence.find('\n'), std::string::npos) << name;
    EXPECT_TRUE(sentences.insert(sentence).second) << name;
  }
}

TEST(Errors, EveryArgumentIsDescribedByWhatIsAllowed) {
  std::set<std::string> sentences{describe({Errc::invalid_argument})};
  const auto last = static_cast<std::uint16_t>(Argument::metadata);
  for (std::uint16_t number = 1; number <= last; ++number) {
    const Error error = fail(static_cast<Argument>(number)).value();
    EXPECT_EQ(error, (Error{Errc::invalid_argument, number}));
    EXPECT_TRUE(sentences.insert(describe(error)).second) << number;
  }
  EXPECT_NE(describe(fail(Argument::agent_name).value()).find("63 bytes"), std::string::npos);
  EXPECT_EQ(describe({Errc::invalid_argument, static_cast<std::uint16_t>(last + 1)}),
            describe({Errc::invalid_argument}));
}

TEST(Errors, WhatIsTooLargeOrMalformedNamesItsLimit) {
  const std::string too_large = describe({Errc::message_too_large});
  EXPECT_NE(too_large.find("[channels]"), std::string::npos);
  EXPECT_NE(too_large.find("[events] log_bytes"), std::string::npos);
  const std::string topic = describe({Errc::bad_topic});
  EXPECT_NE(topic.find("255 bytes"), std::string::npos);
  EXPECT_NE(topic.find("only a pattern may have *"), std::string::npos);
}

TEST(Errors, DescribeIsTotal) {
  for (std::uint32_t number = 0; number <= 0xFFFF; ++number) {
    const Errc code{static_cast<std::uint16_t>(number)};
    EXPECT_FALSE(code_name(code).empty());
    EXPECT_FALSE(describe({code, 0xFFFF, -1}).empty());
  }
  EXPECT_EQ(code_name(Errc{999}), "unknown");
  EXPECT_NE(describe({Errc{999}}).find("999"), std::string::npos);
}

TEST(Errors, TheKernelsReasonIsTold) {
  EXPECT_NE(describe({Errc::no_room, 0, ENOSPC}).find("No space left"), std::string::npos);
  EXPECT_EQ(describe({Errc::no_room}).find("No space left"), std::string::npos);
}

TEST(Errors, TheBadTokenIsTold) {
  EXPECT_NE(describe({Errc::bad_topic, 3}).find("token 3"), std::string::npos);
  EXPECT_EQ(describe({Errc::bad_topic, 0}).find("token 0"), std::string::npos);
}

TEST(Errors, AreEightBytesInTheErrorBranch) {
  const Result<std::uint64_t> failed = fail(Errc::in_use, 7);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), (Error{Errc::in_use, 7, 0}));
  const Result<> system = fail_system(EPERM, Errc::bad_permissions);
  EXPECT_EQ(system.error(), (Error{Errc::bad_permissions, 0, EPERM}));
  static_assert(sizeof(Result<std::uint64_t>) == 16);
}

TEST(Version, IsThreeNumbers) {
  EXPECT_EQ(std::count(version().begin(), version().end(), '.'), 2);
  EXPECT_FALSE(version().empty());
}

}  // namespace
}  // namespace mabeam
