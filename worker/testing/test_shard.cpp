#include "shm/client_calls.hpp"
#include "shm/client_create.hpp"
#include "shm/topics.hpp"
#include "worker/testing/test_shard_impl.hpp"

#include "mabeam/testing.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace mabeam::testing {

using shm::Kind;

namespace {

constexpr std::int64_t kFirstDay = 86'400'000'000'000;
constexpr std::int64_t kEndless = 1'000'000'000'000'000;

shm::Dimensions dimensions_of(const TestOptions& options) {
  shm::Dimensions d;
  d.workers = 1;
  d.shards = 1;
  d.clients = TestShard::kSenders;
  d.max_agents = options.max_agents;
  d.max_state_bytes = options.max_state_bytes;
  d.symbol_slots = 1024;
  d.symbol_text_bytes = 32U << 10U;
  d.ring_bytes = {16U << 10U, 16U << 10U, 16U << 10U};
  d.log_bytes = 64U << 10U;
  d.dead_letter_bytes = 16U << 10U;
  d.span_bytes = 4U << 10U;
  d.block_bytes = 16U << 10U;
  shm::fill_derived(d);
  return d;
}

shm::Segment create_segment(const TestOptions& options) {
  static int count = 0;
  const std::string name = "test-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  Result<shm::Segment> segment = shm::Segment::create(name, dimensions_of(options));
  if (!segment) throw std::runtime_error("TestShard: " + describe(segment.error()));
  return std::move(*segment);
}

std::vector<std::byte> bytes_of(const PayloadRef& payload) {
  return {payload.bytes().begin(), payload.bytes().end()};
}

}  // namespace

TestOwner::TestOwner(const shm::Segment& segment, std::span<const TypeDescriptor> types,
                     std::int64_t now_ns)
    : clock(now_ns),
      types_(segment.symbols()),
      shard_(segment, types_, clock, 0) {
  if (const Result<> added = types_.add(types); !added) {
    throw std::runtime_error("TestShard: a type has no name, or one that is taken");
  }
}

std::uint32_t TestOwner::run_turn() {
  const worker::Limits limits{.turn_messages = 1, .turn_time_ns = kEndless};
  return shard_.run_turn(limits);
}

// ---- the inside of the kit -------------------------------------------------------------------

TestShard::Impl::Impl(std::span<const TypeDescriptor> descriptors, TestOptions options)
    : types(descriptors),
      segment(create_segment(options)) {
  outside.random.seed(options.seed);
  outside.now_ns = kFirstDay;
  start_watching();
  take_over();
}

TestShard::Impl::~Impl() {
  segment.remove();
}

void TestShard::Impl::post(std::uint32_t sender, Posted message) {
  if (sender >= kSenders) throw std::runtime_error("TestShard: there is no such sender");
  message.header.source = sender_id(sender).value();
  message.header.sent_ns = outside.now_ns;
  if (message.kind == Kind::event) {
    outside.posted_events.push_back(std::move(message));
  } else {
    outside.posted[sender].push_back(std::move(message));
  }
}

bool TestShard::Impl::let_one_in() {
  std::vector<std::uint32_t> ready;
  for (std::uint32_t sender = 0; sender < kSenders; ++sender) {
    if (!outside.posted[sender].empty()) ready.push_back(sender);
  }
  if (!outside.posted_events.empty()) ready.push_back(kSenders);
  if (ready.empty() || (owner->has_work() && outside.random() % 2 == 0)) return false;
  const std::uint32_t chosen = ready[outside.random() % ready.size()];
  std::deque<Posted>& queue = chosen == kSenders ? outside.posted_events : outside.posted[chosen];
  if (chosen == kSenders) {
    publish_event(queue.front());
  } else {
    publish(chosen, queue.front());
  }
  queue.pop_front();
  return true;
}

// A turn may come back with nothing though something was let in: an event that nobody here is
// subscribed to is skipped.
bool TestShard::Impl::step() {
  const bool has_let_in = let_one_in();
  const std::uint32_t taken = owner->run_turn();
  collect();
  return has_let_in || taken != 0;
}

std::uint64_t TestShard::Impl::ask(Kind kind, AgentId target, Symbol symbol,
                                   const PayloadRef& payload) {
  const std::uint64_t correlation = ++outside.next_correlation;
  Posted question{.kind = kind, .header = {}, .payload = bytes_of(payload)};
  question.header.symbol = symbol;
  question.header.content = static_cast<std::uint32_t>(payload.content());
  question.header.target = target.value();
  question.header.correlation = correlation;
  post(0, std::move(question));
  return correlation;
}

Result<ClientReply> TestShard::Impl::take_reply(std::uint64_t correlation) {
  while (!outside.replies.contains(correlation)) {
    if (!step()) return fail(Errc::timed_out);
  }
  return std::move(outside.replies.extract(correlation).mapped());
}

// ---- the kit ---------------------------------------------------------------------------------

TestShard::TestShard(std::span<const TypeDescriptor> types, TestOptions options)
    : impl_(std::make_unique<Impl>(types, options)) {
}

TestShard::~TestShard() = default;

Result<AgentId> TestShard::create(std::string_view type, const AgentOptions& options) {
  shm::Symbols symbols = impl_->segment.symbols();
  const Result<shm::CreateRequest> request = shm::make_create_request(symbols, 1, options);
  if (!request) return fail(request.error());
  const Result<Symbol> symbol = symbols.intern(type);
  if (!symbol) return fail(symbol.error());
  const AgentId shard{static_cast<EndpointId>(1), 0, 0};
  const std::vector<std::byte> payload =
      shm::create_payload(*request, options.metadata, options.initial.bytes());
  const std::span<const std::byte> bytes{payload};
  const Result<ClientReply> reply =
      impl_->take_reply(impl_->ask(Kind::create, shard, *symbol, bytes));
  if (!reply) return fail(reply.error());
  const auto made = shm::created_agents(impl_->segment, 1, reply->bytes);
  if (!made) return fail(made.error());
  return made->front();
}

Result<> TestShard::stop(AgentId agent) {
  const Result<ClientReply> reply =
      impl_->take_reply(impl_->ask(Kind::stop, agent, Symbol::none, {}));
  if (!reply) return fail(reply.error());
  return {};
}

Result<ClientReply> TestShard::call(AgentId agent, std::string_view action,
                                    const PayloadRef& payload) {
  const Symbol symbol = impl_->segment.symbols().intern(action).value();
  return impl_->take_reply(impl_->ask(Kind::request, agent, symbol, payload));
}

void TestShard::send(AgentId to, std::string_view signal, const PayloadRef& payload,
                     SendOptions options, std::uint32_t sender) {
  Posted message{.kind = Kind::signal,
                 .priority = options.priority,
                 .header = {},
                 .payload = bytes_of(payload)};
  message.header.symbol = impl_->segment.symbols().intern(signal).value();
  message.header.content = static_cast<std::uint32_t>(payload.content());
  message.header.target = to.value();
  if (options.deadline.count() > 0) {
    message.header.deadline_ns = shm::deadline_after(options.deadline, impl_->outside.now_ns);
  }
  impl_->post(sender, std::move(message));
}

void TestShard::emit(std::string_view topic, const PayloadRef& payload) {
  if (const Result<> checked = shm::check_topic(topic); !checked) {
    throw std::runtime_error("TestShard: " + describe(checked.error()));
  }
  Posted event{.kind = Kind::event, .header = {}, .payload = bytes_of(payload)};
  event.header.symbol = impl_->segment.symbols().intern(topic).value();
  event.header.content = static_cast<std::uint32_t>(payload.content());
  impl_->post(0, std::move(event));
}

bool TestShard::step() {
  return impl_->step();
}

std::size_t TestShard::run(std::size_t limit) {
  for (std::size_t steps = 0; steps < limit; ++steps) {
    if (!step()) return steps;
  }
  throw std::runtime_error("TestShard: the shard never came to rest");
}

std::chrono::nanoseconds TestShard::now() const {
  return std::chrono::nanoseconds{impl_->outside.now_ns};
}

void TestShard::advance(std::chrono::nanoseconds time) {
  impl_->outside.now_ns += time.count();
  impl_->owner->clock.turn_to(impl_->outside.now_ns);
}

std::vector<Sent> TestShard::sent() {
  return std::exchange(impl_->outside.sent, {});
}

std::vector<Sent> TestShard::events() {
  return std::exchange(impl_->outside.events, {});
}

std::vector<Sent> TestShard::dead_letters() {
  return std::exchange(impl_->outside.dead_letters, {});
}

std::span<const std::byte> TestShard::state_bytes(AgentId agent) const {
  if (!impl_->segment.is_alive(agent)) throw std::runtime_error("TestShard: no such agent");
  return impl_->owner->state_of(agent.slot());
}

}  // namespace mabeam::testing
