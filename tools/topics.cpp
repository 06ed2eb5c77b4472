// mabeam topics: what is said in the kept history, and who is subscribed to what.
#include "shm/topics.hpp"

#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/event_text.hpp"
#include "tools/tables.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

constexpr std::size_t kShownPatterns = 3;

std::string first_of(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return "-";
  std::string text;
  for (std::size_t i = 0; i < patterns.size() && i < kShownPatterns; ++i)
    text += (i == 0 ? "" : " ") + patterns[i];
  if (patterns.size() > kShownPatterns) {
    text += " and " + human_count(patterns.size() - kShownPatterns) + " more";
  }
  return text;
}

std::string patterns_table(const TopicsView& view) {
  Table table({{"PATTERN"}, {"TOPICS", Align::right}, {"SUBSCRIBER"}});
  for (const PatternView& pattern : view.patterns) {
    for (const SubscriberView& subscriber : pattern.subscribers) {
      table.add({pattern.pattern, human_count(pattern.topics),
                 (subscriber.id.is_client() ? "client " : "") + to_string(subscriber.id)});
    }
  }
  return table.render(false);
}

/// What the rows do not show.
std::string summary_of(const TopicsView& view) {
  std::size_t unmatched = 0;
  for (const PatternView& pattern : view.patterns)
    unmatched += pattern.topics == 0 ? 1U : 0U;
  std::string text = human_count(view.patterns.size()) + " patterns, " + human_count(unmatched) +
                     " without a matching event";
  if (view.gone != 0) text += "; " + human_count(view.gone) + " older events are gone: overwritten";
  return text;
}

Outcome<Exit> run_topics(const Arguments& arguments, Output& output) {
  const std::string_view pattern = arguments.operand(0).value_or(">");
  if (const Result<> checked = shm::check_pattern(pattern); !checked) {
    return refuse_typed(checked.error(), "pattern '" + one_line(pattern) + "'");
  }
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const Result<TopicsView> view = observer->topics(pattern);
  if (!view) return refuse(view.error(), "topics of '" + one_line(pattern) + "'");
  if (output.json()) {
    output.document(topics_document(*view));
    return Exit::done;
  }
  const auto time = arguments.has("file") ? EventTime::boot_seconds : EventTime::time_of_day;
  output.print(arguments.has("subscribers") ? patterns_table(*view)
                                            : topics_table(*view, time).render(false));
  output.note(summary_of(*view));
  return Exit::done;
}

constexpr std::array kTopicsOptions{
    Option{.name = "subscribers", .help = "show patterns and who is subscribed to them instead"},
    kFileOption,
};

}  // namespace

Table topics_table(const TopicsView& view, EventTime time) {
  Table table(
      {{"TOPIC"}, {"EVENTS", Align::right}, {"LAST"}, {"SUBSCRIBERS", Align::right}, {"PATTERNS"}});
  for (const TopicView& topic : view.topics) {
    table.add({topic.topic, human_count(topic.events),
               topic.events == 0 ? "-" : event_time(topic.last_ns, time),
               human_count(topic.subscribers), first_of(topic.patterns)});
  }
  return table;
}

Json topics_document(const TopicsView& view) {
  Json topics = Json::array();
  for (const TopicView& topic : view.topics) {
    topics.push_back({{"topic", topic.topic},
                      {"events", topic.events},
                      {"last_ns", topic.events == 0 ? Json(nullptr) : Json(topic.last_ns)},
                      {"subscribers", topic.subscribers},
                      {"patterns", topic.patterns}});
  }
  Json patterns = Json::array();
  for (const PatternView& pattern : view.patterns) {
    Json subscribers = Json::array();
    for (const SubscriberView& subscriber : pattern.subscribers) {
      subscribers.push_back({{"id", to_string(subscriber.id)},
                             {"client", subscriber.id.is_client()},
                             {"since_ns", subscriber.since_ns}});
    }
    patterns.push_back(
        {{"pattern", pattern.pattern}, {"topics", pattern.topics}, {"subscribers", subscribers}});
  }
  return Json{{"topics", topics}, {"patterns", patterns}, {"gone", view.gone}};
}

const Command topics_command{
    .name = "topics",
    .summary = "topics, their events and their subscribers",
    .operands = "[PATTERN]",
    .options = kTopicsOptions,
    .details =
        "A topic is shown if the history still has an event of it, or if somebody is subscribed\n"
        "to it by its name; EVENTS counts what the history still has. An agent or client counts\n"
        "once as a subscriber, however many of its patterns match. Patterns that no event\n"
        "matches are those of --subscribers with 0 topics.\n"
        "\n"
        "Examples:\n"
        "  mabeam topics 'job.>'\n"
        "  mabeam topics --subscribers\n"
        "  mabeam topics --json | jq '.patterns[] | select(.topics == 0).pattern'\n",
    .run = run_topics};

}  // namespace mabeam::tools
