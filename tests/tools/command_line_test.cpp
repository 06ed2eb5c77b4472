#include "tools/cli/command_line.hpp"

#include "tools/cli/arguments.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <set>
#include <sstream>
#include <streambuf>

namespace mabeam::tools {

namespace {

Outcome<Exit> say_runtime(const Arguments& arguments, Output& output) {
  output.print(arguments.runtime() + "\n");
  return Exit::done;
}

Outcome<Exit> say_names(const Arguments& arguments, Output& output) {
  const std::string name(arguments.value("name").value_or("-"));
  output.print(arguments.runtime_without_name() + " " + name + "\n");
  return Exit::done;
}

Outcome<Exit> refuse_all(const Arguments& /*arguments*/, Output& /*output*/) {
  return tl::unexpected(Failure{.exit = Exit::try_again, .code = "full", .message = "no room"});
}

Outcome<Exit> report_and_fail(const Arguments& /*arguments*/, Output& output) {
  output.document({{"done", 3}});
  return tl::unexpected(Failure{.exit = Exit::timed_out, .code = "late", .message = "late"});
}

constexpr std::array kNameOption{Option{"name", "NAME", "the agent's own name"}};
constexpr Command kWhere{
    .name = "where", .summary = "says the runtime", .details = "Examples:\n", .run = say_runtime};
constexpr Command kCreate{
    .name = "create", .summary = "says both", .options = kNameOption, .run = say_names};
constexpr Command kRefuse{.name = "refuse", .summary = "never works", .run = refuse_all};
constexpr Command kHalf{.name = "half", .summary = "works in part", .run = report_and_fail};
constexpr std::array<const Command*, 4> kTable{&kWhere, &kCreate, &kRefuse, &kHalf};

struct Ran {
  Exit exit;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& words, CommandTable table = kTable) {
  ::unsetenv("MABEAM_NAME");  // NOLINT(concurrency-mt-unsafe): tests have one thread
  std::ostringstream out;
  std::ostringstream err;
  Output output(out, err, {});
  const Exit exit = run_command_line(table, words, output);
  return {exit, out.str(), err.str()};
}

TEST(CommandLine, RuntimeMayBeNamedBeforeOrBehindTheCommand) {
  EXPECT_EQ(run({"where"}).out, "default\n");
  EXPECT_EQ(run({"where", "--name", "prod"}).out, "prod\n");
  EXPECT_EQ(run({"--name", "prod", "where"}).out, "prod\n");
  EXPECT_EQ(run({"--name=prod", "where"}).out, "prod\n");
}

TEST(CommandLine, NameBeforeTheCommandIsAlwaysTheRuntimes) {
  EXPECT_EQ(run({"--name", "prod", "create", "--name", "jobs"}).out, "prod jobs\n");
  EXPECT_EQ(run({"create", "--name", "jobs"}).out, "default jobs\n");
}

TEST(CommandLine, NothingIsHelpAndUsage) {
  const Ran ran = run({});
  EXPECT_EQ(ran.exit, Exit::usage);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("Usage: mabeam COMMAND"), std::string::npos);
}

TEST(CommandLine, NothingWithJsonIsADocumentToo) {
  const Ran ran = run({"--json"});
  EXPECT_EQ(ran.exit, Exit::usage);
  const auto document = nlohmann::json::parse(ran.out);
  EXPECT_EQ(document["error"]["code"], "usage");
  EXPECT_EQ(ran.err, "mabeam: no command is given (see mabeam --help)\n");
}

TEST(CommandLine, HelpIsMadeFromTheTable) {
  const Ran ran = run({"--help"});
  EXPECT_EQ(ran.exit, Exit::done);
  EXPECT_NE(ran.out.find("  where     says the runtime\n"), std::string::npos);
  EXPECT_NE(ran.out.find("  refuse    never works\n"), std::string::npos);
  EXPECT_EQ(run({"help"}).out, ran.out);
}

TEST(CommandLine, HelpOfACommandHasItsOptionsOnce) {
  const Ran ran = run({"create", "--help"});
  EXPECT_EQ(ran.exit, Exit::done);
  EXPECT_NE(ran.out.find("--name NAME           the agent's own name\n"), std::string::npos);
  EXPECT_EQ(ran.out.find("--name"), ran.out.rfind("--name"));
  EXPECT_NE(ran.out.find("--runtime NAME"), std::string::npos);
  EXPECT_EQ(run({"help", "create"}).out, ran.out);
}

TEST(CommandLine, UnknownCommandGetsASuggestion) {
  const Ran ran = run({"craete"});
  EXPECT_EQ(ran.exit, Exit::usage);
  EXPECT_EQ(ran.err,
            "mabeam: there is no command 'craete'; did you mean 'create'? (see mabeam --help)\n");
  EXPECT_EQ(run({"zzzzzz"}).err, "mabeam: there is no command 'zzzzzz' (see mabeam --help)\n");
  EXPECT_EQ(run({"help", "craete"}).exit, Exit::usage);
}

TEST(CommandLine, SuggestionsAreNear) {
  EXPECT_EQ(nearest_command(commands(), "pss"), &ps_command);
  EXPECT_EQ(nearest_command(commands(), "agent"), &agents_command);
  EXPECT_EQ(nearest_command(commands(), "veri"), &verify_command);
  EXPECT_EQ(nearest_command(commands(), "rm"), nullptr);
  EXPECT_EQ(nearest_command(commands(), ""), nullptr);
}

TEST(CommandLine, FailureIsASentenceOnStderr) {
  const Ran ran = run({"refuse"});
  EXPECT_EQ(ran.exit, Exit::try_again);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "mabeam refuse: no room\n");
}

TEST(CommandLine, FailureWithJsonIsADocumentToo) {
  const Ran ran = run({"refuse", "--json"});
  EXPECT_EQ(ran.out, R"({"schema_version":1,"error":{"code":"full","message":"no room"}})"
                     "\n");
  EXPECT_EQ(ran.err, "mabeam refuse: no room\n");
}

TEST(CommandLine, BadOptionWithJsonIsADocumentToo) {
  const Ran ran = run({"refuse", "--bogus", "--json"});
  EXPECT_EQ(ran.exit, Exit::usage);
  const auto document = nlohmann::json::parse(ran.out);
  EXPECT_EQ(document["error"]["code"], "usage");
  EXPECT_EQ(document["error"]["message"],
            "Option 'bogus' does not exist (see mabeam refuse --help)");
}

TEST(CommandLine, CommandThatHasWrittenItsDocumentGetsNoSecondOne) {
  const Ran ran = run({"half", "--json"});
  EXPECT_EQ(ran.exit, Exit::timed_out);
  EXPECT_EQ(ran.out, "{\"schema_version\":1,\"done\":3}\n");
  EXPECT_EQ(ran.err, "mabeam half: late\n");
}

class FullDisk : public std::streambuf {
 protected:
  int_type overflow(int_type /*letter*/) override {
    errno = ENOSPC;
    return traits_type::eof();
  }
};

TEST(CommandLine, AnswerThatCannotBeWrittenIsAFailure) {
  FullDisk disk;
  std::ostream out(&disk);
  std::ostringstream err;
  Output output(out, err, {});
  const std::vector<std::string> words{"where"};
  EXPECT_EQ(run_command_line(kTable, words, output), Exit::refused);
  EXPECT_EQ(err.str(), "mabeam where: cannot write standard output: No space left on device\n");
}

TEST(Commands, EveryRowIsComplete) {
  std::set<std::string_view> names;
  for (const Command* const command : commands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name << " is there twice";
    EXPECT_NE(command->run, nullptr) << command->name;
  }
}

TEST(Commands, EverySummaryFitsALine) {
  for (const Command* const command : commands()) {
    EXPECT_FALSE(command->summary.empty()) << command->name;
    EXPECT_LE(command->name.size() + command->summary.size(), 86U) << command->name;
  }
}

TEST(Commands, EveryOptionIsExplained) {
  for (const Command* const command : commands()) {
    for (const Option& option : command->options) {
      EXPECT_FALSE(option.help.empty()) << command->name << " --" << option.name;
    }
  }
}

TEST(Commands, EveryHelpFitsAHundredColumns) {
  for (const Command* const command : commands()) {
    std::istringstream lines(help_text(*command));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 100U) << command->name << ": " << line;
    }
  }
}

}  // namespace

}  // namespace mabeam::tools
