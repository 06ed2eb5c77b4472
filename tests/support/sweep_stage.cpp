#include "tests/support/sweep_stage.hpp"

#include "shm/agent_search.hpp"
#include "shm/client_create.hpp"
#include "shm/doorbell.hpp"
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/verify.hpp"

#include <memory>
#include <stdexcept>

#include <unistd.h>

namespace mabeam::testing {
namespace {

constexpr std::int64_t kEndless = 1'000'000'000'000'000;
constexpr std::uint32_t kBuilder = 1;  // incarnations: of the world, of who dies, of who recovers
constexpr std::uint32_t kMortal = 2;
constexpr std::uint32_t kSuccessor = 1000;
constexpr std::uint32_t kLastIncarnation = 2000;  // that the worker's slot is for

shm::Dimensions small(std::uint32_t clients) {
  shm::Dimensions d;
  d.workers = 1;
  d.shards = kShards;
  d.clients = clients;
  d.max_agents = 64;
  d.max_state_bytes = 256;
  d.agents_per_shard = 32;
  d.names_per_shard = 64;
  d.subscriptions_per_endpoint = 16;
  d.timers_per_shard = 8;
  d.metadata_per_shard = 8;
  d.symbol_slots = 128;
  d.symbol_text_bytes = 2048;
  d.ring_bytes = {4096, 4096, 4096};
  d.log_bytes = 64U << 10U;
  d.dead_letter_bytes = 4096;
  d.span_bytes = 4096;
  d.block_bytes = 4096;
  return d;
}

shm::Segment create_segment(std::uint32_t clients) {
  static int count = 0;
  const std::string name = "sweep-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  return shm::Segment::create(name, small(clients)).value();
}

/// What a worker of its own does to shard 0.
class Mortal {
 public:
  Mortal(std::string name, std::span<const TypeDescriptor> types)
      : name_(std::move(name)),
        types_(types) {}

  void prepare() {
    segment_.emplace(shm::Segment::attach(name_, shm::Access::read_write).value());
    owner_.emplace(*segment_, types_, 0);
    owner_->adopt(kMortal).value();
  }

  void run() { owner_->run(); }

 private:
  std::string name_;
  std::span<const TypeDescriptor> types_;
  std::optional<shm::Segment> segment_;
  std::optional<SweepOwner> owner_;
};

std::string text_of(AgentId id) {
  return "agent " + to_string(id);
}

}  // namespace

std::string name_on(std::uint32_t shard) {
  std::string name = "n";
  while (shm::shard_of_name(name, kShards) != shard)
    name += "n";
  return name;
}

// ---- an owner --------------------------------------------------------------------------------

SweepOwner::SweepOwner(const shm::Segment& segment, std::span<const TypeDescriptor> types,
                       std::uint32_t shard)
    : types_(segment.symbols()),
      shard_(segment, types_, clock_, shard) {
  types_.add(types).value();
}

std::uint32_t SweepOwner::run_turn() {
  clock_.refresh();
  return shard_.run_turn({.turn_time_ns = kEndless, .stall_timeout_ns = kEndless});
}

void SweepOwner::run() {
  while (run_turn() != 0) {
  }
}

std::int64_t Arrived::value(std::size_t n) const {
  std::int64_t number = -1;
  if (payload.size() >= (n + 1) * sizeof number) {
    std::memcpy(&number, payload.data() + n * sizeof number, sizeof number);
  }
  return number;
}

// ---- the world -------------------------------------------------------------------------------

SweepStage::SweepStage(std::span<const TypeDescriptor> types, std::uint32_t clients)
    : types_(types),
      segment_(create_segment(clients)) {
  segment_.header().tunables.stall_timeout_ns.store(kEndless);
  segment_.header().state.store(static_cast<std::uint32_t>(RuntimeState::running));
  segment_.worker(0).claim.store(shm::Claim{kLastIncarnation, 0}.pack());
  run(kBuilder).value();
}

SweepStage::~SweepStage() {
  segment_.remove();
}

void SweepStage::post(AgentId target, std::string_view symbol, const PayloadRef& payload,
                      shm::Kind kind, std::uint32_t client) const {
  const auto endpoint = static_cast<std::uint32_t>(target.endpoint());
  auto ring = shm::RingProducer::open(segment_.ring(client, endpoint, Priority::normal)).value();
  shm::MessageHeader header{};
  header.symbol = segment_.symbols().intern(symbol).value();
  header.content = static_cast<std::uint32_t>(payload.content());
  header.source = client_id(client).value();
  header.target = target.value();
  header.sent_ns = shm::monotonic_ns();
  const auto bytes = static_cast<std::uint32_t>(sizeof header + payload.bytes().size());
  shm::compose(ring.claim(bytes, static_cast<std::uint16_t>(kind)).value(), header,
               payload.bytes());
  ring.publish();
  shm::full_fence();
  segment_.announce(client, endpoint);
}

void SweepStage::post_create(std::string_view type, const AgentOptions& options,
                             std::uint32_t count, std::uint32_t client) const {
  const std::uint32_t shard =
      options.name.empty() ? 0 : shm::shard_of_name(options.name, segment_.dimensions().shards);
  shm::CreateRequest request = shm::make_create_request(segment_.symbols(), count, options).value();
  request.count = count;
  const AgentId target{static_cast<EndpointId>(shm::Segment::endpoint_of_shard(shard)), 0, 0};
  const auto payload = shm::create_payload(request, options.metadata, options.initial.bytes());
  post(target, type, std::span<const std::byte>{payload}, shm::Kind::create, client);
}

AgentId SweepStage::create(std::string_view type, const AgentOptions& options) {
  post_create(type, options);
  run(kBuilder).value();
  const std::vector<Arrived> replies = take(kAsker);
  if (replies.size() != 1 || replies.front().code != Errc{}) {
    throw std::runtime_error("the world has no agent of the type " + std::string{type});
  }
  return AgentId{static_cast<std::uint64_t>(replies.front().value())};
}

void SweepStage::emit(std::string_view topic, std::int64_t value) const {
  auto log = shm::EventLogWriter::open(segment_.log(kAsker), segment_.endpoints()).value();
  shm::MessageHeader header{};
  header.symbol = segment_.symbols().intern(topic).value();
  header.content = static_cast<std::uint32_t>(Content::i64);
  header.source = client_id(kAsker).value();
  header.id = log.sequence();
  header.sent_ns = shm::monotonic_ns();
  const auto room =
      log.claim(sizeof header + sizeof value, static_cast<std::uint16_t>(shm::Kind::event));
  shm::compose(room.value(), header, std::as_bytes(std::span{&value, 1}));
  log.publish();
  shm::full_fence();
  for (std::uint32_t shard = 0; shard < kShards; ++shard)
    segment_.announce(kAsker, shm::Segment::endpoint_of_shard(shard));
}

Result<> SweepStage::run(std::uint32_t incarnation) {
  std::array<std::unique_ptr<SweepOwner>, kShards> owners;
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    owners[shard] = std::make_unique<SweepOwner>(segment_, types_, shard);
    if (const Result<> adopted = owners[shard]->adopt(incarnation); !adopted) return adopted;
  }
  while (owners[0]->has_work() || owners[1]->has_work()) {
    owners[0]->run();
    owners[1]->run();
  }
  return {};
}

void SweepStage::freeze() {
  frozen_.assign(segment_.bytes().begin(), segment_.bytes().end());
}

// ---- what there is ---------------------------------------------------------------------------

std::vector<Arrived> SweepStage::take(std::uint32_t client) const {
  std::vector<Arrived> all;
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      auto ring = shm::RingConsumer::open(
                      segment_.ring(shm::Segment::endpoint_of_shard(shard), client, priority))
                      .value();
      const auto polled = ring.poll(
          [&](const shm::Record& record) {
            shm::Received message = shm::parse(record).value();
            const std::uint32_t path = shm::ring_path(client, static_cast<std::uint32_t>(priority));
            const auto blocks = segment_.blocks(shm::Segment::endpoint_of_shard(shard));
            if (!shm::find_payload(blocks, {path, record.end}, message)) message.payload = {};
            all.push_back({message.kind,
                           static_cast<Errc>(message.flags),
                           std::string{segment_.symbols().text(message.header.symbol)},
                           AgentId{message.header.source},
                           {message.payload.begin(), message.payload.end()}});
          },
          1000);
      if (!polled) throw std::runtime_error("a ring to a client is damaged");
    }
  }
  return all;
}

const shm::ShardRecord& SweepStage::record(std::uint32_t shard) const {
  const shm::TurnRegion& region = segment_.turn(shard);
  return region.record[region.record_version.load() & 1U];
}

std::size_t SweepStage::events(std::uint32_t shard) const {
  const auto bytes = segment_.log(shm::Segment::endpoint_of_shard(shard));
  auto log = shm::EventLogObserver::open(bytes, segment_.endpoints()).value();
  log.start_at_oldest();
  shm::RecordHeader header{};
  std::vector<std::byte> event;
  std::size_t count = 0;
  while (log.next(header, event).value_or(false))
    ++count;
  return count;
}

std::string SweepStage::fault() const {
  const VerifyView view = shm::verify_segment(segment_, false);
  if (!view.damage.empty()) {
    return "verify: " + view.damage.front().where + ": " + view.damage.front().what;
  }
  return registry_fault();
}

std::string SweepStage::noted(AgentId id) const {
  const std::uint32_t shard = static_cast<std::uint32_t>(id.endpoint()) - 1;
  return shm::read_metadata(segment_.agents(shard), segment_.metadata(shard), id.slot());
}

// By slot, by name, by type: every way leads to the same agents, and the shards count as many.
std::string SweepStage::registry_fault() const {
  std::uint64_t alive = 0;
  std::uint64_t listed = 0;
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    const shm::AgentTable table = segment_.agents(shard);
    std::uint64_t here = 0;
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      const std::optional<shm::AgentFacts> facts = table.snapshot(slot);
      if (!facts) return "a record keeps changing though nobody writes it";
      if (facts->slot_word.lifecycle == 0) continue;
      ++here;
      const AgentId id{static_cast<EndpointId>(shm::Segment::endpoint_of_shard(shard)), slot,
                       facts->slot_word.generation};
      if (!segment_.exists(id)) return text_of(id) + " is not found by its id";
      const std::string name{facts->name_text()};
      const Result<AgentId> named = segment_.find_agent(name);
      if (!name.empty() && named != id) return text_of(id) + " is not found by its name " + name;
    }
    const shm::ShardRecord& counted = record(shard);
    if (counted.agents_live != here) return "a shard counts agents that are not there";
    if (counted.agents_created - counted.agents_stopped != here) {
      return "a shard has not counted who was made and ended";
    }
    alive += here;
  }
  for (const TypeDescriptor& type : types_)
    listed += shm::find_agents(segment_, {.type = std::string{type.type.name}}).agents.size();
  return listed == alive ? "" : "the types have other agents than the slots";
}

// ---- the sweep -------------------------------------------------------------------------------

void SweepStage::reset() const {
  std::memcpy(segment_.bytes().data(), frozen_.data(), frozen_.size());
}

bool SweepStage::is_as_frozen() const {
  return std::memcmp(segment_.bytes().data(), frozen_.data(), frozen_.size()) == 0;
}

Sweep SweepStage::sweep_of_segment() {
  Sweep sweep;
  sweep.reset = [this] { reset(); };
  sweep.save = [this] { saved_.assign(segment_.bytes().begin(), segment_.bytes().end()); };
  sweep.restore = [this] { std::memcpy(segment_.bytes().data(), saved_.data(), saved_.size()); };
  sweep.has_changed = [this] {
    return std::memcmp(segment_.bytes().data(), saved_.data(), saved_.size()) != 0;
  };
  return sweep;
}

Sweep SweepStage::sweep_turns(std::function<std::string()> check) {
  auto mortal = std::make_shared<Mortal>(name(), types_);
  Sweep sweep = sweep_of_segment();
  sweep.prepare = [mortal] { mortal->prepare(); };
  sweep.operation = [mortal] { mortal->run(); };
  sweep.recover_and_check = [this, check = std::move(check)]() -> std::string {
    if (!run(kSuccessor)) return "a shard could not be adopted";
    std::string broken = check();
    return broken.empty() ? fault() : broken;
  };
  return sweep;
}

}  // namespace mabeam::testing
