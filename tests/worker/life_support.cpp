#include "tests/worker/life_support.hpp"

#include "shm/event_log.hpp"
#include "shm/subscriptions.hpp"
#include "shm/turn_words.hpp"

#include <algorithm>
#include <stdexcept>

namespace mabeam::worker {

Result<std::int64_t> Breeder::on_action(Context& context, State& /*state*/,
                                        const Action& action) const {
  const auto count = action.payload().as<std::int64_t>().value();
  for (std::int64_t i = 0; i < count; ++i) {
    const Result<AgentId> made = context.create(action.name());
    if (!made) return fail(made.error());
  }
  return count;
}

Result<> Breeder::on_signal(Context& /*context*/, State& state, const Signal& signal) const {
  const auto told = signal.payload().as<std::uint64_t>();
  state.note(told ? static_cast<std::int64_t>(*told) : 0);
  return {};
}

Result<> Breeder::on_stop(Context& context, State& /*state*/) const {
  return Moody::stop(context);
}

Result<> Moody::start(Context& context, Memory& memory) {
  memory.note(100);
  const Result<> said = context.send(client_id(kFirstClient), "up", context.self().value());
  if (refuses_to_start) throw std::runtime_error("in no mood");
  return said;
}

Result<> Moody::stop(Context& context) {
  return context.send(client_id(kFirstClient), "bye", context.self().value());
}

LifeTest::LifeTest(std::uint32_t agents_per_shard, std::uint32_t subscriptions)
    : ShardTest(agents_per_shard, subscriptions) {
  Moody::refuses_to_start = false;
  adopt_anew(1);
  adopt_anew(0);
}

void LifeTest::adopt_anew(std::uint32_t shard) {
  segment_.worker(shard).claim.store(shm::Claim{++incarnation_, 1}.pack());
  adopt(shard, incarnation_, kTypesHere).value();
}

std::vector<AgentId> LifeTest::breed(AgentId parent, std::string_view type, std::int64_t count) {
  const std::vector<Letter> replies = ask(parent, type, count);
  if (replies.size() != 1 || replies.front().value() != count) {
    throw std::runtime_error("the agents were not made");
  }
  take(Priority::normal);
  std::vector<AgentId> children;
  const shm::AgentTable table = segment_.agents(0);
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
    const auto word = shm::SlotWord::unpack(table.record(slot).slot_word.load());
    const AgentId id{EndpointId{1}, slot, word.generation};
    const bool is_child = word.lifecycle != 0 && table.profile(slot).parent == parent.value();
    if (is_child && table.record(slot).type == segment_.symbols().find(type)) {
      children.push_back(id);
    }
  }
  return children;
}

shm::StateHeader LifeTest::header(AgentId id) const {
  const shm::AgentTable table = segment_.agents(static_cast<std::uint32_t>(id.endpoint()) - 1);
  shm::StateHeader header;
  std::memcpy(&header, table.half(id.slot(), table.record(id.slot()).version.load()),
              sizeof header);
  return header;
}

std::vector<AgentId> LifeTest::said(std::string_view what) {
  std::vector<AgentId> ids;
  for (const Letter& letter : take(Priority::normal)) {
    if (letter.name == what) ids.emplace_back(static_cast<std::uint64_t>(letter.value()));
  }
  return ids;
}

void LifeTest::listen(std::string_view pattern) {
  segment_.endpoint(kSecondClient).claim.store(1);
  segment_.subscriptions(kSecondClient)[0].word.store(
      shm::SubscriptionWord{segment_.symbols().intern(pattern).value(), 0}.pack());
  segment_.header().subscription_epoch.fetch_add(1);
}

std::vector<std::pair<std::string, std::string>> LifeTest::told() const {
  auto log = shm::EventLogObserver::open(segment_.log(1), segment_.endpoints()).value();
  log.start_at_oldest();
  std::vector<std::pair<std::string, std::string>> events;
  shm::RecordHeader header{};
  std::vector<std::byte> body;
  while (log.next(header, body).value()) {
    shm::MessageHeader message;
    std::memcpy(&message, body.data(), sizeof message);
    const auto* text = reinterpret_cast<const char*>(body.data()) + sizeof message;
    events.emplace_back(segment_.symbols().text(message.symbol),
                        std::string{text, body.size() - sizeof message});
  }
  return events;
}

void LifeTest::commit_and_die(std::uint32_t shard) {
  const std::span<std::byte> bytes = segment_.bytes();
  const std::vector<std::byte> before{bytes.begin(), bytes.end()};
  shm::TurnRegion& region = segment_.turn(shard);
  const std::uint64_t applied = region.applied.load();
  ASSERT_NE(turn(shard), 0U);
  ASSERT_EQ(region.applied.load(), applied + 1) << "one turn";
  const shm::SegmentWords words{segment_, shard};
  const shm::RedoList& list = region.lists[(applied + 1) & 1U];
  std::vector<shm::Word*> changed;
  for (std::uint32_t i = 0; i < list.count; ++i)
    changed.push_back(words.resolve(list.entries[i]).value());
  for (shm::Word* word : changed) {
    std::uint64_t old = 0;
    const auto offset = reinterpret_cast<const std::byte*>(word) - bytes.data();
    std::memcpy(&old, before.data() + offset, sizeof old);
    word->store(old);
  }
  region.applied.store(applied);
}

}  // namespace mabeam::worker
