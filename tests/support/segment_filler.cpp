#include "tests/support/segment_filler.hpp"

#include "shm/clock.hpp"
#include "shm/process.hpp"
#include "shm/turn_words.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

namespace mabeam::tests {

using shm::Segment;
using shm::WordKind;

namespace {

std::uint32_t tag_of(std::string_view name) {
  return static_cast<std::uint32_t>(shm::hash_name(name) >> 32U);
}

}  // namespace

void SegmentFiller::start() {
  const shm::ProcessId self = shm::self_process();
  const auto now = static_cast<std::uint64_t>(shm::monotonic_ns());
  const std::uint32_t workers = segment_.dimensions().workers;
  for (std::uint32_t i = 0; i < workers; ++i) {
    shm::WorkerSlot& worker = segment_.worker(i);
    worker.claim.store(shm::Claim{1, self.pid()}.pack());
    worker.process.store(self.value);
    worker.heartbeat_ns.store(now);
    worker.started_ns.store(now);
    worker.state.store(static_cast<std::uint32_t>(WorkerState::ready));
    worker.supervised_state.store(static_cast<std::uint32_t>(WorkerState::ready));
  }
  for (std::uint32_t shard = 0; shard < segment_.dimensions().shards; ++shard) {
    const std::uint64_t owner = shm::Incarnation::of(shard % workers, 1).value;
    shard_slot(shard).placement.store(shard % workers + 1);
    shard_slot(shard).owner.store(owner);
    segment_.turn(shard).owner.store(owner);
  }
  shm::Header& header = segment_.header();
  header.tunables.turn_messages.store(64);
  header.tunables.max_attempts.store(3);
  header.tunables.heartbeat_timeout_ns.store(3'600'000'000'000);
  header.supervisor.store(self.value);
  header.state.store(static_cast<std::uint32_t>(RuntimeState::running));
}

void SegmentFiller::fill() {
  start();
  constexpr std::array<std::string_view, 2> kCapabilities{"fast", "cheap"};
  constexpr std::array<std::string_view, 2> kPatterns{"job.*", "pkg.>"};
  const std::uint32_t client = segment_.first_client();
  segment_.endpoint(client).claim.store(shm::self_process().value);
  listen(Segment::endpoint_of_shard(0));
  listen(client);
  subscribe(client, "job.>");
  const AgentId first = create("counter", {.subscribe = kPatterns, .capabilities = kCapabilities});
  const AgentId second = create("echo", {.name = "billing"});
  const AgentId third = create(
      "counter", {.name = "orders", .capabilities = kCapabilities, .metadata = R"({"of":1})"});
  const AgentId gone = create("demo", {.name = "gone"}, 1);
  end(gone);
  set_timer(first, "tick");
  for (const AgentId agent : {first, second, third, first})
    touch(agent);
  for (int i = 0; i < 20; ++i) {
    const std::string text(static_cast<std::size_t>(i) * 7, 'x');
    emit(Segment::endpoint_of_shard(0), "job.done", text);
    emit(client, "pkg.libs", text);
    send(client, first, Priority::normal, "add", text);
    send(Segment::endpoint_of_shard(0), first, Priority::high, "ping", text);
  }
  receive(client, static_cast<std::uint32_t>(first.endpoint()), Priority::normal, 10);
  for (int i = 0; i < 5; ++i) {
    leave_span(Segment::endpoint_of_shard(0), first);
    leave_span(client, first);
  }
  bury(1, shm::DeadReason::expired, "too late");
  bury(1, shm::DeadReason::poison, "too hot");
  settle(1, 0, shm::LetterFate::dropped);
  segment_.types()
      .publish(symbol("counter"), {.state_bytes = 8,
                                   .state_version = 1,
                                   .can_describe = true,
                                   .module = {},
                                   .actions = {{"get", "answers the count"}}})
      .value();
  for (std::int64_t ns = 1; ns < 1'000'000'000; ns *= 3)
    segment_.metrics(0).latency_ns.record(ns);
}

Symbol SegmentFiller::symbol(std::string_view text) {
  return segment_.symbols().intern(text).value();
}

void SegmentFiller::turn(std::uint32_t shard, const Stage& stage,
                         const std::function<void(shm::Turn&)>& publish) {
  shm::Turn turn{segment_.turn(shard)};
  turn.begin();
  shm::ShardRecord record = turn.record();
  stage(turn, record);
  turn.stage_record(record);
  if (publish) publish(turn);
  turn.commit(shm::SegmentWords{segment_, shard});
}

// ---- agents ----------------------------------------------------------------------------------

std::uint32_t SegmentFiller::free_slot(std::uint32_t shard) const {
  const shm::AgentTable table = segment_.agents(shard);
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
    if (shm::SlotWord::unpack(table.record(slot).slot_word.load()).lifecycle == 0) return slot;
  }
  throw std::runtime_error("no free slot");
}

void SegmentFiller::write_record(std::uint32_t shard, std::uint32_t slot, Symbol type,
                                 const AgentOptions& options) {
  const shm::AgentTable table = segment_.agents(shard);
  shm::AgentRecord& record = table.record(slot);
  record.type = type;
  record.state_bytes = 8;
  record.capability_count = static_cast<std::uint8_t>(options.capabilities.size());
  shm::AgentProfile& profile = table.profile(slot);
  std::construct_at(&profile);
  table.write_name(slot, options.name);
  profile.created_unix_ns = shm::unix_ns();
  if (!options.metadata.empty()) {
    shm::MetadataRecord& note = segment_.metadata(shard)[slot];
    note.length = static_cast<std::uint8_t>(options.metadata.size());
    std::copy(options.metadata.begin(), options.metadata.end(), note.text.begin());
    profile.metadata.store(shm::MetadataWord{1, slot}.pack());
  }
  for (std::size_t i = 0; i < options.capabilities.size(); ++i) {
    profile.capabilities[i] = symbol(options.capabilities[i]);
  }
  const shm::StateHeader state{.state_version = 1, .bytes = 8};
  std::memcpy(table.half(slot, record.version.load() + 1), &state, sizeof state);
}

void SegmentFiller::stage_subscriptions(shm::Turn& turn, std::uint32_t shard, std::uint32_t slot,
                                        std::span<const std::string_view> patterns) {
  const shm::SubscriptionTable table = segment_.subscriptions(Segment::endpoint_of_shard(shard));
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < table.size() && next < patterns.size(); ++i) {
    if (table[i].word.load() != 0) continue;
    table[i].since_ns.store(static_cast<std::uint64_t>(shm::monotonic_ns()));
    turn.stage(WordKind::subscription, i, table[i].word,
               shm::SubscriptionWord{symbol(patterns[next++]), slot}.pack());
  }
}

AgentId SegmentFiller::create(std::string_view type, const AgentOptions& options,
                              std::uint32_t shard) {
  if (!options.name.empty()) {
    shard = shm::shard_of_name(options.name, segment_.dimensions().shards);
  }
  const std::uint32_t slot = free_slot(shard);
  write_record(shard, slot, symbol(type), options);
  const shm::AgentTable table = segment_.agents(shard);
  shm::AgentRecord& agent = table.record(slot);
  const auto old = shm::SlotWord::unpack(agent.slot_word.load());
  const shm::SlotWord born{old.generation + 1, static_cast<std::uint8_t>(Lifecycle::ready)};
  turn(shard, [&](shm::Turn& turn, shm::ShardRecord& record) {
    turn.stage(WordKind::agent_version, slot, agent.version, agent.version.load() + 1);
    turn.stage(WordKind::agent_slot, slot, agent.slot_word, born.pack());
    if (!options.name.empty()) {
      const std::uint32_t entry = table.place_name(options.name).free.value();
      turn.stage(WordKind::name, entry, table.name_word(entry),
                 shm::NameWord{tag_of(options.name), slot}.pack());
    }
    stage_subscriptions(turn, shard, slot, options.subscribe);
    ++record.agents_created;
    ++record.agents_live;
  });
  return {static_cast<EndpointId>(Segment::endpoint_of_shard(shard)), slot, born.generation};
}

void SegmentFiller::end(AgentId agent) {
  const std::uint32_t shard = static_cast<std::uint32_t>(agent.endpoint()) - 1;
  const shm::AgentTable table = segment_.agents(shard);
  shm::AgentRecord& ended = table.record(agent.slot());
  const auto text = table.name(agent.slot());
  const std::string name{text.data(), ended.name_length};
  turn(shard, [&](shm::Turn& turn, shm::ShardRecord& record) {
    turn.stage(WordKind::agent_slot, agent.slot(), ended.slot_word,
               shm::SlotWord{agent.generation(), 0}.pack());
    if (!name.empty()) {
      const std::uint32_t entry = table.place_name(name).taken.value();
      turn.stage(WordKind::name, entry, table.name_word(entry), shm::kTombstone);
    }
    const shm::SubscriptionTable entries =
        segment_.subscriptions(static_cast<std::uint32_t>(agent.endpoint()));
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      const std::uint64_t word = entries[i].word.load();
      if (word == 0 || shm::SubscriptionWord::unpack(word).slot != agent.slot()) continue;
      turn.stage(WordKind::subscription, i, entries[i].word, 0);
    }
    ++record.agents_stopped;
    --record.agents_live;
  });
}

void SegmentFiller::set_timer(AgentId agent, std::string_view name) {
  const std::uint32_t shard = static_cast<std::uint32_t>(agent.endpoint()) - 1;
  const shm::TimerTable table = segment_.timers(shard);
  std::uint32_t index = 0;
  while (table[index].word.load() != 0)
    ++index;
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  table[index].due_ns.store(static_cast<std::uint64_t>(shm::monotonic_ns()) + kHour);
  table[index].period_ns.store(kHour);
  table[index].label.store(shm::TimerLabel{1, symbol(name)}.pack());
  turn(shard, [&](shm::Turn& turn, shm::ShardRecord&) {
    turn.stage(WordKind::timer, index, table[index].word,
               shm::TimerWord{agent.generation(), agent.slot()}.pack());
  });
}

void SegmentFiller::touch(AgentId agent) {
  const std::uint32_t shard = static_cast<std::uint32_t>(agent.endpoint()) - 1;
  const shm::AgentTable table = segment_.agents(shard);
  shm::Word& version = table.record(agent.slot()).version;
  turn(shard, [&](shm::Turn& turn, shm::ShardRecord& record) {
    shm::StateHeader state{};
    std::memcpy(&state, table.half(agent.slot(), version.load()), sizeof state);
    ++state.handled;
    std::memcpy(table.half(agent.slot(), version.load() + 1), &state, sizeof state);
    turn.stage(WordKind::agent_version, agent.slot(), version, version.load() + 1);
    ++record.delivered;
  });
}

}  // namespace mabeam::tests
