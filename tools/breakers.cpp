// mabeam breakers: the circuit breakers, listed and set.
#include "shm/breaker.hpp"
#include "shm/call_breakers.hpp"
#include "shm/clock.hpp"
#include "tools/cli/ask.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/tables.hpp"

#include "mabeam/observer.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

struct Row {
  std::string name;
  shm::BreakerView view;
};

Row row_of(std::string name, const shm::Segment& segment, shm::BreakerSlot& slot) {
  const shm::BreakerRules rules = shm::breaker_rules(segment.header().tunables);
  return {std::move(name), shm::Breaker{slot}.view(rules, shm::monotonic_ns())};
}

/// Empty for one that nobody has asked for.
std::string name_of(const shm::Segment& segment, const shm::BreakerSlot& slot) {
  const std::uint64_t name = slot.name.load(std::memory_order_acquire);
  if (name == 0 || name > UINT32_MAX) return {};
  return std::string(segment.symbols().text(static_cast<Symbol>(name)));
}

std::vector<Row> list(const shm::Segment& segment) {
  std::vector<Row> rows;
  for (std::uint32_t index = 0; index < shm::kMaxWorkers; ++index) {
    if (segment.worker(index).claim.load(std::memory_order_acquire) == 0) continue;
    rows.push_back(
        row_of("worker:" + std::to_string(index), segment, segment.breaker_of_worker(index)));
  }
  for (shm::BreakerSlot& slot : segment.named_breakers()) {
    const std::string name = name_of(segment, slot);
    if (!name.empty()) rows.push_back(row_of(name, segment, slot));
  }
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    rows.push_back(
        row_of("shard:" + std::to_string(shard), segment, segment.breaker_of_shard(shard)));
  }
  return rows;
}

Json document_of(const Row& row) {
  return Json{{"name", row.name},
              {"state", shm::to_string(row.view.state)},
              {"is_forced", row.view.mode != shm::BreakerMode::automatic},
              {"failures", row.view.failures},
              {"openings", row.view.openings},
              {"rejected", row.view.rejected},
              {"retry_after_seconds", static_cast<double>(row.view.retry_after_ns) / 1e9}};
}

Table table_of(const std::vector<Row>& rows) {
  Table table({{"BREAKER"},
               {"STATE"},
               {"SET"},
               {"FAILURES", Align::right},
               {"OPENINGS", Align::right},
               {"REFUSED", Align::right},
               {"TRIAL IN", Align::right}});
  for (const Row& row : rows) {
    const bool is_closed = row.view.state == shm::BreakerState::closed;
    const bool is_open = row.view.state == shm::BreakerState::open;
    const Tone tone = is_closed ? Tone::good : is_open ? Tone::bad : Tone::warning;
    const bool waits = is_open && row.view.mode == shm::BreakerMode::automatic;
    const double retry_seconds = static_cast<double>(row.view.retry_after_ns) / 1e9;
    table.add({row.name,
               {std::string(shm::to_string(row.view.state)), tone},
               row.view.mode == shm::BreakerMode::automatic ? "-" : "by hand",
               std::to_string(row.view.failures),
               std::to_string(row.view.openings),
               std::to_string(row.view.rejected),
               waits ? Cell{human_seconds(retry_seconds), Tone::plain, retry_seconds} : Cell{"-"}});
  }
  return table;
}

Outcome<shm::Segment> segment_of(const Arguments& arguments) {
  if (const auto path = arguments.value("file")) {
    Result<shm::Segment> copy = shm::Segment::open_file(std::string(*path));
    if (!copy) return refuse_file(copy.error(), *path);
    return std::move(*copy);
  }
  const std::string runtime = arguments.runtime();
  Result<shm::Segment> segment = shm::Segment::attach(runtime, shm::Access::read_only);
  if (!segment) return refuse_attach(segment.error(), runtime);
  return std::move(*segment);
}

Outcome<Exit> show(const Arguments& arguments, Output& output) {
  const Outcome<shm::Segment> segment = segment_of(arguments);
  if (!segment) return tl::unexpected(segment.error());
  if (!output.json()) {
    output.print(breakers_table(*segment).render(output.style().colour));
    return Exit::done;
  }
  Json breakers = Json::array();
  for (const Row& row : list(*segment))
    breakers.push_back(document_of(row));
  output.document({{"breakers", breakers}});
  return Exit::done;
}

std::optional<shm::BreakerMode> mode_of(std::string_view word) {
  if (word == "open") return shm::BreakerMode::forced_open;
  if (word == "close") return shm::BreakerMode::forced_closed;
  if (word == "auto") return shm::BreakerMode::automatic;
  return std::nullopt;
}

constexpr std::string_view kWorker = "worker:";
constexpr std::string_view kShard = "shard:";

/// Whether its worker runs is the supervisor's business, so it is the one to set it.
Outcome<shm::BreakerSlot*> set_worker(const Supervised& runtime, std::string_view name,
                                      shm::BreakerMode mode) {
  const auto index =
      parse_number(name.substr(kWorker.size()), "the worker", 0, shm::kMaxWorkers - 1);
  if (!index) return tl::unexpected(index.error());
  const std::uint64_t number = std::uint64_t{static_cast<std::uint8_t>(mode)} << 32U | *index;
  const auto answer = runtime.ask(shm::ControlCommand::breaker, number);
  if (!answer) return tl::unexpected(answer.error());
  return &runtime.segment().breaker_of_worker(static_cast<std::uint32_t>(*index));
}

Outcome<shm::BreakerSlot*> set_shard(const Supervised& runtime, std::string_view name,
                                     shm::BreakerMode mode) {
  const shm::Segment& segment = runtime.segment();
  const auto shard =
      parse_number(name.substr(kShard.size()), "the shard", 0, segment.dimensions().shards - 1);
  if (!shard) return tl::unexpected(shard.error());
  const auto index = static_cast<std::uint32_t>(*shard);
  if (!shm::CallBreakers{segment}.set_mode(index, mode)) {
    return tl::unexpected(Failure{Exit::refused, "in_use",
                                  "breakers are never open on more than half of the shards"});
  }
  return &segment.breaker_of_shard(index);
}

Outcome<shm::BreakerSlot*> set_named(const Supervised& runtime, std::string_view name,
                                     shm::BreakerMode mode) {
  for (shm::BreakerSlot& slot : runtime.segment().named_breakers()) {
    if (name.empty() || name_of(runtime.segment(), slot) != name) continue;
    shm::Breaker{slot}.set_mode(mode, shm::monotonic_ns());
    return &slot;
  }
  return refuse(Error{Errc::not_found}, "breaker '" + one_line(name) + "'");
}

Outcome<Exit> set(const Arguments& arguments, Output& output) {
  const auto words = arguments.operands();
  const auto mode = mode_of(words[0]);
  if (!mode) return usage_error("a breaker is set to open, close or auto");
  if (words.size() < 2) return usage_error("which breaker? 'mabeam breakers' lists them");
  if (arguments.value("file")) return usage_error("a copy of a segment has no breaker to set");
  const auto runtime = Supervised::attach(arguments);
  if (!runtime) return tl::unexpected(runtime.error());
  const std::string name{words[1]};
  const auto slot = name.starts_with(kWorker)  ? set_worker(*runtime, name, *mode)
                    : name.starts_with(kShard) ? set_shard(*runtime, name, *mode)
                                               : set_named(*runtime, name, *mode);
  if (!slot) return tl::unexpected(slot.error());
  const Row row = row_of(name, runtime->segment(), **slot);
  if (output.json()) {
    output.document(document_of(row));
  } else {
    output.print(one_line(row.name) + " is " + std::string(shm::to_string(row.view.state)) + "\n");
  }
  return Exit::done;
}

Outcome<Exit> run_breakers(const Arguments& arguments, Output& output) {
  return arguments.operands().empty() ? show(arguments, output) : set(arguments, output);
}

constexpr std::array kBreakersOptions{kFileOption, kAskTimeoutOption};

}  // namespace

Table breakers_table(const shm::Segment& segment) {
  return table_of(list(segment));
}

const Command breakers_command{
    .name = "breakers",
    .summary = "circuit breakers: list them, hold one open or closed, let it go",
    .operands = "[open|close|auto] [BREAKER]",
    .options = kBreakersOptions,
    .details =
        "A worker that fails too often ([breaker] in the configuration) is not restarted for a\n"
        "while: its shards run on the others. open: it is ended and kept so; close: it is run\n"
        "whatever happens; auto: as it does by itself, which begins with a trial. Calls to a\n"
        "shard that nobody serves are refused at once (circuit_open) after as many have timed\n"
        "out. The others are those that agents ask by name.\n"
        "\n"
        "Examples:\n"
        "  mabeam breakers\n"
        "  mabeam breakers --file copy\n"
        "  mabeam breakers close worker:2\n"
        "  mabeam breakers auto worker:2\n"
        "  mabeam breakers open shard:0\n"
        "  mabeam breakers open db\n",
    .run = run_breakers};

}  // namespace mabeam::tools
