#include "bench/spinning_shards.hpp"

#include "bench/unique_name.hpp"
#include "shm/clock.hpp"
#include "shm/spin.hpp"
#include "worker/agents.hpp"
#include "worker/shard.hpp"
#include "worker/types.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::uint32_t kStateBytes = 64;
constexpr std::uint64_t kStallNs = 1'000'000'000;  // the default: until then emitters wait
constexpr std::uint32_t kSpins = 64;  // then it gives way: there may be fewer CPUs than processes

shm::Dimensions dimensions(std::uint32_t max_agents, std::uint32_t shards) {
  shm::DimensionRequest request;
  request.workers = shards;
  request.shards = shards;
  request.clients = 1;
  request.max_agents = max_agents;
  request.max_state_bytes = kStateBytes;
  return *shm::choose_dimensions(request, shards, std::uint64_t{1} << 30U);
}

void put(worker::Agents& agents, const worker::Agents::Plan& plan, const std::string& name,
         std::vector<AgentId>& ids) {
  worker::Agents::Plan named = plan;
  named.request.name_length = static_cast<std::uint32_t>(name.size());
  std::copy(name.begin(), name.end(), named.request.name.begin());
  ids.push_back(agents.create(named, 0).value());
}

}  // namespace

SpinningShards::SpinningShards(std::span<const TypeDescriptor> types, std::uint32_t max_agents,
                               std::uint32_t shards)
    : name_(unique_name()),
      types_(types),
      segment_(shm::Segment::create(name_, dimensions(max_agents, shards)).value()),
      children_(shards) {
  segment_.header().tunables.stall_timeout_ns.store(kStallNs);
  segment_.header().state.store(static_cast<std::uint32_t>(RuntimeState::running));
}

SpinningShards::~SpinningShards() {
  segment_.remove();
  for (const pid_t child : children_) {
    if (child == 0) continue;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
}

std::vector<AgentId> SpinningShards::put_named(std::string_view type,
                                               const std::vector<std::string>& names) {
  worker::Types types{segment_.symbols()};
  (void)types.add(types_);
  const Symbol symbol = segment_.symbols().find(type);
  const worker::Agents::Plan plan{symbol, types.find(symbol), {}, {}};
  std::vector<AgentId> ids;
  for (std::uint32_t shard = 0; shard < children_.size(); ++shard) {
    worker::Agents agents{segment_, shard};
    agents.open();
    const shm::SegmentWords words{segment_, shard};
    shm::Turn turn{segment_.turn(shard)};
    for (const std::string& name : names) {
      if (shm::shard_of_name(name, segment_.dimensions().shards) != shard) continue;
      turn.begin();
      agents.begin_turn();
      put(agents, plan, name, ids);
      agents.stage(turn);
      shm::ShardRecord record = turn.record();
      ++record.agents_live;
      turn.stage_record(record);
      turn.commit(words);
      agents.settle();
    }
  }
  return ids;
}

void SpinningShards::start() {
  for (std::uint32_t shard = 0; shard < children_.size(); ++shard) {
    children_[shard] = ::fork();
    if (children_[shard] == 0) serve(shard);
  }
}

void SpinningShards::serve(std::uint32_t shard) const {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const shm::Segment segment = shm::Segment::attach(name_, shm::Access::read_write).value();
  worker::Types types{segment.symbols()};
  (void)types.add(types_);
  shm::CachedClock clock;
  worker::Shard owned{segment, types, clock, shard};
  if (!owned.adopt(shm::Incarnation::of(shard, 1))) ::_exit(1);
  const worker::Limits limits;
  for (std::uint32_t idle = 0;;) {
    clock.refresh();
    if (owned.run_turn(limits) != 0) {
      idle = 0;
    } else if (++idle < kSpins) {
      shm::pause_cpu();
    } else {
      ::sched_yield();
    }
  }
}

double SpinningShards::adopt_ns(std::uint32_t shard) {
  worker::Types types{segment_.symbols()};
  (void)types.add(types_);
  shm::CachedClock clock;
  worker::Shard owned{segment_, types, clock, shard};
  const std::int64_t began = shm::monotonic_ns();
  if (!owned.adopt(shm::Incarnation::of(shard, 1))) std::abort();
  return static_cast<double>(shm::monotonic_ns() - began);
}

}  // namespace mabeam::bench
