// Blocks: their writer is killed after every instruction of claiming one and giving others back.
//
// An agent sends a payload that needs a block while its shard's are full: the oldest has been read,
// two have not. Whoever takes over, every payload arrives once and whole, and the blocks carry the
// next ones. A client sends one, and dies: it has arrived once or not at all, and the endpoint's
// next owner has all blocks to itself.
#include "shm/block_writer.hpp"
#include "shm/client_core.hpp"
#include "shm/reclaim.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepStage;

/// A payload: over a quarter of a ring of the stage; three of them fit into its blocks.
struct Large {
  std::array<std::int64_t, 150> words{};

  static Large of(std::int64_t value) {
    Large large;
    for (std::int64_t& word : large.words)
      word = value++;
    return large;
  }

  friend bool operator==(const Large&, const Large&) = default;
};

/// Sends what it is told, blown up, to the sink; keeps what is large.
struct Blower {
  static constexpr AgentType type{.name = "blower"};

  struct State {
    std::int64_t count = 0;
    std::int64_t last = 0;
    std::int64_t broken = 0;  ///< that were not whole
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    ++state.count;
    if (const Result<Large> large = signal.payload().as<Large>()) {
      state.last = large->words[0];
      state.broken += *large == Large::of(state.last) ? 0 : 1;
      return {};
    }
    const Result<std::int64_t> value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    return context.send(testing::client_id(testing::kSink), "blown", Large::of(*value));
  }
};

/// What is wrong with what has arrived; empty: those, in order, each whole.
std::string fault_in(const std::vector<Arrived>& arrived,
                     std::initializer_list<std::int64_t> wanted) {
  if (arrived.size() != wanted.size())
    return std::to_string(arrived.size()) + " payloads have arrived";
  auto next = arrived.begin();
  for (const std::int64_t value : wanted) {
    const Result<Large> large = Payload{next->payload, Content::bytes}.as<Large>();
    if (!large || *large != Large::of(value)) return std::to_string(value) + " is not whole";
    ++next;
  }
  return {};
}

/// An agent's: shard 0 dies in the turn that sends the fourth.
class AgentCase {
 public:
  AgentCase() {
    agent_ = stage_.create("blower");
    for (const std::int64_t value : {1, 2, 3})
      stage_.post(agent_, "blow", value);
    stage_.run(500).value();
    auto ring =
        shm::RingConsumer::open(stage_.segment().ring(1, testing::kSink, Priority::normal)).value();
    (void)ring.poll([](const shm::Record&) {}, 1).value();
    stage_.post(agent_, "blow", std::int64_t{4});
    stage_.freeze();
  }

  testing::Sweep sweep() {
    return stage_.sweep_turns([this] { return check(); });
  }

 private:
  // The fifth finds no room before the others are read.
  std::string check() {
    stage_.post(agent_, "blow", std::int64_t{5});
    if (!stage_.run(1001)) return "a shard could not be adopted";
    if (std::string fault = stage_.fault(); !fault.empty()) return fault;
    if (std::string fault = fault_in(stage_.take(testing::kSink), {2, 3, 4}); !fault.empty())
      return fault;
    if (!stage_.run(1002)) return "a shard could not be adopted";
    return fault_in(stage_.take(testing::kSink), {5});
  }

  SweepStage stage_{kTypes<Blower>};
  AgentId agent_;
};

/// A client's: it dies sending its second; the first has been handled.
class ClientCase {
 public:
  ClientCase() {
    agent_ = stage_.create("blower");
    client_ = attach();
    send(*client_, 1);
    stage_.run(500).value();
    client_.reset();
    stage_.freeze();
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.reset = [this] { stage_.reset(); };
    sweep.prepare = [this] { client_ = attach(); };
    sweep.operation = [this] { send(*client_, 2); };
    sweep.recover_and_check = [this] { return recover_and_check(); };
    return sweep;
  }

 private:
  [[nodiscard]] std::unique_ptr<shm::ClientCore> attach() const {
    shm::Segment segment = shm::Segment::attach(stage_.name(), shm::Access::read_write).value();
    const shm::ClientClaim claim = shm::claim_client_endpoint(segment, 0).value();
    auto core = std::make_unique<shm::ClientCore>(std::move(segment), claim, WaitMode::spin);
    core->open().value();
    return core;
  }

  void send(shm::ClientCore& core, std::int64_t value) const {
    const Large large = Large::of(value);
    shm::Outgoing message{
        shm::Kind::signal, Priority::normal, {}, std::as_bytes(std::span{&large, 1})};
    message.header.target = agent_.value();
    message.header.symbol = core.symbols.intern("keep").value();
    message.header.content = static_cast<std::uint32_t>(Content::bytes);
    (void)core.sender.try_send(message);
  }

  std::string recover_and_check() {
    const shm::Segment& segment = stage_.segment();
    const shm::ProcessId owner{segment.endpoint(testing::kAsker).claim.load()};
    if (owner && !shm::reclaim_endpoint(segment, testing::kAsker, owner))
      return "its endpoint is not given back";
    // The next owner sends before anything is read: it may take no block that is still named.
    auto next = attach();
    for (const std::int64_t value : {10, 11, 12})
      send(*next, value);
    if (!stage_.run(1000)) return "a shard could not be adopted";
    const Blower::State state = stage_.state<Blower::State>(agent_);
    // Where the dead one's has arrived, the third had no room.
    if (state.count != 1 + 3 || (state.last != 11 && state.last != 12))
      return "messages have come twice, or not at all: " + std::to_string(state.count) +
             ", the last " + std::to_string(state.last);
    if (state.broken != 0) return "a payload is not whole";
    for (const std::int64_t value : {20, 21, 22})
      send(*next, value);
    if (!stage_.run(1001)) return "a shard could not be adopted";
    if (stage_.state<Blower::State>(agent_).last != 22) return "the blocks do not hold three again";
    next.reset();
    return stage_.fault();
  }

  SweepStage stage_{kTypes<Blower>, 1};
  AgentId agent_;
  std::unique_ptr<shm::ClientCore> client_;
};

}  // namespace

int main(int argc, char** argv) {
  AgentCase agent;
  ClientCase client;
  return testing::sweep_main(
      argc, argv, "blocks",
      {{.name = "an agent's block", .sweep = agent.sweep()},
       {.name = "a client's block", .sweep = client.sweep(), .least_points = 100}});
}
