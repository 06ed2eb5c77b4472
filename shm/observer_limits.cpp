// The view of the limits: what the supervisor has measured, and what can be counted from here.
#include "shm/fullest_tables.hpp"
#include "shm/limits.hpp"
#include "shm/observer_impl.hpp"

#include "mabeam/observer.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace mabeam {
namespace {

using shm::Segment;

std::uint64_t load(const shm::Word& word) {
  return word.load(std::memory_order_relaxed);
}

LimitMechanism mechanism_of(const std::atomic<std::uint32_t>& word) {
  const std::uint32_t value = word.load(std::memory_order_relaxed);
  const bool is_known = value <= static_cast<std::uint32_t>(LimitMechanism::rlimit);
  return is_known ? static_cast<LimitMechanism>(value) : LimitMechanism::none;
}

std::optional<std::uint64_t> count_files(std::uint32_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid) + "/fd", error);
  std::uint64_t count = 0;
  while (!error && entry != std::filesystem::directory_iterator{}) {
    ++count;
    entry.increment(error);
  }
  if (error) return std::nullopt;
  return count;
}

WorkerLimitsView view_of(const Segment& segment, const WorkerView& worker) {
  const shm::WorkerLimits& told = segment.limits().workers[worker.index];
  WorkerLimitsView view;
  view.index = worker.index;
  view.pid = worker.pid;
  view.memory_soft_bytes = load(told.memory_soft_bytes);
  view.memory.limit = load(told.memory_limit_bytes);
  view.processes.limit = load(told.processes_limit);
  view.files_limit = load(told.files_limit);
  if (!worker.pid) return view;
  view.is_closed = told.is_closed.load(std::memory_order_relaxed) != 0;
  const std::uint64_t measured = load(told.memory_bytes);
  view.memory.used = measured == 0 ? worker.memory_bytes : measured;
  view.processes.used = load(told.processes);
  view.files = count_files(*worker.pid);
  return view;
}

std::uint64_t count_clients(const Segment& segment) {
  std::uint64_t count = 0;
  for (std::uint32_t i = segment.first_client(); i < segment.endpoints(); ++i)
    count += load(segment.endpoint(i).claim) == 0 ? 0U : 1U;
  return count;
}

RateView view_of(std::string name, const shm::Word& word, const shm::RateTally& tally) {
  const auto setting = shm::RateSetting::unpack(load(word));
  return {
      std::move(name),    {}, setting.rate, setting.burst, setting.is_shadow, load(tally.granted),
      load(tally.refused)};
}

/// A kind's rate of types: of all that were asked for one, and of all together.
void add_types(const Segment& segment, std::uint32_t kind, std::vector<RateView>& rates) {
  const shm::LimitsRegion& limits = segment.limits();
  const std::string name = "type_" + std::string{shm::rate_name(static_cast<shm::RateKind>(kind))};
  const std::size_t whole = rates.size();
  rates.push_back(view_of(name, limits.settings[kind].each_type, shm::RateTally{}));
  for (std::uint32_t slot = 0; slot < shm::TypeTable::kSlots; ++slot) {
    const Symbol type = segment.types().name(slot);
    if (type == Symbol::none) break;
    RateView view =
        view_of(name, limits.settings[kind].each_type, limits.type_rates[kind][slot].tally);
    if (view.granted + view.refused == 0) continue;
    rates[whole].granted += view.granted;
    rates[whole].refused += view.refused;
    view.type = segment.symbols().text(type);
    rates.push_back(std::move(view));
  }
}

}  // namespace

LimitsView Observer::limits() const {
  const Segment& segment = impl_->segment;
  const shm::LimitsRegion& region = segment.limits();
  LimitsView view;
  view.memory_mechanism = mechanism_of(region.runtime.memory_mechanism);
  view.process_mechanism = mechanism_of(region.runtime.process_mechanism);
  view.memory.limit = load(region.runtime.memory_limit_bytes);
  view.agents = {segment.live_agents(), segment.dimensions().max_agents};
  view.clients = {count_clients(segment), segment.dimensions().clients};
  for (const WorkerView& worker : runtime().workers) {
    view.workers.push_back(view_of(segment, worker));
    view.memory.used += view.workers.back().memory.used;
  }
  for (std::uint32_t kind = 0; kind < shm::kRates; ++kind) {
    view.rates.push_back(view_of(std::string{shm::rate_name(static_cast<shm::RateKind>(kind))},
                                 region.settings[kind].runtime, region.rates[kind].tally));
  }
  for (std::uint32_t kind = 0; kind < shm::kRates; ++kind) {
    const auto name = "client_" + std::string{shm::rate_name(static_cast<shm::RateKind>(kind))};
    view.rates.push_back(
        view_of(name, region.settings[kind].each_client, region.client_rates[kind].tally));
  }
  for (std::uint32_t kind = 0; kind < shm::kRates; ++kind)
    add_types(segment, kind, view.rates);
  view.tables = shm::fullest_tables(segment);
  return view;
}

}  // namespace mabeam
