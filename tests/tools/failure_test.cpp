#include "tools/cli/failure.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace mabeam::tools {

namespace {

TEST(Failure, ExitCodesAreThoseOfTheContract) {
  EXPECT_EQ(static_cast<int>(Exit::done), 0);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::corrupt}, Step::request)), 65);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::truncated}, Step::file)), 65);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::backpressure}, Step::request)), 75);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::circuit_open}, Step::request)), 75);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::too_many_clients}, Step::attach)), 75);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::not_running}, Step::attach)), 75);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::incompatible}, Step::attach)), 76);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::byte_order}, Step::file)), 76);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::bad_permissions}, Step::attach)), 77);
  EXPECT_EQ(static_cast<int>(exit_for({Errc::timed_out}, Step::request)), 124);
}

TEST(Failure, WhatWasTypedWronglyIsUsage) {
  const Error long_name = fail(Argument::agent_name).value();
  EXPECT_EQ(exit_for(long_name, Step::request), Exit::usage);
  EXPECT_EQ(exit_for(fail(Argument::runtime_name).value(), Step::attach), Exit::usage);
  const Failure topic = refuse_typed({Errc::bad_topic, 2}, "topic 'a.*'").value();
  EXPECT_EQ(topic.exit, Exit::usage);
  EXPECT_EQ(topic.code, "bad_topic");
  EXPECT_TRUE(topic.message.starts_with("topic 'a.*': the topic or pattern is not"))
      << topic.message;
}

// An answer carries its code alone.
TEST(Failure, WhatAnAgentFindsWrongIsTheRuntimesNo) {
  EXPECT_EQ(exit_for({Errc::invalid_argument}, Step::request), Exit::refused);
  EXPECT_EQ(exit_for({Errc::bad_topic}, Step::request), Exit::refused);
}

TEST(Failure, FileThatCannotBeReadIsNoUsage) {
  const Failure missing = refuse_file({Errc::not_found, 0, ENOENT}, "/no/file").value();
  EXPECT_EQ(missing.exit, Exit::refused);
  EXPECT_EQ(missing.code, "not_found");
  EXPECT_EQ(missing.message, "cannot read '/no/file': No such file or directory");
  EXPECT_EQ(unreadable("standard input", EISDIR).value().exit, Exit::refused);
}

TEST(Failure, FileThatIsNoSegmentIsNotTakenForTheRuntimes) {
  for (const Errc code : {Errc::truncated, Errc::corrupt}) {
    const Failure failure = refuse_file({code}, "copy").value();
    EXPECT_EQ(failure.exit, Exit::damaged);
    EXPECT_EQ(failure.message.find("discard"), std::string::npos) << failure.message;
    EXPECT_EQ(failure.message.find("restart"), std::string::npos) << failure.message;
  }
  EXPECT_EQ(refuse_file({Errc::system, 0, EACCES}, "copy").value().exit, Exit::permission);
}

TEST(Failure, NotFoundIsNoRuntimeOnlyWhileAttaching) {
  EXPECT_EQ(exit_for({Errc::not_found}, Step::attach), Exit::no_runtime);
  EXPECT_EQ(exit_for({Errc::not_found}, Step::request), Exit::refused);
  EXPECT_EQ(static_cast<int>(Exit::no_runtime), 69);
}

TEST(Failure, OtherRefusalsAreTheRuntimesNo) {
  for (const Errc code : {Errc::unknown_action, Errc::schema_mismatch, Errc::message_too_large,
                          Errc::name_taken, Errc::too_many_agents, Errc::handler_failed,
                          Errc::unknown_type, Errc::symbols_full, Errc::closed, Errc::system}) {
    EXPECT_EQ(exit_for({code}, Step::request), Exit::refused) << code_name(code);
  }
  EXPECT_EQ(static_cast<int>(Exit::refused), 1);
}

TEST(Failure, MissingRuntimeSaysHowToStartOne) {
  const Failure failure = refuse_attach(Error{Errc::not_found}, "prod").value();
  EXPECT_EQ(failure.exit, Exit::no_runtime);
  EXPECT_EQ(failure.code, "not_found");
  EXPECT_EQ(
      failure.message,
      "there is no runtime 'prod'; start one with: mabeam-supervisor --config FILE --name prod");
}

TEST(Failure, UsageHasItsOwnWord) {
  const Failure failure = usage_error("--count takes a number").value();
  EXPECT_EQ(failure.exit, Exit::usage);
  EXPECT_EQ(static_cast<int>(failure.exit), 64);
  EXPECT_EQ(failure.code, "usage");
}

}  // namespace

}  // namespace mabeam::tools
