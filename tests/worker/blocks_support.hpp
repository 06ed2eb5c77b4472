// Shards by hand with blocks of 64 KiB, and real clients of this process that send large payloads.
#pragma once

#include "shm/block_writer.hpp"
#include "shm/letters.hpp"
#include "shm/verify.hpp"
#include "tests/worker/shard_support.hpp"

#include "mabeam/client.hpp"
#include "mabeam/observer.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace mabeam::worker {

inline constexpr std::uint64_t kBlockBytes = 65536;
inline constexpr std::size_t kLarge = 40'000;  ///< two of them do not fit

/// Bytes that tell where they are cut or mixed up.
inline std::string pattern(std::size_t bytes, unsigned seed = 1) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i)
    text[i] = static_cast<char>('!' + (i * 7 + i / 90 + seed) % 90);
  return text;
}

/// What a porter was given last.
struct Carried {
  std::uint64_t target = 0;
  std::uint32_t count = 0;
  std::uint32_t attempt = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
};

inline std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

/// Carries payloads. Actions: "echo"; "aim" (an agent or a client, u64). Signals: "keep"; "pass",
/// sends it on to its target; "pass-fail", the same, then fails; "twice", passes it on two times;
/// "say", emits it on big.said; "huge", answers how sending 1 MiB was refused.
struct Porter {
  static constexpr AgentType type{.name = "porter"};
  using State = Carried;

  inline static const std::byte* last_seen = nullptr;  ///< where the last payload lay

  Result<> on_action(Context& context, State& state, const Action& action) const {
    note(context, state, action.payload());
    if (action.name() == "echo") return context.reply(action.payload());
    const auto target = action.payload().as<std::uint64_t>();
    if (!target) return fail(Errc::unknown_action);
    state.target = *target;
    return {};
  }

  Result<> on_signal(Context& context, State& state, const Signal& signal) const {
    note(context, state, signal.payload());
    const std::string_view name = signal.name();
    if (name == "say") return context.emit("big.said", signal.payload());
    if (name == "keep") return {};
    const AgentId target{state.target};
    if (name == "huge") return context.send(target, "keep", std::string_view{pattern(1U << 20U)});
    for (int i = name == "twice" ? 2 : 1; i > 0; --i) {
      if (const auto sent = context.send(target, "keep", signal.payload()); !sent) return sent;
    }
    if (name == "pass-fail") return fail(Errc::handler_failed);
    return {};
  }

  Result<> on_event(Context& context, State& state, const Event& event) const {
    note(context, state, event.payload());
    return {};
  }

 private:
  static void note(const Context& context, State& state, const Payload& payload) {
    ++state.count;
    state.attempt = context.attempt();
    state.bytes = payload.bytes().size();
    state.hash = hash_of(payload.text());
    last_seen = payload.bytes().data();
  }
};

class BlocksTest : public ::testing::Test {
 protected:
  BlocksTest() : segment_(holder_.get()) {
    segment_.header().state.store(static_cast<std::uint32_t>(RuntimeState::running));
    segment_.header().tunables.stall_timeout_ns.store(1'000'000'000);
    for (std::uint32_t shard : {0U, 1U})
      adopt(shard, 1);
    client_ = std::make_unique<Client>(Client::attach(holder_.name()).value());
    agent_ = create(0);
    other_ = create(1);
  }

  void adopt(std::uint32_t shard, std::uint32_t incarnation) {
    owners_.at(shard) = std::make_unique<Owner>(segment_, kTypes<Porter>, shard);
    owners_.at(shard)->shard().adopt(shm::Incarnation::of(shard, incarnation)).value();
  }

  std::uint32_t turn(std::uint32_t shard = 0) { return owners_.at(shard)->run_turn(limits_); }

  void run(std::uint32_t shard = 0) {
    for (int turns = 0; turns < 10'000; ++turns)
      if (turn(shard) == 0) return;
    ADD_FAILURE() << "the shard never came to rest";
  }

  /// Runs both shards while another thread does what waits for them.
  template <class Body>
  auto pumped(Body&& body) {
    std::atomic<bool> is_done = false;
    decltype(body()) result{};
    std::thread thread{[&] {
      result = body();
      is_done = true;
    }};
    while (!is_done) {
      turn(0);
      turn(1);
    }
    thread.join();
    return result;
  }

  /// An agent of that shard.
  AgentId create(std::uint32_t shard) {
    for (;;) {
      const auto made = pumped([this] { return client_->create("porter", 1); });
      if (static_cast<std::uint32_t>(made->front().endpoint()) == shard + 1) return made->front();
    }
  }

  /// Makes `agent_` pass on to that agent or client.
  void aim(AgentId target) {
    ASSERT_TRUE(pumped([&] { return client_->call(agent_, "aim", target.value()); }));
  }

  [[nodiscard]] Carried state(AgentId id) const {
    const shm::AgentTable table = segment_.agents(static_cast<std::uint32_t>(id.endpoint()) - 1);
    Carried copy;
    std::memcpy(
        &copy,
        table.half(id.slot(), table.record(id.slot()).version.load()) + sizeof(shm::StateHeader),
        sizeof copy);
    return copy;
  }

  [[nodiscard]] std::uint32_t failures(AgentId id) const {
    const shm::AgentTable table = segment_.agents(static_cast<std::uint32_t>(id.endpoint()) - 1);
    const std::byte* half = table.half(id.slot(), table.record(id.slot()).version.load());
    return reinterpret_cast<const shm::StateHeader*>(half)->failures;
  }

  void expect_kept(AgentId id, const std::string& text, std::uint32_t count) const {
    EXPECT_EQ(state(id).count, count);
    EXPECT_EQ(state(id).bytes, text.size());
    EXPECT_EQ(state(id).hash, hash_of(text));
  }

  [[nodiscard]] shm::ArenaHeader& arena(std::uint32_t endpoint) const {
    return *reinterpret_cast<shm::ArenaHeader*>(segment_.blocks(endpoint).data());
  }

  [[nodiscard]] std::uint32_t client_endpoint() const {
    return static_cast<std::uint32_t>(client_->id().endpoint());
  }

  [[nodiscard]] std::vector<shm::Letter> letters(std::uint32_t shard = 0) const {
    return shm::read_letters(segment_.dead_letters(shard)).waiting;
  }

  void expect_whole() const {
    for (const Damage& damage : shm::verify_segment(segment_, false).damage) {
      if (damage.what.starts_with("its owner")) continue;  // no worker has claimed anything here
      ADD_FAILURE() << damage.where << ": " << damage.what;
    }
  }

  static constexpr std::int64_t kEndless = 1'000'000'000'000'000;

  static shm::Dimensions dimensions() {
    shm::Dimensions d = tests::small_dimensions();
    d.clients = 3;
    d.ring_bytes = {16384, 16384, 16384};
    d.dead_letter_bytes = 65536;
    d.block_bytes = kBlockBytes;
    return d;
  }

  tests::TestSegment holder_{dimensions()};
  const shm::Segment& segment_;
  Limits limits_{.turn_time_ns = kEndless, .stall_timeout_ns = kEndless};
  std::array<std::unique_ptr<Owner>, 2> owners_;
  std::unique_ptr<Client> client_;
  AgentId agent_;  ///< of shard 0
  AgentId other_;  ///< of shard 1
};

}  // namespace mabeam::worker
