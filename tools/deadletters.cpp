// mabeam deadletters: messages that died: list them, deliver them again, give them up.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/tables.hpp"
#include "tools/views.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace mabeam::tools {

namespace {

constexpr std::size_t kBytesInTable = 40;  // of a payload, in the table

std::string agent_text(AgentId id) {
  return id ? to_string(id) : "-";
}

std::string shown_payload(const DeadLetterView& letter) {
  const Payload payload(letter.payload, letter.content);
  const auto text = payload_text(payload);
  std::string line = text ? *text : base64(payload.bytes());  // the table escapes it
  if (line.size() > kBytesInTable) line = line.substr(0, kBytesInTable) + "...";
  if (letter.payload_bytes > letter.payload.size()) {
    line += " (" + human_bytes(letter.payload.size()) + " of " + human_bytes(letter.payload_bytes) +
            " kept)";
  }
  return line;
}

// In words, what the rows do not show.
std::string summary_of(const DeadLetterList& list) {
  std::string reasons;
  for (const DeadLetterList::Reason& reason : list.by_reason) {
    if (reason.count == 0) continue;
    reasons += (reasons.empty() ? " (" : ", ") + human_count(reason.count) + " " + reason.name;
  }
  if (!reasons.empty()) reasons += ")";
  std::string text = "buried " + human_count(list.buried) + reasons + ": " +
                     human_count(list.waiting) + " waiting, " + human_count(list.replayed) +
                     " replayed, " + human_count(list.dropped) + " dropped, " +
                     human_count(list.overwritten) + " gave way to newer ones";
  if (list.damaged != 0) text += "; " + human_count(list.damaged) + " logs are damaged";
  return text;
}

/// An agent that lives, by name or id, or the id of one that is gone.
Outcome<AgentId> agent_in(const Arguments& arguments, const Observer& observer) {
  const auto agent = arguments.value("agent");
  if (!agent) return AgentId{};
  if (const Result<AgentId> found = observer.find(*agent)) return *found;
  if (const auto id = parse_agent_id(*agent)) return *id;
  return refuse({Errc::not_found}, "agent '" + one_line(*agent) + "'");
}

Outcome<DeadLetterList> list_in(const Arguments& arguments, const Observer& observer) {
  const auto limit = arguments.number("limit", 0, 1);
  if (!limit) return tl::unexpected(limit.error());
  const auto agent = agent_in(arguments, observer);
  if (!agent) return tl::unexpected(agent.error());
  const std::string reason(arguments.value("reason").value_or(""));
  DeadLetterList list = observer.dead_letters(
      {.reason = reason, .agent = *agent, .limit = static_cast<std::size_t>(*limit)});
  std::string known;
  for (const DeadLetterList::Reason& each : list.by_reason) {
    if (reason.empty() || each.name == reason) return list;
    known += (known.empty() ? "" : ", ") + each.name;
  }
  return usage_error("--reason takes one of " + known + ", not '" + one_line(reason) + "'");
}

/// What became of each letter that was to be settled.
struct Settled {
  Json done = Json::array();
  Json refused = Json::array();
  std::optional<Failure> first;  ///< refusal
};

Outcome<std::vector<DeadLetterId>> letters_in(const Arguments& arguments,
                                              const Observer& observer) {
  std::vector<DeadLetterId> ids;
  for (const std::string& word : arguments.operands()) {
    const auto id = parse_dead_letter_id(word);
    if (!id) {
      return usage_error("'" + one_line(word) + "' is no dead letter's id: 16 hexadecimal digits");
    }
    ids.push_back(*id);
  }
  if (!ids.empty()) return ids;
  if (!arguments.has("reason") && !arguments.has("agent") && !arguments.has("all")) {
    return usage_error("say which: ids, --reason, --agent, or --all");
  }
  const auto list = list_in(arguments, observer);
  if (!list) return tl::unexpected(list.error());
  for (const DeadLetterView& letter : list->letters)
    ids.push_back(letter.id);
  std::reverse(ids.begin(), ids.end());  // the oldest first, as they were sent
  return ids;
}

void settle_one(Client& client, DeadLetterId id, bool replays, std::chrono::nanoseconds timeout,
                Settled& settled) {
  Result<ClientReply> reply = ClientReply{};
  if (replays) {
    reply = client.replay_dead_letter(id, timeout);
  } else if (const Result<> dropped = client.drop_dead_letter(id, timeout); !dropped) {
    reply = fail(dropped.error());
  }
  if (reply) {
    Json entry{{"id", to_string(id)}};
    if (replays) entry["reply"] = payload_value(reply->payload());
    settled.done.push_back(entry);
    return;
  }
  const auto failure = refuse(
      reply.error(), std::string(replays ? "cannot replay " : "cannot drop ") + to_string(id));
  settled.refused.push_back({{"id", to_string(id)},
                             {"code", failure.value().code},
                             {"message", failure.value().message}});
  if (!settled.first) settled.first = failure.value();
}

// All are tried; the first refusal decides the exit code, later ones are said on stderr.
Outcome<Exit> settle(const Arguments& arguments, const Observer& observer, bool replays,
                     Output& output) {
  const auto timeout = arguments.duration("timeout", std::chrono::seconds{5});
  if (!timeout) return tl::unexpected(timeout.error());
  const auto ids = letters_in(arguments, observer);
  if (!ids) return tl::unexpected(ids.error());
  auto client = attach_client(arguments);
  if (!client) return tl::unexpected(client.error());
  Settled settled;
  for (const DeadLetterId id : *ids)
    settle_one(*client, id, replays, *timeout, settled);
  const std::string done = replays ? "replayed" : "dropped";
  if (output.json()) {
    Json document{{done, settled.done}, {"refused", settled.refused}};
    if (settled.first) {
      document["error"] = {{"code", settled.first->code}, {"message", settled.first->message}};
    }
    output.document(document);
  } else {
    output.print(done + " " + std::to_string(settled.done.size()) + " of " +
                 std::to_string(ids->size()) + "\n");
    for (std::size_t i = 1; i < settled.refused.size(); ++i)
      output.note(settled.refused[i]["message"].get<std::string>());
  }
  if (settled.first) return tl::unexpected(*settled.first);
  return Exit::done;
}

// Those whose ids were given, or all that match.
Outcome<Exit> show(const Arguments& arguments, const Observer& observer, Output& output) {
  auto list = list_in(arguments, observer);
  if (!list) return tl::unexpected(list.error());
  if (!arguments.operands().empty()) {
    const auto ids = letters_in(arguments, observer);
    if (!ids) return tl::unexpected(ids.error());
    std::erase_if(list->letters, [&](const DeadLetterView& letter) {
      return std::find(ids->begin(), ids->end(), letter.id) == ids->end();
    });
    list->total = list->letters.size();
    if (list->letters.empty()) {
      return refuse({Errc::not_found}, "no such dead letter waits");
    }
  }
  if (output.json()) {
    output.document(dead_letters_document(*list));
    return Exit::done;
  }
  output.print(dead_letters_table(*list).render(false));
  output.note(summary_of(*list));
  return Exit::done;
}

Outcome<Exit> run_deadletters(const Arguments& arguments, Output& output) {
  const bool replays = arguments.has("replay");
  const bool drops = arguments.has("drop");
  if (replays && drops) return usage_error("--replay and --drop exclude each other");
  if ((replays || drops) && arguments.has("file")) {
    return usage_error("a copy of a segment can only be looked at");
  }
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  if (replays || drops) return settle(arguments, *observer, replays, output);
  return show(arguments, *observer, output);
}

constexpr std::array kDeadlettersOptions{
    Option{"reason", "REASON", "only those that died for this reason"},
    Option{"agent", "A", "only those from or to this agent, by name or id, gone or not"},
    Option{"limit", "N", "at most so many, the newest (default: all)"},
    Option{.name = "replay", .help = "deliver them again, the oldest first"},
    Option{.name = "drop", .help = "give them up"},
    Option{.name = "all", .help = "with --replay or --drop: all that wait"},
    Option{"timeout", "DURATION", "how long settling one may take (default: 5s)"},
    kFileOption,
};

}  // namespace

Table dead_letters_table(const DeadLetterList& list) {
  Table table({{"ID"},
               {"AGE", Align::right},
               {"REASON"},
               {"KIND"},
               {"NAME"},
               {"SOURCE"},
               {"TARGET"},
               {"REPLAY"},
               {"PAYLOAD"}});
  for (const DeadLetterView& letter : list.letters) {
    table.add({to_string(letter.id),
               Cell{human_seconds(letter.age_seconds), Tone::plain, letter.age_seconds},
               letter.reason, letter.kind, letter.name.empty() ? "-" : letter.name,
               agent_text(letter.source), agent_text(letter.target),
               letter.is_replayable ? "yes" : "no", shown_payload(letter)});
  }
  return table;
}

Json dead_letters_document(const DeadLetterList& list) {
  Json letters = Json::array();
  for (const DeadLetterView& letter : list.letters) {
    Json entry{{"id", to_string(letter.id)},
               {"reason", letter.reason},
               {"kind", letter.kind},
               {"source", to_string(letter.source)},
               {"target", to_string(letter.target)},
               {"name", letter.name},
               {"age_seconds", letter.age_seconds},
               {"replayable", letter.is_replayable},
               {"content", content_name(letter.content)},
               {"payload_bytes", letter.payload_bytes}};
    add_payload(entry, Payload(letter.payload, letter.content));
    letters.push_back(entry);
  }
  Json reasons = Json::object();
  for (const DeadLetterList::Reason& reason : list.by_reason)
    reasons[reason.name] = reason.count;
  return Json{{"deadletters", letters},  {"total", list.total},
              {"buried", list.buried},   {"by_reason", reasons},
              {"waiting", list.waiting}, {"replayed", list.replayed},
              {"dropped", list.dropped}, {"overwritten", list.overwritten},
              {"damaged", list.damaged}};
}

const Command deadletters_command{
    .name = "deadletters",
    .summary = "messages that died: list them, replay them, drop them",
    .operands = "[ID...]",
    .options = kDeadlettersOptions,
    .details =
        "Lists the newest first. Each shard keeps the last that died; older ones give way and\n"
        "are counted. --replay and --drop take ids, or what --reason, --agent and --limit\n"
        "select, or --all. Either happens exactly once, whatever crashes; what is refused waits\n"
        "on. A replayed message bears its first sender's name and has no deadline. A request's\n"
        "caller has been told already that there is no answer, so it is asked again by this\n"
        "command. A payload over a quarter of the log is cut to its beginning, and told with its\n"
        "whole size. One that was cut, came under a false name, or is no message to an agent\n"
        "can only be dropped.\n"
        "\n"
        "Examples:\n"
        "  mabeam deadletters --reason expired --limit 20\n"
        "  mabeam deadletters 0100000000000007 --json | jq -r '.deadletters[].payload_text'\n"
        "  mabeam deadletters --replay 0100000000000007\n"
        "  mabeam deadletters --replay --reason overflow --agent jobs\n"
        "  mabeam deadletters --drop --all\n",
    .run = run_deadletters};

}  // namespace mabeam::tools
