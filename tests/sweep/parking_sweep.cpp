// The proof of parking: a worker is killed after every instruction of a turn that replays what
// waited for one agent, copies what waits for another on behind it, and parks two messages more.
// Its successor takes over, and each message must be handled exactly once, in the order in which
// it was sent.
//
// With --expect-broken the program succeeds only if the sweep finds it broken: it is then linked
// with a mutant of parking.cpp.
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "tests/support/instruction_sweep.hpp"
#include "worker/shard.hpp"

#include "mabeam/agent.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace mabeam;
using Values = std::vector<std::int64_t>;

constexpr std::uint32_t kShard = 1;  // endpoints of the segment below
constexpr std::uint32_t kClient = 2;
constexpr AgentId kClientId{EndpointId{kClient}, AgentId::kClientSlot, 0};

/// Notes what it is told, and sends it on.
struct Scribe {
  static constexpr AgentType type{.name = "scribe"};

  struct State {
    std::uint64_t count = 0;
    std::array<std::int64_t, 7> values{};
  };

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    const Result<std::int64_t> value = signal.payload().as<std::int64_t>();
    if (!value) return fail(value.error());
    if (state.count < state.values.size()) state.values[state.count] = *value;
    ++state.count;
    return context.send(kClientId, "out", *value);
  }
};

shm::Dimensions small() {
  shm::Dimensions d;
  d.workers = 1;
  d.shards = 1;
  d.clients = 1;
  d.max_agents = 8;
  d.max_state_bytes = 64;
  d.agents_per_shard = 8;
  d.names_per_shard = 16;
  d.subscriptions_per_endpoint = 4;
  d.timers_per_shard = 4;
  d.metadata_per_shard = 4;
  d.symbol_slots = 64;
  d.symbol_text_bytes = 1024;
  d.ring_bytes = {4096, 4096, 4096};
  d.log_bytes = 64U << 10U;
  d.dead_letter_bytes = 4096;
  d.span_bytes = 4096;
  return d;
}

/// A shard in the hands of one owner.
class Owner {
 public:
  Owner(const shm::Segment& segment, std::uint32_t incarnation)
      : types_(segment.symbols()),
        shard_(segment, types_, clock_, 0) {
    (void)types_.add(kTypes<Scribe>);
    is_adopted_ = shard_.adopt(shm::Incarnation::of(0, incarnation)).has_value();
    limits_.turn_time_ns = 1'000'000'000'000;  // single steps take long: one turn all the same
  }

  [[nodiscard]] bool is_adopted() const { return is_adopted_; }

  std::uint32_t run_turn() { return shard_.run_turn(limits_); }

  void run() {
    while (run_turn() != 0) {
    }
  }

 private:
  worker::Types types_;
  shm::CachedClock clock_;
  worker::Shard shard_;
  worker::Limits limits_;
  bool is_adopted_ = false;
};

class Stage {
 public:
  explicit Stage(std::string name)
      : name_(std::move(name)),
        segment_(shm::Segment::create(name_, small()).value()) {
    prepare_world();
    pristine_.assign(segment_.bytes().begin(), segment_.bytes().end());
  }

  ~Stage() { segment_.remove(); }

  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void reset() { std::memcpy(segment_.bytes().data(), pristine_.data(), pristine_.size()); }

  void save() { saved_.assign(segment_.bytes().begin(), segment_.bytes().end()); }

  void restore() { std::memcpy(segment_.bytes().data(), saved_.data(), saved_.size()); }

  /// In the child: what a worker does before its first turn.
  void attach() {
    child_segment_.emplace(shm::Segment::attach(name_, shm::Access::read_write).value());
    child_.emplace(*child_segment_, 2);
  }

  std::uint32_t run_turn() { return child_->run_turn(); }

  std::string recover_and_check();

 private:
  void prepare_world();
  void make_agents();
  void post(AgentId target, std::int64_t value, shm::Kind kind = shm::Kind::signal);

  [[nodiscard]] Values noted_by(AgentId id) const;
  [[nodiscard]] Values sent() const;

  [[nodiscard]] Lifecycle life(AgentId id) const { return segment_.agents(0).lifecycle_of(id); }

  std::string name_;
  shm::Segment segment_;
  std::vector<std::byte> pristine_;
  std::vector<std::byte> saved_;
  AgentId first_, second_;
  std::optional<shm::Segment> child_segment_;
  std::optional<Owner> child_;
};

void Stage::post(AgentId target, std::int64_t value, shm::Kind kind) {
  auto ring = shm::RingProducer::open(segment_.ring(kClient, kShard, Priority::normal)).value();
  shm::MessageHeader header{};
  header.symbol = segment_.symbols().intern("number").value();
  header.content = static_cast<std::uint32_t>(Content::i64);
  header.source = kClientId.value();
  header.target = target.value();
  const auto room = ring.claim(sizeof header + sizeof value, static_cast<std::uint16_t>(kind));
  shm::compose(*room, header, std::as_bytes(std::span{&value, 1}));
  ring.publish();
}

void Stage::make_agents() {
  worker::Types types{segment_.symbols()};
  (void)types.add(kTypes<Scribe>);
  (void)segment_.symbols().intern("out");
  worker::Agents agents{segment_, 0};
  agents.open();
  const shm::SegmentWords words{segment_, 0};
  shm::Turn turn{segment_.turn(0)};
  for (AgentId* id : {&first_, &second_}) {
    turn.begin();
    agents.begin_turn();
    const Symbol type = segment_.symbols().find("scribe");
    *id = agents.create({type, types.find(type), {}, {}}, 0).value();
    agents.stage(turn);
    shm::ShardRecord record = turn.record();
    ++record.agents_live;
    ++record.agents_created;
    turn.stage_record(record);
    turn.commit(words);
    agents.settle();
  }
}

// Two messages wait for each agent, by turns, and the first agent resumes; one more is on its way
// to each.
void Stage::prepare_world() {
  make_agents();
  Owner owner{segment_, 1};
  for (const AgentId id : {first_, second_})
    post(id, 0, shm::Kind::suspend);
  owner.run();
  post(second_, 1);
  post(first_, 2);
  post(second_, 3);
  post(first_, 4);
  owner.run();
  post(first_, 0, shm::Kind::resume);
  owner.run_turn();
  post(first_, 5);
  post(second_, 6);
}

Values Stage::noted_by(AgentId id) const {
  const shm::AgentTable table = segment_.agents(0);
  Scribe::State state;
  std::memcpy(
      &state,
      table.half(id.slot(), table.record(id.slot()).version.load()) + sizeof(shm::StateHeader),
      sizeof state);
  if (state.count > state.values.size()) return {-1};
  return {state.values.begin(), state.values.begin() + static_cast<std::ptrdiff_t>(state.count)};
}

Values Stage::sent() const {
  Values values;
  auto ring = shm::RingConsumer::open(segment_.ring(kShard, kClient, Priority::normal)).value();
  const auto polled = ring.poll(
      [&](const shm::Record& record) {
        std::int64_t value = 0;
        std::memcpy(&value, shm::parse(record)->payload.data(), sizeof value);
        values.push_back(value);
      },
      100);
  if (!polled) values.push_back(-1);
  return values;
}

std::string Stage::recover_and_check() {
  Owner owner{segment_, 3};
  if (!owner.is_adopted()) return "the shard could not be adopted";
  owner.run();
  if (noted_by(first_) != Values{2, 4, 5}) return "the first has not noted 2, 4, 5";
  if (life(first_) != Lifecycle::ready) return "the first is not ready";
  if (!noted_by(second_).empty()) return "the second has noted something";
  if (life(second_) != Lifecycle::suspended) return "the second is not suspended";
  post(second_, 0, shm::Kind::resume);
  owner.run();
  if (noted_by(second_) != Values{1, 3, 6}) return "the second has not noted 1, 3, 6";
  if (sent() != Values{2, 4, 5, 1, 3, 6}) return "what was sent is not 2, 4, 5, 1, 3, 6";
  const auto* log = reinterpret_cast<const shm::RingHeader*>(segment_.parking(0).data());
  if (log->head.load() != log->tail.load()) return "something waits on";
  const shm::TurnRegion& region = segment_.turn(0);
  if (region.committed.load() != region.applied.load()) return "a turn was left open";
  if (region.witness.load() != 0) return "the witness was left";
  return {};
}

/// How many messages the turn takes that is swept.
int messages_swept(Stage& stage) {
  const pid_t child = ::fork();
  if (child == 0) {
    stage.attach();
    ::_exit(static_cast<int>(stage.run_turn()));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  stage.reset();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  Stage stage{"sweep-" + std::to_string(::getpid())};
  if (const int swept = messages_swept(stage); swept != 4) {
    std::printf("the turn takes %d messages, not 4: it would sweep less than it says\n", swept);
    return 1;
  }
  const testing::Sweep sweep{
      .reset = [&] { stage.reset(); },
      .prepare = [&] { stage.attach(); },
      .operation = [&] { stage.run_turn(); },
      .save = [&] { stage.save(); },
      .restore = [&] { stage.restore(); },
      .recover_and_check = [&] { return stage.recover_and_check(); },
  };
  const testing::SweepResult result = testing::run_sweep(sweep);
  std::printf("parking, stopped after every instruction: %s\n", testing::summary(result).c_str());
  if (!result.first_broken.empty()) std::printf("  %s\n", result.first_broken.c_str());
  if (mode == "--expect-broken") {
    std::printf("the mutant was %s\n", result.broken != 0 ? "caught" : "NOT CAUGHT");
    return result.broken != 0 ? 0 : 1;
  }
  const testing::SweepResult kills =
      testing::run_kills(sweep, result.kill_points, mode == "--kill-at-every" ? 0 : 48);
  std::printf("parking, killed by SIGKILL: %s\n", testing::summary(kills).c_str());
  if (!kills.first_broken.empty()) std::printf("  %s\n", kills.first_broken.c_str());
  return result.broken == 0 && kills.broken == 0 && result.kill_points > 500 ? 0 : 1;
}
