#include "supervisor/options.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

namespace mabeam::supervisor {
namespace {

tl::expected<Options, Refusal> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "mabeam-supervisor");
  return parse_options(static_cast<int>(words.size()), words.data());
}

TEST(Options, NothingIsTheDefault) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->config_file.empty());
  EXPECT_FALSE(options->checks);
}

TEST(Options, AllAreUnderstood) {
  const auto options = parse({"--config", "a.toml", "--name=prod", "--check", "--discard"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->config_file, "a.toml");
  EXPECT_EQ(options->name, "prod");
  EXPECT_TRUE(options->checks);
  EXPECT_TRUE(options->discards);
  EXPECT_FALSE(options->checks_handover);
  EXPECT_TRUE(parse({"--handover-check"})->checks_handover);
}

// A name that is no path was found by PATH, or made up: then it is this program's own file.
TEST(Options, ProgramCanBeRunAgain) {
  const auto options = parse({"--name", "prod"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->invocation.arguments,
            (std::vector<std::string>{"mabeam-supervisor", "--name", "prod"}));
  EXPECT_EQ(options->invocation.program, std::filesystem::read_symlink("/proc/self/exe"));
  const auto link =
      std::filesystem::path{testing::TempDir()} / ("mabeam-link-" + std::to_string(::getpid()));
  std::filesystem::create_symlink("/proc/self/exe", link);
  const std::array<const char*, 1> words{link.c_str()};
  EXPECT_EQ(Invocation::of(1, words.data()).program, link) << "where an update would be put";
  std::filesystem::remove(link);
}

TEST(Options, WhatIsNotUnderstoodIsAUsageError) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"--nope"}, {"stray"}, {"--config"}, {"--config="}, {"--name", ""}, {"-x"}}) {
    const auto options = parse(words);
    ASSERT_FALSE(options) << words.front();
    EXPECT_EQ(options.error().code, ExitCode::usage);
    EXPECT_NE(options.error().message.find("--help"), std::string::npos);
  }
}

TEST(Options, HelpNamesEveryOption) {
  const std::string help = help_text();
  for (const char* option : {"--config", "--name", "--check", "--discard", "--version", "--help"}) {
    EXPECT_NE(help.find(option), std::string::npos) << option;
  }
}

}  // namespace
}  // namespace mabeam::supervisor
