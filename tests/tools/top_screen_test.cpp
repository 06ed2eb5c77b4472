// The screen of `mabeam top` without a terminal: what stands where, and what keys do.
#include "tools/top/frame.hpp"
#include "tools/top/short_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <string>
#include <vector>

namespace mabeam::tools {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Room kSmall{80, 24, Charset::utf8};
constexpr Room kLarge{160, 50, Charset::utf8};

WorkerView ready_worker_view(std::uint32_t index) {
  WorkerView worker{.index = index, .pid = 1000 + index, .state = WorkerState::ready};
  worker.shards = {index};
  worker.agents = 10 + index;
  worker.memory_bytes = 12U << 20U;
  worker.memory_limit_bytes = 256U << 20U;
  worker.uptime_seconds = 61;
  return worker;
}

/// Three workers, one of them in backoff, at 1,500 messages a second.
TopModel busy_model() {
  TopLook look;
  RuntimeView& runtime = look.view.runtime;
  runtime.name = "shop";
  runtime.state = RuntimeState::running;
  runtime.supervisor_pid = 999;
  runtime.segment_bytes = 46U << 20U;
  for (std::uint32_t index = 0; index < 3; ++index)
    runtime.workers.push_back(ready_worker_view(index));
  WorkerView& culprit = runtime.workers[2];
  culprit.pid.reset();
  culprit.state = WorkerState::backoff;
  culprit.restarts = 4;
  culprit.last_exit = ExitView{
      .cause = ExitCause::signal,
      .signal = 11,
      .time_unix_ns =
          std::chrono::nanoseconds{std::chrono::system_clock::now().time_since_epoch()}.count()};
  culprit.is_breaker_forced = true;
  look.view.health.status = HealthView::Status::degraded;
  look.view.health.readiness = "2 workers ready";
  look.view.health.components = {{"worker 0", HealthView::Status::healthy, "ready"},
                                 {"worker 2", HealthView::Status::degraded, "waits"}};
  look.view.limits.agents = {33, 16384};
  look.view.limits.clients = {1, 8};
  look.view.limits.memory = {24U << 20U, 1U << 30U};
  look.view.letters.waiting = 7;
  look.view.channels.channels = {{.from = 4,
                                  .to = 1,
                                  .from_name = "client 0",
                                  .to_name = "shard 0",
                                  .capacity_bytes = 1000,
                                  .used_bytes = 800}};
  look.shards = {{0, 0, 2'500'000, false}, {0, 0, 0, true}, {}};
  look.view.runtime.workers[1].heartbeat_age_seconds = 3;
  look.cpu_ns = {0, 0, 0};

  TopModel model;
  take_look(model, look);
  look.at += std::chrono::seconds{2};
  look.cpu_ns[0] = 1'000'000'000;
  look.shards[0].taken = 2500;
  look.shards[0].given = 50;
  look.view.stats.messages.delivered = 3000;
  look.view.stats.messages.sent = 3100;
  look.view.stats.messages.refused = 12;
  look.view.stats.latencies = {{100, 200, 99}, {900, 1000, 1}};
  take_look(model, look);
  return model;
}

class TopScreen : public ::testing::Test {
 protected:
  TopScreen() : before_(std::setlocale(LC_CTYPE, nullptr)) {
    EXPECT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr);
  }

  ~TopScreen() override { std::setlocale(LC_CTYPE, before_.c_str()); }

  /// As a terminal shows it.
  std::string shown(const Room& room = kSmall) {
    frame_ = draw_frame(model_, state_, room);
    EXPECT_LE(frame_.lines.size(), room.height);
    std::string text;
    for (const Line& line : frame_.lines) {
      EXPECT_LE(cells_of(text_of(line)), room.width) << text_of(line);
      text += text_of(line) + "\n";
    }
    return text;
  }

  void press(Key key, char32_t character = 0) {
    (void)shown();
    press_key(state_, {key, character}, frame_.shown);
  }

  void type(std::string_view text) {
    for (const char character : text)
      press(Key::text, static_cast<char32_t>(character));
  }

  /// What a view's rows begin with, in their order.
  [[nodiscard]] std::vector<std::string> rows(std::size_t count) {
    (void)shown();
    std::vector<std::string> found;
    for (std::size_t i = 8; i < 8 + count; ++i) {
      const std::string text = text_of(frame_.lines.at(i));
      found.push_back(text.substr(text.find_first_not_of(' '), 1));
    }
    return found;
  }

  TopModel model_ = busy_model();
  TopState state_;
  Frame frame_;

 private:
  std::string before_;
};

TEST_F(TopScreen, ShowsRuntimeAndWorkersIn80x24) {
  const std::string text = shown();
  EXPECT_EQ(frame_.lines.size(), 24U);
  EXPECT_THAT(text, StartsWith(" mabeam top  shop  running, degraded, 2 workers ready  "));
  EXPECT_THAT(text, HasSubstr("\nsupervisor 999, configuration 0000000000000000\n"));
  EXPECT_THAT(text,
              HasSubstr("\nagents 33/16,384  clients 1/8  memory 24.0M/1.0G  segment 46.0M\n"));
  EXPECT_THAT(text, HasSubstr("\nmessages 1.5k/s (sent 1.6k/s)  events 0/s  refused 12, 6/s  "
                              "dead letters 7, 0/s\n"));
  EXPECT_THAT(text,
              HasSubstr("\nlatency p50 200ns  p99 200ns  p99.9 1.0us  max 1.0us  rings 0% 80%"));
  EXPECT_THAT(text, HasSubstr("\nmsg/s to 1.5k "));
  EXPECT_THAT(text, HasSubstr("\u2588 p99 to 200ns "));
  EXPECT_THAT(text, HasSubstr("\n[1 workers] 2 channels 3 topics 4 agents 5 breakers "));
  EXPECT_THAT(text, HasSubstr("\n0 1000 ready     0 closed  50% 12.0M/256M   10 1.2k    25  80% "
                              "2.5ms -\n"));
  EXPECT_THAT(text, HasSubstr(" 3.0s+ -\n")) << "it still runs";
  EXPECT_THAT(text, HasSubstr("\n2    - backoff   4 closed!  0% 12.0M/256M   12    0     0   0%   "
                              "0ns sig 11 "));
  EXPECT_THAT(text, HasSubstr("\n\ndegraded  worker 2: waits\n"));
  EXPECT_THAT(text, HasSubstr(" s sort  r reverse  / filter  h help  q quit "));
  EXPECT_THAT(text, HasSubstr(" 1-3 of 3 \n"));
}

TEST_F(TopScreen, ShowsMoreIn160x50) {
  const std::string text = shown(kLarge);
  EXPECT_EQ(frame_.lines.size(), 50U);
  EXPECT_THAT(text, HasSubstr("UPTIME  IN/s SO FAR"));
  EXPECT_THAT(text, ContainsRegex("  1m +\u2588  0       -\n"));
  EXPECT_THAT(text, HasSubstr("signal 11, "));
}

TEST_F(TopScreen, IsAsciiWhereTheLocaleIsNot) {
  const std::string text = shown({160, 50, Charset::ascii});
  EXPECT_THAT(text, Each(::testing::Le('~')));
  EXPECT_THAT(text, HasSubstr("# p99 to "));
}

TEST_F(TopScreen, NothingThatATerminalObeysIsInALine) {
  const std::string evil =
      "\x1B]0;owned\a\x9B[2J\xC2\x9B\xE2\x80\xAE\n\r\xFF"
      "end";
  model_.detail.table = Table{{{"ID"}, {"NAME"}}};
  model_.detail.table.add({"1", evil});
  model_.look.view.runtime.name = evil;
  model_.look.view.health.readiness = evil;
  model_.look.view.health.components[1].detail = evil;
  state_.choices[3].filter = evil.substr(0, 1);
  for (const TopView view : {TopView::agents, TopView::workers, TopView::health}) {
    state_.view = view;
    for (const Charset charset : {Charset::ascii, Charset::utf8}) {
      const std::string text = shown({100, 30, charset});
      EXPECT_THAT(text, Not(::testing::MatchesRegex("[^\n]*[\x01-\x09\x0B-\x1F\x7F].*"))) << text;
      EXPECT_THAT(text, Not(HasSubstr("\xE2\x80\xAE"))) << "that turns the text round";
      EXPECT_THAT(text, Not(HasSubstr("\xC2\x9B")));
    }
  }
  state_.choices[3].filter.clear();
  state_.view = TopView::agents;
  EXPECT_THAT(shown(), HasSubstr("\n1   \\x1B]0;owned\\x07\\x9B[2J\\xC2\\x9B?\\n\\r\\xFFend"));
  model_.gone = evil;
  EXPECT_THAT(shown(), Not(HasSubstr("\x1B")));
}

TEST_F(TopScreen, TextIsCutWhereItsCellsEnd) {
  EXPECT_EQ(visible("a\u00E4\u6F22b", Charset::utf8), "a\u00E4\u6F22b");
  EXPECT_EQ(cells_of("a\u00E4\u6F22b"), 5U) << "one of them is two wide";
  EXPECT_EQ(cut_to("a\u00E4\u6F22b", 4, Charset::utf8), "a\u00E4\u2026")
      << "there is no half of it";
  EXPECT_EQ(visible("a\u00E4b", Charset::ascii), "a?b");
  EXPECT_EQ(cut_to("abcdef", 4, Charset::ascii), "abc~");
  EXPECT_EQ(cut_to("abc", 0, Charset::utf8), "");
}

TEST(TopSheet, SortsByAmountAndCutsTextButNoNumber) {
  Table table({{"NAME"}, {"SIZE", Align::right}, {"TEXT"}});
  table.add({"small", {"900 B", Tone::plain, 900}, "some words"});
  table.add({"large", {"1.0 KiB", Tone::plain, 1024}, "-"});
  table.add({"none", "-", "-"});
  const auto lines = [&](std::size_t width) {
    std::vector<std::string> texts;
    for (const Line& line : draw_sheet(table, {.sort = 2}, {width, 9, Charset::ascii}).lines)
      texts.push_back(text_of(line));
    return texts;
  };
  EXPECT_THAT(lines(80), ElementsAre("NAME     SIZEv  TEXT", "large  1.0 KiB  -",
                                     "small    900 B  some words", "none         -  -"));
  EXPECT_THAT(lines(20), ElementsAre("NAME    SIZEv TEXT", "large 1.0 KiB -",
                                     "small   900 B some ~", "none        - -"));
  EXPECT_THAT(lines(12), ElementsAre("NAME", "large", "small", "none"));
  EXPECT_THAT(draw_sheet(table, {}, {80, 0, Charset::ascii}).lines, ElementsAre());
}

TEST(TopShortText, NumbersTakeFewCells) {
  EXPECT_EQ(short_number(0.44), "0.4");
  EXPECT_EQ(short_number(999.4), "999");
  EXPECT_EQ(short_number(999.6), "1.0k");
  EXPECT_EQ(short_number(12'345), "12.3k");
  EXPECT_EQ(short_number(1e300), "1000T");
  EXPECT_EQ(short_bytes(1023), "1023B");
  EXPECT_EQ(short_bytes(256U << 20U), "256M");
  EXPECT_EQ(short_bytes(UINT64_MAX), "16.0E");
  EXPECT_EQ(short_latency(999), "999ns");
  EXPECT_EQ(short_latency(1'500'000), "1.5ms");
  EXPECT_EQ(short_latency(112'020'000), "112ms");
  EXPECT_EQ(short_latency(UINT64_MAX).back(), 's');
  EXPECT_EQ(short_age(59.9), "59s");
  EXPECT_EQ(short_age(-3), "0s");
  EXPECT_EQ(short_age(90'000), "1d");
  EXPECT_EQ(short_percent(0.555), "56%");
}

TEST_F(TopScreen, KeysSortFilterAndScroll) {
  EXPECT_THAT(rows(3), ElementsAre("0", "1", "2"));
  type("s");
  EXPECT_THAT(rows(3), ElementsAre("2", "1", "0")) << "by W, the largest first";
  EXPECT_THAT(shown(), HasSubstr("\nW\u25BC  PID"));
  type("r");
  EXPECT_THAT(rows(3), ElementsAre("0", "1", "2"));
  type("sss");
  EXPECT_THAT(rows(3), ElementsAre("2", "0", "1")) << "by restarts";
  type("S");
  EXPECT_THAT(rows(3), ElementsAre("2", "0", "1")) << "by state, from A on";
  type("/BACK");
  EXPECT_THAT(shown(), HasSubstr(" filter: BACK_"));
  EXPECT_THAT(rows(1), ElementsAre("2"));
  EXPECT_THAT(shown(), Not(HasSubstr("1000 ready")));
  press(Key::backspace);
  press(Key::enter);
  EXPECT_THAT(shown(), HasSubstr("filter \"BAC\"  1-1 of 1 \n"));
  press(Key::escape);
  EXPECT_THAT(shown(), HasSubstr(" 1-3 of 3 \n"));
  EXPECT_FALSE(state_.has_quit) << "what was typed was text";

  model_.detail.table = Table{{{"N", Align::right}}};
  for (int i = 1; i <= 100; ++i)
    model_.detail.table.add({std::to_string(i)});
  type("4");
  EXPECT_THAT(shown(), HasSubstr(" 1-15 of 100 \n"));
  press(Key::page_down);
  press(Key::down);
  type("k");
  EXPECT_THAT(shown(), HasSubstr(" 16-30 of 100 \n"));
  press(Key::end);
  press(Key::down);
  EXPECT_THAT(shown(), HasSubstr(" 86-100 of 100 \n"));
  model_.detail.left_out = "the first 100 of 2,000";
  EXPECT_THAT(shown(), HasSubstr(" the first 100 of 2,000  86-100 of 100 \n"));
  model_.detail.table = Table{{{"N", Align::right}}};
  for (int i = 1; i <= 20; ++i)
    model_.detail.table.add({std::to_string(i)});
  EXPECT_THAT(shown(), HasSubstr(" 6-20 of 20 \n")) << "80 have gone meanwhile";
  model_.detail = {};
  EXPECT_THAT(shown(), HasSubstr(" none of 0 \n"));
  press(Key::up);
  EXPECT_EQ(state_.choice().scroll, 0U);
}

TEST_F(TopScreen, KeysGoRoundTheViewsAndShowHelp) {
  press(Key::back_tab);
  EXPECT_EQ(state_.view, TopView::log);
  press(Key::back_tab);
  EXPECT_EQ(state_.view, TopView::health);
  EXPECT_THAT(shown(), AllOf(HasSubstr(" [7 health] "), HasSubstr("\nworker 2   degraded")));
  press(Key::tab);
  press(Key::tab);
  press(Key::right);
  EXPECT_THAT(shown(),
              AllOf(HasSubstr(" [2 channels] "), HasSubstr("\nclient 0  shard 0  normal")));
  type("?");
  EXPECT_THAT(shown(), AllOf(HasSubstr("Ctrl-L"), Not(HasSubstr("client 0"))));
  type("x");
  EXPECT_THAT(shown(), HasSubstr("client 0"));
  press(Key::redraw);
  press(Key::resize);
  press(Key::other);
  EXPECT_FALSE(state_.has_quit);
  type("q");
  EXPECT_TRUE(state_.has_quit);
}

TEST_F(TopScreen, ARuntimeThatIsGoneIsShownAsItWas) {
  take_look(model_, tl::unexpected(Failure{.message = "there is no runtime 'shop'"}));
  EXPECT_THAT(shown(), StartsWith(" mabeam top  shop  GONE for 0."));
  EXPECT_THAT(shown(), HasSubstr("\nthere is no runtime 'shop'; below: as it was last seen\n"));
  EXPECT_THAT(shown(), HasSubstr("\n2    - backoff"));
  TopLook back = model_.look;
  back.at += std::chrono::seconds{9};
  take_look(model_, std::move(back));
  EXPECT_THAT(shown(), StartsWith(" mabeam top  shop  running, "));
  EXPECT_EQ(model_.rates.seconds, 0) << "nobody looked meanwhile";
  TopLook other;
  other.view.runtime.created_unix_ns = 1;
  other.view.runtime.name = "shop";
  take_look(model_, other);
  EXPECT_THAT(shown(), HasSubstr("\nmessages - (sent -)")) << "nothing is known of an interval";
  EXPECT_THAT(shown(), HasSubstr("NO SUPERVISOR"));
  EXPECT_TRUE(model_.trends.handled.values().empty()) << "of another runtime";
}

TEST_F(TopScreen, UptimeIsLeftOutWhereItHasNoRoom) {
  EXPECT_THAT(shown({80, 24, Charset::ascii}), ContainsRegex("ready +up "));
  model_.look.view.runtime.name = "workshop";
  EXPECT_THAT(shown({60, 24, Charset::ascii}), Not(HasSubstr("readyup")));
}

TEST_F(TopScreen, AnySizeIsDrawn) {
  EXPECT_THAT(shown({59, 24, Charset::utf8}), StartsWith("too small: 59x24 of at least 60x12"));
  EXPECT_THAT(shown({80, 11, Charset::utf8}), StartsWith("too small"));
  for (std::size_t width = 0; width < 200; width += 13) {
    for (std::size_t height = 0; height < 60; height += 7) {
      (void)shown({width, height, Charset::ascii});
      state_.shows_help = height % 2 == 0;
    }
  }
}

}  // namespace
}  // namespace mabeam::tools
