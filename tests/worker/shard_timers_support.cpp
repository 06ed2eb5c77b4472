#include "tests/worker/shard_timers_support.hpp"

#include <cstring>

namespace mabeam::worker {
namespace {

using std::chrono::nanoseconds;

Result<TimerId> set_timer(Context& context, Ticker::State& state, const Timing& timing) {
  const Result<TimerId> id = context.set_timer(timing.does.data(), nanoseconds{timing.delay_ns},
                                               nanoseconds{timing.period_ns});
  if (!id) return id;
  const auto unused = std::find_if(state.set.begin(), state.set.end(),
                                   [](const auto& each) { return each.timer == TimerId::none; });
  if (unused != state.set.end()) *unused = {*id, timing.value};
  return id;
}

Result<> send(Context& context, std::size_t bytes) {
  const std::vector<std::byte> body(bytes);
  return context.send(client_id(kFirstClient), "out", std::span<const std::byte>{body});
}

/// What timers and messages alike may do.
Result<> act(Context& context, Ticker::State& state, std::string_view name, const Timing& timing,
             TimerId timer) {
  if (name == "send") return send(context, kQuarterRing);
  if (name == "quit") return context.stop();
  if (name == "fail" || name == "throw") {
    if (const Result<> sent = send(context, 8); !sent) return sent;
  }
  if (name == "throw") throw std::runtime_error("as told");
  if (name.starts_with("set") || name == "both") {
    const Result<TimerId> id = set_timer(context, state, timing);
    if (!id) return fail(id.error());
    timer = *id;
  }
  if (name.starts_with("cancel") || name == "both") {
    if (const Result<> done = context.cancel_timer(timer); !done) return done;
  }
  if (name.ends_with("fail")) return fail(Errc::schema_mismatch);
  return {};
}

Result<> fill_table(Context& context) {
  Filled filled;
  for (;; ++filled.set) {
    const Result<TimerId> id = context.set_timer("note", nanoseconds{kHour});
    if (id) continue;
    filled.code = id.error().code;
    return context.reply(filled);
  }
}

}  // namespace

void Ticker::State::note(std::int64_t value) {
  values[count % values.size()] = value;
  ++count;
}

std::vector<std::int64_t> Ticker::State::all() const {
  return {values.begin(), values.begin() + std::min<std::size_t>(count, values.size())};
}

Result<> Ticker::on_action(Context& context, State& state, const Action& action) const {
  if (action.name() == "fill") return fill_table(context);
  if (action.name() == "cancel") {
    return context.cancel_timer(TimerId{action.payload().as<std::uint64_t>().value()});
  }
  const Result<TimerId> id = set_timer(context, state, action.payload().as<Timing>().value());
  if (!id) return fail(id.error());
  return context.reply(static_cast<std::uint64_t>(*id));
}

Result<> Ticker::on_signal(Context& context, State& state, const Signal& signal) const {
  const Timing timing = signal.payload().as<Timing>().value_or(Timing{});
  if (signal.name() == "note") state.note(timing.value);
  const TimerId timer{signal.payload().as<std::uint64_t>().value_or(0)};
  return act(context, state, signal.name(), timing, timer);
}

Result<> Ticker::on_timer(Context& context, State& state, const Timer& timer) const {
  state.attempt = context.attempt();
  state.last = timer.id();
  state.due_ns = timer.due().count();
  for (const auto& [id, value] : state.set) {
    if (id == timer.id()) state.note(value);
  }
  return act(context, state, timer.name(), {}, timer.id());
}

Result<> Eager::on_start(Context& context, State& state) const {
  const Result<TimerId> id = context.set_timer("again", nanoseconds{0});
  if (!id) return fail(id.error());
  state.last = *id;
  return {};
}

Result<> Eager::on_timer(Context& context, State& state, const Timer& timer) const {
  state.note(timer.name() == "again" ? 5 : 6);
  if (timer.name() != "again") return {};
  const Result<TimerId> id = context.set_timer("last", nanoseconds{0});
  if (!id) return fail(id.error());
  return {};
}

Result<> Fickle::on_start(Context& context, State& state) const {
  const Result<TimerId> id = context.set_timer("tick", nanoseconds{kHour}, nanoseconds{kHour});
  if (!id) return fail(id.error());
  state.last = *id;
  return {};
}

Result<> Fickle::on_timer(Context& /*context*/, State& state, const Timer& /*timer*/) const {
  state.note(1);
  return fail(Errc::schema_mismatch);
}

Result<> Deaf::on_action(Context& context, const Action& action) const {
  const Result<TimerId> id = context.set_timer(action.name(), nanoseconds{kHour});
  if (!id) return fail(id.error());
  return {};
}

// ---- the test --------------------------------------------------------------------------------

ShardTimers::ShardTimers() {
  adopt(0, 1, kTypes).value();
  agent_ = create({.type = "ticker"}).value();
}

TimerId ShardTimers::set(const Timing& timing) {
  post(agent_, "set", timing, {.kind = shm::Kind::request});
  for (int turns = 0; turns < 100 && turn() == 0; ++turns) {
  }
  const std::vector<Letter> replies = take(Priority::high);
  if (replies.size() != 1 || replies.front().code != Errc{}) {
    throw std::runtime_error("the timer was not set");
  }
  return static_cast<TimerId>(replies.front().value());
}

Errc ShardTimers::cancel(TimerId id, AgentId by) {
  post(by ? by : agent_, "cancel", static_cast<std::uint64_t>(id), {.kind = shm::Kind::request});
  std::vector<Letter> replies;
  for (int turns = 0; turns < 100 && replies.empty(); ++turns) {
    turn();
    replies = take(Priority::high);
  }
  return replies.at(0).code;
}

Filled ShardTimers::fill() {
  const std::vector<Letter> replies = ask(agent_, "fill");
  Filled filled;
  std::memcpy(&filled, replies.at(0).payload.data(), sizeof filled);
  return filled;
}

TimerId ShardTimers::id_of(std::uint32_t index) const {
  const std::uint64_t serial = shm::TimerLabel::unpack(timer(index).label.load()).serial;
  return static_cast<TimerId>(serial << 32U | (index + 1));
}

std::uint64_t ShardTimers::timer_word() const {
  return shm::TimerWord{agent_.generation(), agent_.slot()}.pack();
}

std::uint32_t ShardTimers::timers_used() const {
  const shm::TimerTable table = segment_.timers(0);
  return static_cast<std::uint32_t>(
      std::count_if(table.begin(), table.end(),
                    [](const shm::TimerRecord& record) { return record.word.load() != 0; }));
}

std::uint64_t ShardTimers::witness_of(std::uint32_t index) const {
  const std::uint32_t serial = shm::TimerLabel::unpack(timer(index).label.load()).serial;
  return shm::Witness::pack(shm::Witness::What::timer, 1, 0, serial, index * 8ULL);
}

void ShardTimers::make_due(std::uint32_t index, std::int64_t due_ns) {
  timer(index).due_ns.store(static_cast<std::uint64_t>(due_ns));
  adopt(0, ++incarnation_, kTypes).value();
}

void ShardTimers::die_under(std::uint64_t witness) {
  shm::TurnRegion& region = segment_.turn(0);
  region.owner.store(shm::Incarnation::of(0, incarnation_).value);
  region.witness.store(witness);
  adopt(0, ++incarnation_, kTypes).value();
}

void ShardTimers::unapply(const std::vector<std::byte>& before) {
  shm::TurnRegion& region = segment_.turn(0);
  const shm::RedoList& list = region.lists[region.committed.load() & 1U];
  const shm::SegmentWords words{segment_, 0};
  for (std::uint32_t i = 0; i < list.count; ++i) {
    shm::Word* word = words.resolve(list.entries[i]).value();
    std::uint64_t old = 0;
    std::memcpy(&old,
                before.data() + (reinterpret_cast<std::byte*>(word) - segment_.bytes().data()),
                sizeof old);
    word->store(old);
  }
  region.applied.store(region.committed.load() - 1);
}

void ShardTimers::fill_ring() {
  for (int i = 0; i < 4; ++i)
    post(agent_, "send");
  run();
}

}  // namespace mabeam::worker
