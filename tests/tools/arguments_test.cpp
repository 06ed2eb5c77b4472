#include "tools/cli/arguments.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

namespace mabeam::tools {

namespace {

constexpr std::array kOptions{Option{"count", "N", ""}, Option{"subscribe", "PATTERN", ""},
                              Option{"wait", "DURATION", ""}, Option{"strict", "", ""}};
constexpr Command kCommand{
    .name = "try", .summary = "", .operands = "AGENT ACTION [PAYLOAD]", .options = kOptions};
constexpr Command kNoOperands{.name = "ps", .summary = ""};
constexpr std::array kNameOptions{Option{"name", "NAME", "the agent's"}};
constexpr Command kOwnName{.name = "create", .summary = "", .options = kNameOptions};

using Words = std::vector<std::string>;

Arguments parsed(const Words& words) {
  auto arguments = Arguments::parse(kCommand, words);
  EXPECT_TRUE(arguments) << arguments.error().message;
  return arguments.value_or(Arguments{});
}

std::string refusal(const Words& words, const Command& command = kCommand) {
  const auto arguments = Arguments::parse(command, words);
  if (arguments) return "";
  EXPECT_EQ(arguments.error().exit, Exit::usage);
  return arguments.error().message;
}

TEST(Arguments, ValuesAreTakenAsTyped) {
  const Arguments arguments =
      parsed({"jobs", "--subscribe", "a,b", "add", "--subscribe=c d", "x,y", "--subscribe", "a,b"});
  EXPECT_EQ(arguments.values("subscribe"), (std::vector<std::string_view>{"a,b", "c d", "a,b"}));
  EXPECT_EQ(arguments.operand(2), "x,y");
  EXPECT_EQ(arguments.operand(3), std::nullopt);
}

TEST(Arguments, WordsOfOptionsThatLookLikeOthersAreKept) {
  EXPECT_EQ(parsed({"a", "b", "--count", "false"}).value("count"), "false");
  EXPECT_EQ(parsed({"a", "b", "--count", "-5"}).value("count"), "-5");
  EXPECT_EQ(parsed({"a", "b", "--", "--json=false"}).operand(2), "--json=false");
}

TEST(Arguments, LastValueCounts) {
  EXPECT_EQ(parsed({"a", "b", "--count", "1", "--count", "2"}).value("count"), "2");
}

TEST(Arguments, NegativeNumbersAreOperands) {
  EXPECT_EQ(parsed({"a", "b", "-5"}).operand(2), "-5");
  EXPECT_EQ(parsed({"a", "b", "-.5"}).operand(2), "-.5");
  EXPECT_EQ(parsed({"a", "b", "--", "-5"}).operand(2), "-5");
}

TEST(Arguments, DashIsAnOperandAndEverythingIsBehindTwo) {
  EXPECT_EQ(parsed({"a", "b", "-"}).operand(2), "-");
  const Arguments arguments = parsed({"a", "--strict", "--", "b", "--strict"});
  EXPECT_EQ(arguments.operand(2), "--strict");
  EXPECT_TRUE(arguments.has("strict"));
}

TEST(Arguments, EmptyOperandsAreKept) {
  EXPECT_EQ(parsed({"a", "b", ""}).operand(2), "");
}

TEST(Arguments, UnknownAndIncompleteOptionsAreNamed) {
  EXPECT_EQ(refusal({"a", "b", "--bogus"}), "Option 'bogus' does not exist");
  EXPECT_EQ(refusal({"a", "b", "--count"}), "Option 'count' is missing an argument");
  EXPECT_NE(refusal({"a", "b", "-x"}), "");
  EXPECT_EQ(refusal({"a", "b", "--strict=false"}), "Option 'strict' takes no value");
}

TEST(Arguments, EmptyValuesAreRefused) {
  EXPECT_EQ(refusal({"a", "b", "--count", ""}), "Option 'count' needs a value that is not empty");
  EXPECT_EQ(refusal({"a", "b", "--count="}), "Option 'count' needs a value that is not empty");
  EXPECT_EQ(refusal({"--name", ""}, kOwnName), "Option 'name' needs a value that is not empty");
}

TEST(Arguments, OperandsAreCounted) {
  EXPECT_EQ(refusal({"a"}), "too few operands: takes AGENT ACTION [PAYLOAD], 1 given");
  EXPECT_EQ(refusal({"a", "b", "c", "d"}),
            "too many operands: takes AGENT ACTION [PAYLOAD], 4 given");
  EXPECT_EQ(refusal({"a"}, kNoOperands), "takes no operands, 1 given");
  EXPECT_EQ(refusal({}, kNoOperands), "");
}

TEST(Arguments, HelpNeedsNoOperands) {
  EXPECT_TRUE(parsed({"--help"}).has("help"));
  EXPECT_TRUE(parsed({"-h"}).has("help"));
}

TEST(Arguments, OperandCountsComeFromTheUsageText) {
  EXPECT_EQ(count_operands("").most, 0U);
  EXPECT_EQ(count_operands("AGENT ACTION [PAYLOAD]").least, 2U);
  EXPECT_EQ(count_operands("AGENT ACTION [PAYLOAD]").most, 3U);
  EXPECT_EQ(count_operands("AGENT...").least, 1U);
  EXPECT_GT(count_operands("AGENT...").most, 1000U);
}

TEST(Arguments, NumbersAreWholeAndInRange) {
  EXPECT_EQ(parsed({"a", "b"}).number("count", 7), 7U);
  EXPECT_EQ(parsed({"a", "b", "--count", "18446744073709551615"}).number("count", 7),
            18446744073709551615U);
}

TEST(Arguments, AnythingElseThanANumberInRangeIsRefused) {
  for (const char* const text : {"-1", "1.5", "x", "18446744073709551616", "1 ", "0"}) {
    const auto number = parsed({"a", "b", "--count", text}).number("count", 7, 1);
    ASSERT_FALSE(number) << text;
    EXPECT_EQ(number.error().message,
              "--count takes a whole number from 1 on, not '" + std::string(text) + "'");
  }
}

TEST(Arguments, DurationsAreParsed) {
  EXPECT_EQ(parsed({"a", "b", "--wait", "5ms"}).duration("wait", {}),
            std::chrono::nanoseconds{5'000'000});
  EXPECT_FALSE(parsed({"a", "b", "--wait", "5"}).duration("wait", {}));
}

class RuntimeName : public ::testing::Test {
 protected:
  void SetUp() override { forget_environment(); }

  void TearDown() override { forget_environment(); }

  // NOLINTBEGIN(concurrency-mt-unsafe): tests have one thread
  static void set_environment(const char* name) { ::setenv("MABEAM_NAME", name, 1); }

  static void forget_environment() { ::unsetenv("MABEAM_NAME"); }

  // NOLINTEND(concurrency-mt-unsafe)
};

TEST_F(RuntimeName, OptionsWinOverTheEnvironment) {
  EXPECT_EQ(parsed({"a", "b"}).runtime(), "default");
  EXPECT_FALSE(parsed({"a", "b"}).names_runtime());
  set_environment("env");
  EXPECT_EQ(parsed({"a", "b"}).runtime(), "env");
  EXPECT_TRUE(parsed({"a", "b"}).names_runtime());
  EXPECT_EQ(parsed({"a", "b", "--name", "n"}).runtime(), "n");
  EXPECT_EQ(parsed({"a", "b", "--runtime", "r", "--name", "n"}).runtime(), "r");
}

TEST_F(RuntimeName, EmptyEnvironmentIsNone) {
  set_environment("");
  EXPECT_EQ(parsed({"a", "b"}).runtime(), "default");
  EXPECT_FALSE(parsed({"a", "b"}).names_runtime());
}

TEST_F(RuntimeName, CommandWithItsOwnNameOptionStillParses) {
  const Words words{"--name", "jobs"};
  const auto arguments = Arguments::parse(kOwnName, words);
  ASSERT_TRUE(arguments) << arguments.error().message;
  EXPECT_EQ(arguments->value("name"), "jobs");
  EXPECT_EQ(arguments->runtime_without_name(), "default");
}

}  // namespace

}  // namespace mabeam::tools
