// Topics and patterns: NATS's grammar, and matching against a matcher that is plainly right.
#include "shm/topics.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::shm {
namespace {

constexpr int kNotBad = -1;

/// The number of the bad token, or kNotBad.
int bad_token(const Result<>& checked) {
  if (checked) return kNotBad;
  EXPECT_EQ(checked.error().code, Errc::bad_topic);
  return checked.error().subject;
}

TEST(Topics, WellFormedTopicsPass) {
  for (const char* topic : {"a", "a.b", "pkg.libs.x86_64", "\u00dcn\u00efcode.ok", "a-b.c_d.0"}) {
    EXPECT_EQ(bad_token(check_topic(topic)), kNotBad) << topic;
    EXPECT_EQ(bad_token(check_pattern(topic)), kNotBad) << topic;
  }
  EXPECT_EQ(bad_token(check_topic(std::string(255, 'x'))), kNotBad);
}

TEST(Topics, TheBadTokenIsNamed) {
  EXPECT_EQ(bad_token(check_topic("")), 0);
  EXPECT_EQ(bad_token(check_topic(std::string(256, 'x'))), 0);
  EXPECT_EQ(bad_token(check_topic(".")), 1);
  EXPECT_EQ(bad_token(check_topic("a.")), 2);
  EXPECT_EQ(bad_token(check_topic(".a")), 1);
  EXPECT_EQ(bad_token(check_topic("a..b")), 2);
  EXPECT_EQ(bad_token(check_topic("a.b c.d")), 2);
  EXPECT_EQ(bad_token(check_topic("a.b\n")), 2);
  EXPECT_EQ(bad_token(check_topic(std::string_view{"a\0b", 3})), 1);
  EXPECT_EQ(bad_token(check_topic("a.\x7F")), 2);
}

TEST(Topics, WildcardsAreForPatternsOnly) {
  EXPECT_EQ(bad_token(check_topic("a.*")), 2);
  EXPECT_EQ(bad_token(check_topic(">")), 1);
  for (const char* pattern : {"*", ">", "a.*", "a.>", "*.b.*", "*.>"}) {
    EXPECT_EQ(bad_token(check_pattern(pattern)), kNotBad) << pattern;
  }
}

TEST(Topics, WildcardsAreWholeTokens) {
  EXPECT_EQ(bad_token(check_pattern("a*")), 1);
  EXPECT_EQ(bad_token(check_pattern("a.b*.c")), 2);
  EXPECT_EQ(bad_token(check_pattern("a.>b")), 2);
  EXPECT_EQ(bad_token(check_pattern("a.>.b")), 2);
  EXPECT_EQ(bad_token(check_pattern("**")), 1);
}

TEST(Topics, Examples) {
  EXPECT_TRUE(matches("a.b", "a.b"));
  EXPECT_FALSE(matches("a.b", "a.c"));
  EXPECT_FALSE(matches("a.b", "a"));
  EXPECT_FALSE(matches("a", "a.b"));
  EXPECT_TRUE(matches("*", "a"));
  EXPECT_FALSE(matches("*", "a.b"));
  EXPECT_TRUE(matches("a.*.c", "a.b.c"));
  EXPECT_FALSE(matches("a.*", "a"));
  EXPECT_TRUE(matches(">", "a"));
  EXPECT_TRUE(matches(">", "a.b.c"));
  EXPECT_TRUE(matches("a.>", "a.b"));
  EXPECT_TRUE(matches("a.>", "a.b.c.d"));
  EXPECT_FALSE(matches("a.>", "a"));
  EXPECT_FALSE(matches("a.>", "b.c"));
  EXPECT_FALSE(matches("ab", "a"));
}

using Tokens = std::vector<std::string>;

std::string join(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens)
    text += (text.empty() ? "" : ".") + token;
  return text;
}

bool matches_naively(const Tokens& pattern, const Tokens& topic, std::size_t at = 0) {
  if (at == pattern.size()) return at == topic.size();
  if (at == topic.size()) return false;
  if (pattern[at] == ">") return true;
  if (pattern[at] != "*" && pattern[at] != topic[at]) return false;
  return matches_naively(pattern, topic, at + 1);
}

TEST(Topics, AgreeWithANaiveMatcher) {
  std::mt19937 random{20240607};
  const auto below = [&](std::size_t n) { return random() % n; };
  const Tokens words{"a", "b", "ab", "ba", "aa"};
  int matched = 0;
  for (int i = 0; i < 100'000; ++i) {
    Tokens topic(1 + below(4));
    for (std::string& token : topic)
      token = words[below(words.size())];
    Tokens pattern(1 + below(4));
    for (std::size_t at = 0; at < pattern.size(); ++at) {
      const bool is_same = below(2) == 0 && at < topic.size();
      pattern[at] = below(4) == 0 ? "*" : is_same ? topic[at] : words[below(words.size())];
    }
    if (below(3) == 0) pattern.back() = ">";
    ASSERT_TRUE(check_topic(join(topic)) && check_pattern(join(pattern)));
    const bool expected = matches_naively(pattern, topic);
    ASSERT_EQ(matches(join(pattern), join(topic)), expected) << join(pattern) << " " << join(topic);
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(matched, 10'000);
  EXPECT_LT(matched, 90'000);
}

TEST(Topics, AnyBytesAreCheckedWithoutACrash) {
  std::mt19937 random{7};
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 300, ' ');
    for (char& c : text)
      c = "ab.*>. \x80"[random() % 8];
    const bool is_topic = check_topic(text).has_value();
    const bool is_pattern = check_pattern(text).has_value();
    EXPECT_TRUE(is_pattern || !is_topic) << text;
    (void)matches(text, "a.b");
    (void)matches("a.>", text);
  }
}

}  // namespace
}  // namespace mabeam::shm
