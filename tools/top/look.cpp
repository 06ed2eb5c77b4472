#include "tools/top/look.hpp"

#include "shm/observer_impl.hpp"
#include "shm/process.hpp"
#include "shm/snapshots.hpp"

#include <map>
#include <sstream>

#include <unistd.h>

namespace mabeam::tools {

namespace {

/// Of /proc/PID/stat: what stands behind the command's name, which may hold anything.
std::uint64_t cpu_ns_of(std::optional<std::uint32_t> pid) {
  if (!pid) return 0;
  const std::string stat = shm::read_proc(static_cast<pid_t>(*pid), "stat");
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return fields ? (user + system) * (1'000'000'000 / ticks_per_second) : 0;
}

double difference(std::uint64_t before, std::uint64_t now) {
  return now > before ? static_cast<double>(now - before) : 0;
}

ShardLook look_at_shard(const shm::Segment& segment, std::uint32_t shard) {
  const shm::TurnRegion& turn = segment.turn(shard);
  const shm::ShardRecord record = shm::snapshot_record(turn);
  return {record.delivered + record.events_delivered, record.sent + record.events_published,
          segment.metrics(shard).longest_turn_ns.load(std::memory_order_relaxed),
          turn.witness.load(std::memory_order_relaxed) != 0};
}

/// The bucket's upper bound up to which all but one in `rest` of the values lie.
std::uint64_t latency_quantile(const std::vector<StatsView::Bucket>& buckets, std::uint64_t total,
                               std::uint64_t rest) {
  std::uint64_t seen = 0;
  for (const StatsView::Bucket& bucket : buckets) {
    seen += bucket.count;
    if (seen >= total - total / rest) return bucket.highest_ns;
  }
  return 0;
}

void add_latencies(const TopLook& before, const TopLook& now, TopRates& rates) {
  std::map<std::uint64_t, std::uint64_t> was;
  for (const StatsView::Bucket& bucket : before.view.stats.latencies)
    was[bucket.lowest_ns] = bucket.count;
  std::vector<StatsView::Bucket> fresh;
  for (StatsView::Bucket bucket : now.view.stats.latencies) {
    const std::uint64_t old = was[bucket.lowest_ns];
    if (bucket.count <= old) continue;
    bucket.count -= old;
    rates.messages += bucket.count;
    fresh.push_back(bucket);
  }
  if (fresh.empty()) return;
  rates.p50_ns = latency_quantile(fresh, rates.messages, 2);
  rates.p99_ns = latency_quantile(fresh, rates.messages, 100);
  rates.p999_ns = latency_quantile(fresh, rates.messages, 1000);
  rates.max_ns = fresh.back().highest_ns;
}

void add_shards(const TopLook& before, const TopLook& now, TopRates& rates) {
  for (std::size_t i = 0; i < now.shards.size() && i < before.shards.size(); ++i) {
    rates.taken[i] = difference(before.shards[i].taken, now.shards[i].taken) / rates.seconds;
    rates.given[i] = difference(before.shards[i].given, now.shards[i].given) / rates.seconds;
  }
}

}  // namespace

Outcome<TopLook> look_at(const std::string& runtime) {
  const Result<Observer> observer = Observer::attach(runtime);
  if (!observer) return refuse_attach(observer.error(), runtime);
  const shm::Segment& segment = Observer::Impl::segment_of(*observer);
  TopLook look{.view = look_for_metrics(*observer, observer->health()),
               .shards = {},
               .cpu_ns = {},
               .at = std::chrono::steady_clock::now()};
  for (const WorkerView& worker : look.view.runtime.workers)
    look.cpu_ns.push_back(cpu_ns_of(worker.pid));
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard)
    look.shards.push_back(look_at_shard(segment, shard));
  return look;
}

TopRates rates_between(const TopLook& before, const TopLook& now) {
  TopRates rates;
  rates.seconds = std::chrono::duration<double>(now.at - before.at).count();
  const bool is_same = before.view.runtime.created_unix_ns == now.view.runtime.created_unix_ns;
  rates.cpu.resize(now.view.runtime.workers.size());
  rates.taken.resize(now.shards.size());
  rates.given.resize(now.shards.size());
  if (rates.seconds <= 0 || !is_same) return rates;
  const auto& was = before.view.stats;
  const auto& is = now.view.stats;
  rates.sent = difference(was.messages.sent, is.messages.sent) / rates.seconds;
  rates.delivered = difference(was.messages.delivered, is.messages.delivered) / rates.seconds;
  rates.refused = difference(was.messages.refused, is.messages.refused) / rates.seconds;
  rates.published = difference(was.events.published, is.events.published) / rates.seconds;
  rates.buried = difference(before.view.letters.buried, now.view.letters.buried) / rates.seconds;
  add_latencies(before, now, rates);
  add_shards(before, now, rates);
  for (std::size_t i = 0; i < rates.cpu.size() && i < before.cpu_ns.size(); ++i) {
    const bool is_same_process =
        before.view.runtime.workers[i].pid == now.view.runtime.workers[i].pid;
    if (!is_same_process) continue;
    rates.cpu[i] = difference(before.cpu_ns[i], now.cpu_ns[i]) / 1e9 / rates.seconds;
  }
  return rates;
}

}  // namespace mabeam::tools
