// mabeam channels: how full rings and event logs are and were, and who holds them.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/tables.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>
#include <string_view>

namespace mabeam::tools {

namespace {

std::string_view priority_name(Priority priority) {
  static constexpr std::array<std::string_view, 3> kNames{"high", "normal", "low"};
  return kNames[static_cast<std::size_t>(priority)];
}

std::string percent(std::uint64_t bytes, std::uint64_t capacity) {
  if (capacity == 0) return "-";
  return std::to_string(static_cast<unsigned>(100.0 * static_cast<double>(bytes) /
                                              static_cast<double>(capacity))) +
         "%";
}

Cell capacity_cell(std::uint64_t bytes) {
  return {human_bytes(bytes), Tone::plain, static_cast<double>(bytes)};
}

Tone tone_of(std::uint64_t bytes, std::uint64_t capacity) {
  if (bytes > capacity / 4 * 3) return Tone::bad;
  return bytes > capacity / 2 ? Tone::warning : Tone::plain;
}

/// "shard 2, 1.2 KiB behind": the slowest that is behind, or was evicted.
std::string holder_of(const LogView& log) {
  for (const LogReaderView& reader : log.readers) {
    if (reader.is_evicted) return reader.name + ", evicted";
    if (reader.behind_bytes != 0) {
      return reader.name + ", " + human_bytes(reader.behind_bytes) + " behind";
    }
  }
  return "-";
}

Outcome<Exit> run_channels(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const ChannelsView view = observer->channels();
  if (output.json()) {
    output.document(channels_document(view));
    return Exit::done;
  }
  const bool colour = output.style().colour;
  output.print(channels_table(view).render(colour) + "\n" + logs_table(view).render(colour));
  if (view.damaged != 0) {
    output.note(human_count(view.damaged) + " are damaged and left out: mabeam verify says which");
  }
  return Exit::done;
}

constexpr std::array kChannelsOptions{kFileOption};

}  // namespace

Table channels_table(const ChannelsView& view) {
  Table table({{"FROM"},
               {"TO"},
               {"PRIORITY"},
               {"WAITING", Align::right},
               {"USED", Align::right},
               {"HIGH WATER", Align::right},
               {"CAPACITY", Align::right}});
  for (const ChannelView& channel : view.channels) {
    const std::uint64_t capacity = channel.capacity_bytes;
    table.add({channel.from_name,
               channel.to_name,
               std::string(priority_name(channel.priority)),
               channel.waiting ? human_count(*channel.waiting) : "-",
               {percent(channel.used_bytes, capacity), tone_of(channel.used_bytes, capacity)},
               percent(channel.high_water_bytes, capacity),
               capacity_cell(capacity)});
  }
  return table;
}

Table logs_table(const ChannelsView& view) {
  Table table({{"LOG", Align::right},
               {"OF"},
               {"EVENTS", Align::right},
               {"READERS", Align::right},
               {"HELD", Align::right},
               {"HIGH WATER", Align::right},
               {"KEPT", Align::right},
               {"CAPACITY", Align::right},
               {"EVICTIONS", Align::right},
               {"SLOWEST"}});
  for (const LogView& log : view.logs) {
    const std::uint64_t capacity = log.capacity_bytes;
    table.add({std::to_string(log.log),
               log.name,
               human_count(log.events),
               human_count(log.readers.size()),
               {percent(log.used_bytes, capacity), tone_of(log.used_bytes, capacity)},
               percent(log.high_water_bytes, capacity),
               percent(log.kept_bytes, capacity),
               capacity_cell(capacity),
               human_count(log.evictions),
               holder_of(log)});
  }
  return table;
}

Json channels_document(const ChannelsView& view) {
  Json channels = Json::array();
  for (const ChannelView& channel : view.channels) {
    channels.push_back({{"from", channel.from},
                        {"to", channel.to},
                        {"from_name", channel.from_name},
                        {"to_name", channel.to_name},
                        {"priority", priority_name(channel.priority)},
                        {"waiting", channel.waiting ? Json(*channel.waiting) : Json(nullptr)},
                        {"used_bytes", channel.used_bytes},
                        {"high_water_bytes", channel.high_water_bytes},
                        {"capacity_bytes", channel.capacity_bytes},
                        {"total_bytes", channel.total_bytes}});
  }
  Json logs = Json::array();
  for (const LogView& log : view.logs) {
    Json readers = Json::array();
    for (const LogReaderView& reader : log.readers) {
      readers.push_back({{"reader", reader.reader},
                         {"name", reader.name},
                         {"behind_bytes", reader.behind_bytes},
                         {"evicted", reader.is_evicted}});
    }
    logs.push_back({{"log", log.log},
                    {"name", log.name},
                    {"events", log.events},
                    {"used_bytes", log.used_bytes},
                    {"kept_bytes", log.kept_bytes},
                    {"high_water_bytes", log.high_water_bytes},
                    {"capacity_bytes", log.capacity_bytes},
                    {"evictions", log.evictions},
                    {"readers", readers}});
  }
  return Json{{"channels", channels}, {"logs", logs}, {"damaged", view.damaged}};
}

const Command channels_command{
    .name = "channels",
    .summary = "how full rings and event logs are, and who holds them",
    .options = kChannelsOptions,
    .details =
        "The first table has the rings that ever carried a message: WAITING counts messages\n"
        "that their reader has not passed. The second has the event logs: HELD is what the\n"
        "slowest reader has still to pass, KEPT what the history has. A writer notes a high-water\n"
        "mark when it looks at its reader: whoever was full says so; a peak below that may have\n"
        "been missed. A reader is evicted when it held a log for stall_timeout. Subscribe to\n"
        "backpressure.* to be told when a ring is congested and when it has drained.\n"
        "\n"
        "Examples:\n"
        "  mabeam channels\n"
        "  mabeam channels --json | jq '.channels[] | select(.used_bytes > 0)'\n"
        "  mabeam channels --json | jq '.logs[] | {name, slowest: .readers[0].name}'\n",
    .run = run_channels};

}  // namespace mabeam::tools
