// Every row of the table, by the table itself: a new key is tested as soon as it has a row.
#include "supervisor/config_keys.hpp"

#include "tests/supervisor/config_support.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace mabeam::supervisor {
namespace {

using Texts = std::vector<std::string>;

/// A number of the key's kind, as it is written in TOML.
std::string number_text(const KeyInfo& key, std::int64_t number) {
  const auto text = std::to_string(number);
  return key.rule.kind == ValueKind::time ? '"' + text + "ns\"" : text;
}

bool is_ranged(const KeyInfo& key) {
  return key.rule.kind == ValueKind::integer || key.rule.kind == ValueKind::size ||
         key.rule.kind == ValueKind::time || key.rule.kind == ValueKind::size_or_percent;
}

/// Values that are allowed, both ends of a range among them.
Texts good_values(const KeyInfo& key) {
  if (is_ranged(key)) {
    Texts texts{number_text(key, key.rule.range.min), number_text(key, key.rule.range.max)};
    if (!key.rule.range.zero.empty()) texts.push_back(number_text(key, 0));
    if (key.rule.kind == ValueKind::size_or_percent)
      texts.insert(texts.end(), {R"("1%")", R"("100%")"});
    return texts;
  }
  switch (key.rule.kind) {
    case ValueKind::boolean:
      return {"true", "false"};
    case ValueKind::name:
      return {R"("prod-2_b")"};
    case ValueKind::path:
      return {R"("/opt/a b\\c")", R"("")"};
    case ValueKind::paths:
      return {R"(["a.so", "/opt/b.so"])", "[]"};
    case ValueKind::cpus:
      return {R"("0-3,5")", R"("")"};
    case ValueKind::address:
      return {R"("unix:/run/m.sock")", R"("[::1]:80")"};
    case ValueKind::rate:
      return {"{rate = 1000000000, burst = 7}", "{rate = 0, burst = 0}",
              "{rate = 5, burst = 0, shadow = true}"};
    case ValueKind::fraction:
      return {"0", "0.25", "1"};
    default:
      break;
  }
  Texts texts;
  for (const auto choice : key.rule.choices)
    texts.push_back('"' + std::string{choice} + '"');
  return texts;
}

/// Values of the right type that are not allowed.
Texts bad_values(const KeyInfo& key) {
  if (is_ranged(key)) {
    const auto range = key.rule.range;
    Texts texts{number_text(key, range.min - 1), number_text(key, range.max + 1)};
    if (range.power_of_two) texts.insert(texts.end(), {number_text(key, range.min + 1), "0"});
    if (key.rule.kind == ValueKind::size_or_percent)
      texts.insert(texts.end(), {R"("0%")", R"("101%")"});
    if (key.rule.kind != ValueKind::integer) texts.insert(texts.end(), {R"("1x")", R"("")"});
    return texts;
  }
  switch (key.rule.kind) {
    case ValueKind::boolean:
      return {R"("true")"};
    case ValueKind::name:
      return {R"("")", R"("Prod")", R"("a/b")"};
    case ValueKind::path:
      return {R"("a\nb")"};
    case ValueKind::paths:
      return {R"([""])", R"(["a.so", 5])"};
    case ValueKind::cpus:
      return {R"("3-1")", R"("1024")"};
    case ValueKind::address:
      return {R"("")", R"("host")"};
    case ValueKind::rate:
      return {"{rate = -1}", "{burst = 1000000001}", "{rate = 1, brust = 2}",
              "{rate = 1, shadow = 1}"};
    case ValueKind::fraction:
      return {"-0.01", "1.01", "nan", "inf", R"("0.5")"};
    default:
      return {R"("")", R"("nonsense")"};
  }
}

/// Values of types that the key does not take.
Texts wrong_types(const KeyInfo& key) {
  Texts texts{"1.5", "1979-05-27", "[[1]]", "{nonsense = 1}"};
  if (key.rule.kind != ValueKind::boolean) texts.emplace_back("true");
  const bool takes_integers = is_ranged(key) && key.rule.kind != ValueKind::time;
  if (!takes_integers) texts.emplace_back("7");
  if (key.rule.kind == ValueKind::integer) texts.emplace_back(R"("7")");
  return texts;
}

std::string line_of(const KeyInfo& key, std::string_view value) {
  return key.full_name().append(" = ").append(value).append("\n");
}

/// The other key of a pair, moved out of the way of any value of this one.
std::string room_for(const KeyInfo& key) {
  if (key.full_name() == "restart.backoff_min") return "restart.backoff_max = \"24h\"\n";
  if (key.full_name() == "restart.backoff_max") return "restart.backoff_min = \"0s\"\n";
  return {};
}

class ConfigKey : public ::testing::TestWithParam<KeyInfo> {};

INSTANTIATE_TEST_SUITE_P(Table, ConfigKey,
                         ::testing::ValuesIn(describe_config().begin(), describe_config().end()),
                         [](const auto& each) {
                           return std::string{each.param.section}.append("_").append(
                               each.param.key);
                         });

/// Keys besides `except` that hold different values.
Messages names_of_changed(const Config& one, const Config& other, const KeyInfo& except) {
  Messages names;
  for (const auto& key : describe_config()) {
    const bool is_excepted = key.full_name() == except.full_name();
    if (!is_excepted && !is_same_value(key, one, other)) names.push_back(key.full_name());
  }
  return names;
}

/// A size or a time in its smallest unit, so that "1KiB" is 1024; anything else as it is.
std::string canonical(const KeyInfo& key, const std::string& text) {
  const auto bare = text.starts_with('"') ? text.substr(1, text.size() - 2) : text;
  const bool is_size =
      key.rule.kind == ValueKind::size || key.rule.kind == ValueKind::size_or_percent;
  if (is_size && parse_size(bare)) return std::to_string(*parse_size(bare));
  if (key.rule.kind == ValueKind::time) return std::to_string(parse_time(bare)->count());
  return text;
}

TEST_P(ConfigKey, HasTheDefaultThatTheTableSays) {
  const auto& key = GetParam();
  EXPECT_EQ(value_text(key, Config{}), key.default_text);
  if (key.is_computed()) return;
  EXPECT_TRUE(is_same_value(key, good(line_of(key, key.default_text)), Config{}));
}

TEST_P(ConfigKey, TakesEveryGoodValueAndChangesNothingElse) {
  const auto& key = GetParam();
  const auto before = good(room_for(key));
  bool has_changed = false;
  for (const auto& value : good_values(key)) {
    const auto config = good(room_for(key) + line_of(key, value));
    has_changed = has_changed || !is_same_value(key, config, Config{});
    EXPECT_EQ(names_of_changed(before, config, key), Messages{}) << value;
    EXPECT_EQ(canonical(key, value_text(key, config)), canonical(key, value));
  }
  EXPECT_TRUE(has_changed);
}

TEST_P(ConfigKey, RefusesEveryBadValue) {
  const auto& key = GetParam();
  for (const auto& value : bad_values(key)) {
    const auto messages = errors(line_of(key, value));
    ASSERT_EQ(messages.size(), 1U) << value;
    const std::regex shape{R"(mabeam\.toml:1:\d+: .*)" + key.full_name() + ".*allowed.*"};
    EXPECT_TRUE(std::regex_match(messages[0], shape)) << messages[0];
  }
}

TEST_P(ConfigKey, RefusesEveryOtherType) {
  const auto& key = GetParam();
  for (const auto& value : wrong_types(key)) {
    EXPECT_EQ(errors(line_of(key, value)).size(), 1U) << value;
  }
}

/// A TOML string without its quotes and escapes.
std::string bare_text(const std::string& text) {
  return std::regex_replace(text.substr(1, text.size() - 2), std::regex{R"(\\\\)"}, R"(\)");
}

TEST_P(ConfigKey, IsReadFromItsVariable) {
  const auto& key = GetParam();
  for (const auto& value : good_values(key)) {
    const auto from_file = good(room_for(key) + line_of(key, value));
    auto text = value_text(key, from_file);
    if (text.starts_with('"')) text = bare_text(text);
    const auto from_variable = good(room_for(key), sources_with({{key.environment_name(), text}}));
    EXPECT_TRUE(is_same_value(key, from_file, from_variable)) << text;
  }
}

TEST_P(ConfigKey, HasWordsForPeople) {
  const auto& key = GetParam();
  EXPECT_FALSE(key.help.empty());
  EXPECT_LE(key.help.size(), 100U);
  EXPECT_FALSE(allowed_text(key).empty());
  EXPECT_EQ(find_key(key.section, key.key)->full_name(), key.full_name());
}

TEST(ConfigKeys, AreThoseOfTheDesign) {
  std::map<std::string_view, int> counts;
  for (const auto& key : describe_config()) {
    ++counts[key.section];
  }
  const std::map<std::string_view, int> expected{
      {"runtime", 11}, {"channels", 4}, {"events", 1}, {"trace", 2}, {"worker", 13}, {"restart", 6},
      {"breaker", 4},  {"limits", 8},   {"rates", 9},  {"log", 2},   {"serve", 1}};
  EXPECT_EQ(counts, expected);
}

TEST(ConfigKeys, HaveTheRangesOfTheDesign) {
  const std::map<std::string, std::string> expected{
      {"runtime.workers", "1 to 128"},
      {"runtime.shards", "1 to 192"},
      {"runtime.clients", "1 to 63"},
      {"runtime.max_agents", "1 to 16777216"},
      {"runtime.max_state_bytes", R"("0" to "1MiB")"},
      {"channels.low_bytes", R"("4KiB" to "256MiB", a power of two)"},
      {"channels.block_bytes", R"("4KiB" to "1GiB", a power of two)"},
      {"events.log_bytes", R"("64KiB" to "4GiB", a power of two)"},
      {"trace.sample", "0 to 1"},
      {"trace.ring_bytes", R"("4KiB" to "64MiB", a power of two)"},
      {"worker.nice", "-20 to 19"},
      {"runtime.on_stop", R"("remove" or "keep")"},
      {"worker.slow_consumer", R"("warn" or "restart")"},
      {"runtime.idle", R"("busy_spin", "backoff" or "block")"},
      {"restart.policy", R"("permanent", "transient" or "temporary")"},
      {"restart.strategy", R"("one_for_one", "one_for_all" or "rest_for_one")"},
      {"log.level", R"("trace", "debug", "info", "warn" or "error")"},
      {"worker.ready_timeout", R"("0s" (off), or "1ms" to "24h")"},
      {"worker.shutdown_timeout", R"("0s" (off), or "1ms" to "24h")"},
      {"worker.heartbeat_timeout", R"("0s" (off), or "10ms" to "24h")"},
      {"worker.max_attempts", "1 to 100"},
      {"worker.turn_messages", "1 to 1024"},
      {"breaker.failure_threshold", "1 to 65535"},
      {"breaker.half_open_max_calls", "1 to 65535"},
      {"limits.worker_memory", R"("0" (none), or "1MiB" to "1024TiB")"},
      {"log.format", R"("auto", "text", "json" or "journald")"},
  };
  for (const auto& [name, allowed] : expected) {
    const auto dot = name.find('.');
    EXPECT_EQ(allowed_text(*find_key(name.substr(0, dot), name.substr(dot + 1))), allowed) << name;
  }
}

TEST(ConfigKeys, ReloadClassesHaveWords) {
  EXPECT_EQ(reload_text(find_key("runtime", "idle")->reload), "now");
  EXPECT_EQ(reload_text(find_key("worker", "nice")->reload), "rolling");
  EXPECT_EQ(reload_text(find_key("runtime", "shards")->reload), "restart");
  EXPECT_EQ(reload_text(find_key("runtime", "workers")->reload), "now");
  EXPECT_EQ(reload_text(find_key("serve", "listen")->reload), "none");
}

}  // namespace
}  // namespace mabeam::supervisor
