// Clients: one is killed after every instruction of a send, an emit, a call, a create, and of its
// attaching and leaving, while the shards run on. The supervisor gives its endpoint back, and the
// next client gets that very endpoint. What the dead one had sent has arrived once or not at all,
// and stays arrived; the next one's messages and calls work; nothing is reserved or owed any more.
#include "shm/event_log.hpp"
#include "shm/reclaim.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"
#include "tests/sweep/quick_client.hpp"

#include "mabeam/client.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace {

using namespace mabeam;
using testing::QuickClient;
using testing::SweepOwner;
using testing::SweepStage;

constexpr std::int64_t kFirst = 7;  // what the one who dies says, and the next one
constexpr std::int64_t kNext = 99;
constexpr std::string_view kTopic = "news.today";
constexpr std::chrono::hours kPatience{1};  // steps take long

/// Remembers all that arrives, in order: signals, events and calls alike.
struct Ear {
  static constexpr AgentType type{.name = "ear"};

  struct State {
    std::uint64_t count = 0;
    std::array<std::int64_t, 16> values{};

    void note(std::int64_t value) { values[count++ % values.size()] = value; }
  };

  Result<std::int64_t> on_action(Context&, State& state, const Action& action) const {
    state.note(action.payload().as_or<std::int64_t>(-1).value_or(-2));
    return static_cast<std::int64_t>(state.count);
  }

  Result<> on_event(Context&, State& state, const Event& event) const {
    state.note(event.payload().as<std::int64_t>().value_or(-2));
    return {};
  }
};

/// One sweep: what a client does, and what may have come of it.
struct Deed {
  std::string name;
  std::function<void(Client&, AgentId ear)> act;
  bool is_heard = true;           ///< the ear notes kFirst
  std::uint64_t most_agents = 0;  ///< that it makes
  bool attaches = false;          ///< attaching and leaving are swept, too
  std::uint64_t least_points = 100;
};

class Visit {
 public:
  explicit Visit(Deed deed) : deed_(std::move(deed)) {
    const std::array<std::string_view, 1> patterns{"news.*"};
    ear_ = stage_.create("ear", {.subscribe = patterns});
    for (const std::string_view symbol : {"hear", kTopic.data()})
      (void)stage_.segment().symbols().intern(symbol).value();
    // From here on a shard is told of what the client does, or is not.
    for (std::uint32_t shard = 1; shard <= testing::kShards; ++shard)
      stage_.segment().endpoint(shard).ready[0].store(0);
    stage_.freeze();
  }

  testing::SweepCase sweep_case() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.reset = [this] { reset(); };
    sweep.prepare = [this] {
      if (!deed_.attaches) attach();
    };
    sweep.operation = [this] {
      if (deed_.attaches) attach();
      deed_.act(*client_, ear_);
      if (deed_.attaches) client_.reset();
    };
    sweep.meanwhile = [this] {
      for (std::uint32_t shard = 0; shard < testing::kShards; ++shard) {
        if (is_told(shard)) owners_[shard]->run();
      }
    };
    sweep.recover_and_check = [this] { return recover_and_check(); };
    return {
        .name = deed_.name, .sweep = sweep, .least_points = deed_.least_points, .at_end = [this] {
          return at_end();
        }};
  }

 private:
  void reset() {
    stage_.reset();
    for (std::uint32_t shard = 0; shard < testing::kShards; ++shard) {
      owners_[shard] = std::make_unique<SweepOwner>(stage_.segment(), stage_.types(), shard);
      owners_[shard]->adopt(2).value();
    }
    heard_ = false;
    made_ = 0;
  }

  void attach() {
    client_.emplace(Client::attach(stage_.name(), {.wait = WaitMode::spin}).value());
  }

  std::string recover_and_check() {
    if (std::string broken = reclaim(); !broken.empty()) return broken;
    if (!stage_.run(1000)) return "a shard could not be adopted";
    if (std::string broken = check_effects(); !broken.empty()) return broken;
    if (std::string broken = check_next(); !broken.empty()) return broken;
    return stage_.fault();
  }

  /// What the supervisor does when it has seen the client dead.
  std::string reclaim() {
    const shm::Segment& segment = stage_.segment();
    const shm::EndpointSlot& slot = segment.endpoint(testing::kAsker);
    const shm::ProcessId owner{slot.claim.load()};
    if (owner && !shm::reclaim_endpoint(segment, testing::kAsker, owner)) {
      return "its endpoint is not given back";
    }
    if (slot.claim.load() != 0 || slot.reserved_agents.load() != 0) {
      return "its endpoint is not free";
    }
    return are_told() ? "" : "a shard has a message and was not told";
  }

  /// A shard that sleeps runs when its bit is set, and not before.
  [[nodiscard]] bool is_told(std::uint32_t shard) const {
    const std::uint32_t endpoint = shm::Segment::endpoint_of_shard(shard);
    const std::uint64_t ready = stage_.segment().endpoint(endpoint).ready[0].load();
    return (ready >> testing::kAsker & 1U) != 0;
  }

  /// No shard sleeps on something from that endpoint.
  [[nodiscard]] bool are_told() const {
    const shm::Segment& segment = stage_.segment();
    for (std::uint32_t shard = 0; shard < testing::kShards; ++shard) {
      const std::uint32_t endpoint = shm::Segment::endpoint_of_shard(shard);
      const auto bytes = segment.ring(testing::kAsker, endpoint, Priority::normal);
      auto ring = shm::RingConsumer::open(bytes).value();
      auto log =
          shm::EventLogReader::open(segment.log(testing::kAsker), segment.endpoints(), endpoint)
              .value();
      const bool has_news = ring.refresh() || (log.is_joined() && log.has_more());
      if (has_news && !is_told(shard)) return false;
    }
    return true;
  }

  /// Once or not at all; what has been seen once stays.
  std::string check_effects() {
    const Ear::State state = stage_.state<Ear::State>(ear_);
    if (state.count > 1) return "it was heard " + std::to_string(state.count) + " times";
    if (state.count == 1 && (!deed_.is_heard || state.values[0] != kFirst)) {
      return "something else was heard";
    }
    if (heard_ && state.count == 0) return "what had been heard is gone";
    heard_ = state.count == 1;
    const std::uint64_t made = stage_.segment().live_agents() - 1;
    if (made > deed_.most_agents) return std::to_string(made) + " agents were made";
    if (made < made_) return "an agent that had been made is gone";
    made_ = made;
    return {};
  }

  /// The endpoint's next owner: what it sends, emits and asks is its own.
  std::string check_next() {
    const std::uint64_t before = stage_.state<Ear::State>(ear_).count;
    bool is_adopted = true;
    QuickClient next{stage_.name(), [&] { is_adopted = stage_.run(1001) && is_adopted; }};
    if (next.endpoint() != testing::kAsker) return "it is another endpoint";
    const bool has_sent = next.send(ear_, "hear", kNext).has_value();
    const Result<ClientReply> heard = next.call(ear_, "hear", kNext + 1);
    const bool has_emitted = next.emit(kTopic, kNext + 2).has_value();
    const Result<ClientReply> made = next.create("ear", 1);
    if (!has_sent || !has_emitted || !heard || !made || !is_adopted) {
      return "the next client is refused";
    }
    if (heard->payload().as<std::int64_t>() != static_cast<std::int64_t>(before) + 2) {
      return "the next client's call got another answer";
    }
    const Ear::State state = stage_.state<Ear::State>(ear_);
    const auto* own = state.values.data() + before;
    if (state.count != before + 3 || own[0] != kNext || own[1] != kNext + 1 ||
        own[2] != kNext + 2) {
      return "the next client was not heard as it spoke";
    }
    return {};
  }

  [[nodiscard]] std::string at_end() const {
    if (deed_.is_heard && !heard_) return "in the end nothing was heard";
    return made_ == deed_.most_agents ? "" : "in the end the agents are not there";
  }

  Deed deed_;
  SweepStage stage_{kTypes<Ear>, 1};
  AgentId ear_;
  std::array<std::unique_ptr<SweepOwner>, testing::kShards> owners_;  // run on beside the client
  std::optional<Client> client_;                                      // the child's
  bool heard_ = false;
  std::uint64_t made_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t kBatch = 6;
  std::vector<Deed> deeds;
  deeds.push_back({.name = "send", .act = [](Client& client, AgentId ear) {
                     (void)client.send(ear, "hear", kFirst);
                   }});
  deeds.push_back(
      {.name = "emit", .act = [](Client& client, AgentId) { (void)client.emit(kTopic, kFirst); }});
  deeds.push_back({.name = "call", .act = [](Client& client, AgentId ear) {
                     (void)client.call(ear, "hear", kFirst, kPatience);
                   }});
  deeds.push_back(
      {.name = "create",
       .act = [](Client& client, AgentId) { (void)client.create("ear", kBatch, {}, kPatience); },
       .is_heard = false,
       .most_agents = kBatch});
  deeds.push_back(
      {.name = "attach, send, leave",
       .act = [](Client& client, AgentId ear) { (void)client.send(ear, "hear", kFirst); },
       .attaches = true});
  std::vector<std::unique_ptr<Visit>> visits;
  std::vector<testing::SweepCase> cases;
  for (Deed& deed : deeds) {
    visits.push_back(std::make_unique<Visit>(std::move(deed)));
    cases.push_back(visits.back()->sweep_case());
  }
  return testing::sweep_main(argc, argv, "client send", cases);
}
