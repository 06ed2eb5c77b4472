#include "tests/worker/shard_support.hpp"

#include "shm/client_create.hpp"
#include "shm/doorbell.hpp"
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"

#include <algorithm>
#include <stdexcept>

namespace mabeam::worker {
namespace {

shm::Dimensions dimensions(std::uint32_t agents_per_shard, std::uint32_t subscriptions) {
  shm::Dimensions d = tests::small_dimensions();
  d.clients = 2;
  d.max_agents = std::max(64U, agents_per_shard);
  d.max_state_bytes = 1024;
  d.agents_per_shard = agents_per_shard;
  d.subscriptions_per_endpoint = subscriptions;
  d.timers_per_shard = kTimers;
  d.symbol_text_bytes = 4096;
  d.ring_bytes = {kRingBytes, kRingBytes, kRingBytes};
  d.log_bytes = kLogBytes;
  d.dead_letter_bytes = kLogBytes;
  d.block_bytes = 0;
  return d;
}

std::int64_t value_of(std::span<const std::byte> bytes) {
  std::int64_t value = -1;
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// A body of the task's size that begins with its value.
Result<> speak(Context& context, const Task& task, bool as_event) {
  std::vector<std::byte> body(task.bytes);
  std::memcpy(body.data(), &task.value, std::min(body.size(), sizeof task.value));
  const std::span<const std::byte> bytes{body};
  if (as_event) return context.emit("job.done", bytes);
  return context.send(client_id(task.client), "out", bytes);
}

Result<> change_structure(Context& context, std::string_view name) {
  if (name.starts_with("make")) {
    const Result<AgentId> made = context.create("puppet");
    if (!made) return fail(made.error());
  }
  if (name.starts_with("join")) return context.subscribe("job.*");
  if (name == "part") return context.unsubscribe("job.*");
  if (name.starts_with("quit")) return context.stop();
  return {};
}

Result<> say(Context& context, const Memory& memory, std::string_view name) {
  if (name.starts_with("get")) return context.reply(memory.sum);
  if (name != "twice") return {};
  if (const Result<> first = context.reply(1); !first) return first;
  if (context.reply(2)) return fail(Errc::handler_failed);  // it must have been refused
  return {};
}

}  // namespace

// ---- agents ----------------------------------------------------------------------------------

void Memory::note(std::int64_t value) {
  sum += value;
  if (count < values.size()) values[count] = value;
  ++count;
}

std::vector<std::int64_t> Memory::all() const {
  return {values.begin(), values.begin() + std::min<std::size_t>(count, values.size())};
}

Result<> obey(Context& context, Memory& memory, const Message& message) {
  const Result<Task> given = message.payload().as<Task>();
  const Task task = given ? *given : Task{};
  const std::string_view name = message.name();
  memory.note(task.value);
  memory.attempt = context.attempt();
  const bool shall_fail = name == "fail" || name == "throw";
  if (name == "send" || shall_fail) {
    if (const Result<> sent = speak(context, task, false); !sent) return sent;
  }
  if (name == "emit" || shall_fail) {
    if (const Result<> sent = speak(context, task, true); !sent) return sent;
  }
  if (const Result<> changed = change_structure(context, name); !changed) return changed;
  if (const Result<> replied = say(context, memory, name); !replied) return replied;
  if (name == "throw") throw std::runtime_error("as told");
  if (name.ends_with("fail")) return fail(Errc::schema_mismatch);
  return {};
}

Result<> Puppet::on_action(Context& context, State& state, const Action& action) const {
  return obey(context, state, action);
}

Result<> Puppet::on_signal(Context& context, State& state, const Signal& signal) const {
  return obey(context, state, signal);
}

Result<> Puppet::on_event(Context& context, State& state, const Event& event) const {
  state.note(value_of(event.payload().bytes()));
  state.attempt = context.attempt();
  if (event.topic().ends_with("fail")) return fail(Errc::schema_mismatch);
  return {};
}

Result<> BigPuppet::on_signal(Context& context, State& state, const Signal& signal) const {
  return obey(context, state.memory, signal);
}

Result<> Named::on_start(Context& context, State& state) const {
  state.was_found = context.find("bob") ? 1 : 0;
  return {};
}

Result<> Named::on_stop(Context& context, State& state) const {
  return context.send(client_id(kFirstClient), "bye", state.was_found);
}

Result<> Stillborn::on_start(Context& context) const {
  if (const Result<> sent = context.send(client_id(kFirstClient), "alive"); !sent) return sent;
  return fail(Errc::schema_mismatch);
}

std::int64_t Letter::value() const {
  return value_of(payload);
}

// ---- the test --------------------------------------------------------------------------------

ShardTest::ShardTest(std::uint32_t agents_per_shard, std::uint32_t subscriptions)
    : holder_(dimensions(agents_per_shard, subscriptions)),
      segment_(holder_.get()) {
  adopt(0, 1).value();
  adopt(1, 1).value();
}

Result<> ShardTest::adopt(std::uint32_t shard, std::uint32_t incarnation,
                          std::span<const TypeDescriptor> types) {
  owners_[shard] = std::make_unique<Owner>(segment_, types, shard);
  return owners_[shard]->shard().adopt(shm::Incarnation::of(shard, incarnation));
}

void ShardTest::run(std::uint32_t index) {
  // No test gives a shard this much to do: one that goes on for ever fails here.
  for (int turns = 0; turns < 10'000; ++turns) {
    if (turn(index) == 0) return;
  }
  ADD_FAILURE() << "the shard never came to rest";
}

void ShardTest::post(AgentId to, std::string_view name, PayloadRef payload, const Post& how) {
  const auto target = static_cast<std::uint32_t>(to.endpoint());
  auto ring = shm::RingProducer::open(segment_.ring(how.client, target, how.priority)).value();
  shm::MessageHeader header{};
  header.symbol = segment_.symbols().intern(name).value();
  header.content = static_cast<std::uint32_t>(payload.content());
  header.source = (how.source ? how.source : client_id(how.client)).value();
  header.target = to.value();
  header.correlation = how.correlation;
  header.sent_ns = shm::monotonic_ns();
  header.deadline_ns = how.deadline_ns;
  shm::Received message{how.kind, 0, header, payload.bytes()};
  message.is_traced = how.trace.has_value();
  message.trace = how.trace.value_or(TraceContext{});
  shm::compose(
      ring.claim(static_cast<std::uint32_t>(message.length()), message.record_kind()).value(),
      message);
  ring.publish();
  shm::full_fence();
  segment_.announce(how.client, target);
}

void ShardTest::emit(std::string_view topic, std::int64_t value, std::uint32_t client) {
  auto log = shm::EventLogWriter::open(segment_.log(client), segment_.endpoints()).value();
  shm::MessageHeader header{};
  header.symbol = segment_.symbols().intern(topic).value();
  header.content = static_cast<std::uint32_t>(Content::i64);
  header.source = client_id(client).value();
  header.id = log.sequence();
  header.sent_ns = shm::monotonic_ns();
  const auto room =
      log.claim(sizeof header + sizeof value, static_cast<std::uint16_t>(shm::Kind::event));
  shm::compose(room.value(), header, std::as_bytes(std::span{&value, 1}));
  log.publish();
  shm::full_fence();
  for (std::uint32_t reader = 1; reader < kFirstClient; ++reader)
    segment_.announce(client, reader);
}

std::vector<Letter> ShardTest::take(Priority priority, std::uint32_t client, std::uint32_t limit) {
  std::vector<Letter> letters;
  for (std::uint32_t source = 1; source < kFirstClient; ++source) {
    auto ring = shm::RingConsumer::open(segment_.ring(source, client, priority)).value();
    const auto polled = ring.poll(
        [&](const shm::Record& record) {
          const shm::Received message = shm::parse(record).value();
          letters.push_back({message.kind,
                             static_cast<Errc>(message.flags),
                             std::string{segment_.symbols().text(message.header.symbol)},
                             message.header,
                             {message.payload.begin(), message.payload.end()}});
        },
        limit);
    EXPECT_TRUE(polled);
  }
  return letters;
}

std::vector<Letter> ShardTest::ask(AgentId to, std::string_view action, PayloadRef payload) {
  post(to, action, payload, {.kind = shm::Kind::request, .correlation = 77});
  run(static_cast<std::uint32_t>(to.endpoint()) - 1);
  return take(Priority::high);
}

void ShardTest::post_create(const Wish& wish, std::uint32_t client) {
  shm::CreateRequest request;
  request.name_length = static_cast<std::uint32_t>(wish.name.size());
  std::copy(wish.name.begin(), wish.name.end(), request.name.begin());
  request.count = wish.count;
  request.parent = wish.parent.value();
  request.metadata_length = static_cast<std::uint32_t>(wish.metadata.size());
  for (const std::string_view pattern : wish.subscribe) {
    request.subscriptions[request.subscription_count++] =
        segment_.symbols().intern(pattern).value();
  }
  const auto endpoint = static_cast<EndpointId>(shm::Segment::endpoint_of_shard(wish.shard));
  const auto payload =
      shm::create_payload(request, wish.metadata, std::as_bytes(std::span{wish.initial}));
  post({endpoint, 0, 0}, wish.type, std::span<const std::byte>{payload},
       {.kind = shm::Kind::create, .client = client});
}

Result<AgentId> ShardTest::create(const Wish& wish) {
  post_create(wish);
  run(wish.shard);
  const std::vector<Letter> replies = take(Priority::high);
  if (replies.size() != 1) throw std::runtime_error("a request for an agent got no single reply");
  if (replies.front().code != Errc{}) return fail(replies.front().code);
  return AgentId{static_cast<std::uint64_t>(replies.front().value())};
}

Errc ShardTest::stop(AgentId id) {
  post(id, "stop", {}, {.kind = shm::Kind::stop});
  run(static_cast<std::uint32_t>(id.endpoint()) - 1);
  const std::vector<Letter> replies = take(Priority::high);
  if (replies.size() != 1) throw std::runtime_error("a request to stop got no single reply");
  return replies.front().code;
}

const shm::ShardRecord& ShardTest::record(std::uint32_t index) const {
  const shm::TurnRegion& region = segment_.turn(index);
  return region.record[region.record_version.load() & 1U];
}

std::vector<Burial> ShardTest::burials(std::uint32_t index) const {
  auto log = shm::EventLogObserver::open(segment_.dead_letters(index), 0).value();
  log.start_at_oldest();
  std::vector<Burial> found;
  shm::RecordHeader header{};
  std::vector<std::byte> body;
  while (log.next(header, body).value()) {
    Burial burial{shm::reason_of(header.flags), {}};
    std::memcpy(&burial.header, body.data() + sizeof(shm::MessageHeader), sizeof burial.header);
    found.push_back(burial);
  }
  return found;
}

std::vector<std::int64_t> ShardTest::events(std::uint32_t endpoint) const {
  auto log = shm::EventLogObserver::open(segment_.log(endpoint), segment_.endpoints()).value();
  log.start_at_oldest();
  std::vector<std::int64_t> values;
  shm::RecordHeader header{};
  std::vector<std::byte> body;
  while (log.next(header, body).value())
    values.push_back(value_of(std::span{body}.subspan(sizeof(shm::MessageHeader))));
  return values;
}

std::uint32_t ShardTest::subscriptions_used(std::uint32_t index) const {
  const auto table = segment_.subscriptions(shm::Segment::endpoint_of_shard(index));
  return static_cast<std::uint32_t>(
      std::count_if(table.begin(), table.end(),
                    [](const shm::Subscription& entry) { return entry.word.load() != 0; }));
}

}  // namespace mabeam::worker
