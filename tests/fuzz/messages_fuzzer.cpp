// Messages: a shard is sent messages of any header and any payload by a client. It neither dies nor
// parks, every agent and table is whole afterwards, and it goes on answering.
//
//   input: messages; each is a byte for its kind, one for each of the choices below, and a payload
//   of a length in two bytes
#include "shm/doorbell.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/verify.hpp"
#include "shm/wire.hpp"
#include "tests/fuzz/fuzzer.hpp"
#include "tests/support/sweep_stage.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include <sys/mman.h>

namespace {

using namespace mabeam;
using testing::SweepStage;

/// Does everything that leaves something behind for a later, hostile message.
struct Victim {
  static constexpr AgentType type{.name = "victim"};

  struct State {
    AgentId peer{};
    ReplyTo owed{};
    std::uint64_t called = 0;
  };

  Result<> on_start(Context& context, State&) const { return context.subscribe("news.*"); }

  Result<std::int64_t> on_action(Context& context, State& state, const Action& action) const {
    if (action.name() == "meet") {
      const auto peer = action.payload().as<std::uint64_t>();
      if (!peer) return fail(peer.error());
      state.peer = AgentId{*peer};
    }
    if (action.name() == "call" || action.name() == "later") {
      const auto called = context.call(state.peer, "get", {}, {.deadline = std::chrono::hours{1}});
      if (!called) return fail(called.error());
      state.called = *called;
    }
    if (action.name() == "cancel") (void)context.cancel(state.called);
    if (action.name() == "later") {
      const Result<ReplyTo> owed = context.reply_later();
      if (!owed) return fail(owed.error());
      state.owed = *owed;
    }
    return static_cast<std::int64_t>(state.called);
  }

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    if (signal.name() == "quit") return context.stop();
    if (signal.name() == "make") {
      if (const auto made = context.create("victim"); !made) return fail(made.error());
    }
    if (signal.name() == "answer" && state.owed) return context.reply(state.owed, std::int64_t{1});
    return context.emit("news.today", signal.payload().as<std::int64_t>().value_or(0));
  }

  Result<> on_event(Context&, State&, const Event& event) const {
    (void)event.payload().as<std::int64_t>();
    return {};
  }

  Result<> on_reply(Context& context, State& state, const Reply& reply) const {
    if (!reply.outcome() && state.owed) return context.refuse(state.owed, Errc::timed_out);
    return {};
  }

  Result<> on_timer(Context&, State&, const Timer&) const { return {}; }
};

constexpr std::array<std::string_view, 12> kNames{"meet",       "call",   "later",  "cancel",
                                                  "get",        "quit",   "make",   "answer",
                                                  "news.today", "news.*", "victim", "no one"};

class Target {
 public:
  Target() {
    ::shm_unlink(("/mabeam-" + stage_.name()).c_str());  // who aborts removes nothing
    agents_ = {stage_.create("victim"), stage_.create("victim", {.name = testing::name_on(1)})};
    for (const std::string_view name : kNames)
      (void)stage_.segment().symbols().intern(name).value();
    stage_.post(agents_[0], "meet", agents_[1].value(), shm::Kind::request);
    stage_.run(1).value();
    (void)stage_.take(testing::kAsker);
    stage_.freeze();
  }

  void attack(fuzz::Input& input) {
    stage_.reset();
    for (int messages = 0; messages < 24 && !input.is_over(); ++messages) {
      send(input);
      if (input.byte() % 4 == 0) serve();
    }
    serve();
    (void)stage_.take(testing::kAsker);
    require_whole();
  }

 private:
  void serve() {
    if (!stage_.run(2)) fuzz::require(false, "a shard cannot be adopted");
    for (std::uint32_t shard = 0; shard < testing::kShards; ++shard) {
      const auto& slot = stage_.segment().endpoint(shm::Segment::endpoint_of_shard(shard));
      fuzz::require(slot.parked.load() == 0, "a shard was parked");
    }
  }

  void send(fuzz::Input& input) {
    const auto kind = static_cast<std::uint16_t>(1 + input.byte() % 23);  // no pad
    const std::uint16_t flags = input.byte();
    const auto priority = static_cast<Priority>(input.byte() % 3);
    const std::uint32_t shard = shm::Segment::endpoint_of_shard(input.byte() % testing::kShards);
    shm::MessageHeader header;
    header.symbol = symbol(input);
    header.content = input.byte() % 20;
    header.source = input.byte() == 255 ? input.number<std::uint64_t>()
                                        : testing::client_id(testing::kAsker).value();
    header.target = target(input, shard);
    header.id = input.position();
    header.correlation = correlation(input);
    header.sent_ns = shm::monotonic_ns();
    header.deadline_ns = deadline(input);
    const auto payload = input.bytes(input.number<std::uint16_t>() % 1000);
    auto ring = shm::RingProducer::open(stage_.segment().ring(testing::kAsker, shard, priority));
    if (!ring) return fuzz::require(false, "a client's ring cannot be written any more");
    const auto room =
        ring->claim(static_cast<std::uint32_t>(sizeof header + payload.size()), kind, flags);
    if (!room) return;
    shm::compose(*room, header, payload);
    ring->publish();
    shm::full_fence();
    stage_.segment().announce(testing::kAsker, shard);
  }

  Symbol symbol(fuzz::Input& input) {
    const std::uint8_t choice = input.byte();
    if (choice == 255) return static_cast<Symbol>(input.number<std::uint32_t>());
    return stage_.segment().symbols().find(kNames[choice % kNames.size()]);
  }

  std::uint64_t target(fuzz::Input& input, std::uint32_t shard) {
    const std::uint8_t choice = input.byte();
    switch (choice % 5) {
      case 0:
      case 1:
        return agents_[choice % 5].value();
      case 2:
        return AgentId{static_cast<EndpointId>(shard), 0, 0}.value();
      case 3:
        return AgentId{static_cast<EndpointId>(shard), choice / 5U, input.byte()}.value();
      default:
        return input.number<std::uint64_t>();
    }
  }

  /// Of the call that the first agent waits for, too.
  std::uint64_t correlation(fuzz::Input& input) {
    const std::uint8_t choice = input.byte();
    if (choice == 255) return input.number<std::uint64_t>();
    if (choice < 128) return choice;
    return stage_.state<Victim::State>(agents_[0]).called;
  }

  static std::int64_t deadline(fuzz::Input& input) {
    const std::uint8_t choice = input.byte();
    if (choice == 255) return input.number<std::int64_t>();
    return choice % 2 == 0 ? 0 : shm::monotonic_ns() + 3'600'000'000'000;
  }

  /// What is kept of a message, in a ring or a log, is what its sender wrote; all else is whole.
  void require_whole() {
    bool keeps_odd_messages = false;
    for (const Damage& damage : shm::verify_segment(stage_.segment(), false).damage) {
      const bool is_of_message = damage.where.find(", position ") != std::string::npos;
      if (!is_of_message)
        std::fprintf(stderr, "%s: %s\n", damage.where.c_str(), damage.what.c_str());
      fuzz::require(is_of_message, "the segment is damaged");
      keeps_odd_messages = true;
    }
    if (keeps_odd_messages) return;
    const std::string fault = stage_.fault();
    if (!fault.empty()) std::fprintf(stderr, "%s\n", fault.c_str());
    fuzz::require(fault.empty(), "the registry is not whole");
  }

  SweepStage stage_{kTypes<Victim>};
  std::array<AgentId, 2> agents_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  fuzz::Input input{data, size};
  target.attack(input);
  return 0;
}
