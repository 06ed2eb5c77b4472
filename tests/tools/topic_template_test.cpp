#include "tools/feed/topic_template.hpp"

#include <gtest/gtest.h>

#include <map>

namespace mabeam::tools {

namespace {

std::string topic(std::string_view text,
                  const std::map<std::string, std::string, std::less<>>& fields) {
  const auto parsed = TopicTemplate::parse(text);
  if (!parsed) return parsed.error().message;
  return parsed->topic([&](std::string_view name) -> std::optional<std::string> {
    const auto found = fields.find(name);
    return found == fields.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string refusal(std::string_view text) {
  const auto parsed = TopicTemplate::parse(text);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().exit, Exit::usage);
  return parsed.error().message;
}

TEST(TopicTemplate, FieldsArePutIn) {
  EXPECT_EQ(topic("pkg.{Section}", {{"Section", "libs"}}), "pkg.libs");
  EXPECT_EQ(topic("{a}-{b}.{a}", {{"a", "x"}, {"b", "y"}}), "x-y.x");
  EXPECT_EQ(topic("fixed", {}), "fixed");
}

TEST(TopicTemplate, MissingAndEmptyFieldsAreNone) {
  EXPECT_EQ(topic("pkg.{Section}", {}), "pkg.none");
  EXPECT_EQ(topic("pkg.{Section}", {{"Section", ""}}), "pkg.none");
  EXPECT_EQ(topic("pkg.{Section}", {{"Section", "  \t"}}), "pkg.none");
}

TEST(TopicTemplate, ValueIsAlwaysOneToken) {
  EXPECT_EQ(topic_token("a b"), "a_b");
  EXPECT_EQ(topic_token("1.2.3"), "1_2_3");
  EXPECT_EQ(topic_token("*"), "_");
  EXPECT_EQ(topic_token("a>b"), "a_b");
  EXPECT_EQ(topic_token("a\nb\x01\x7F"), "a_b__");
  EXPECT_EQ(topic_token("non-free/libs"), "non-free/libs");
  EXPECT_EQ(topic_token(" libs "), "libs");
  EXPECT_EQ(topic_token("\xC3\xA4"), "\xC3\xA4");
}

TEST(TopicTemplate, DoubledBracesAreBraces) {
  EXPECT_EQ(topic("a{{b}}.{c}", {{"c", "d"}}), "a{b}.d");
}

TEST(TopicTemplate, ValueWithBracesIsNotLookedUpAgain) {
  EXPECT_EQ(topic("a.{b}", {{"b", "{c}"}, {"c", "d"}}), "a.{c}");
}

TEST(TopicTemplate, FieldNamesAreListed) {
  EXPECT_EQ(TopicTemplate::parse("{a}.x.{b}")->fields(), (std::vector<std::string>{"a", "b"}));
}

TEST(TopicTemplate, BracesMustMatch) {
  EXPECT_EQ(refusal("a.{b"), "the template 'a.{b' has a { without its } (write {{ for a brace)");
  EXPECT_EQ(refusal("a.b}"), "the template 'a.b}' has a } without its { (write }} for a brace)");
  EXPECT_EQ(refusal("a.{}"), "the template 'a.{}' has {} without a field's name in it");
}

TEST(TopicTemplate, WhatCanNeverBeATopicIsRefusedAtOnce) {
  EXPECT_EQ(refusal(""), "the template '' is empty");
  EXPECT_EQ(refusal("a..b"), "the template 'a..b' has an empty token");
  EXPECT_EQ(refusal(".{a}"), "the template '.{a}' has an empty token");
  EXPECT_EQ(refusal("{a}."), "the template '{a}.' has an empty token");
  EXPECT_EQ(refusal("a.*"), "the template 'a.*' has '*' in it, which no topic may have");
  EXPECT_EQ(refusal("a b"), "the template 'a b' has ' ' in it, which no topic may have");
}

}  // namespace

}  // namespace mabeam::tools
