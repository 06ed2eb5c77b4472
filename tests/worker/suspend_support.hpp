// Shards by hand with an agent that is suspended and resumed.
#pragma once

#include "shm/spsc_ring.hpp"
#include "shm/verify.hpp"
#include "tests/worker/shard_support.hpp"

namespace mabeam::worker {

class SuspendTest : public ShardTest {
 protected:
  Errc tell(AgentId agent, shm::Kind kind) {
    post(agent, "tell", {}, {.kind = kind});
    run();
    const std::vector<Letter> replies = take(Priority::high);
    return replies.size() == 1 ? replies.front().code : Errc::invalid_argument;
  }

  void suspend(AgentId agent) { ASSERT_EQ(tell(agent, shm::Kind::suspend), Errc{}); }

  void resume(AgentId agent) { ASSERT_EQ(tell(agent, shm::Kind::resume), Errc{}); }

  /// Asks for it, and runs but the turn that does it.
  void begin_to_resume(AgentId agent) {
    post(agent, "tell", {}, {.kind = shm::Kind::resume, .priority = Priority::high});
    turn();
    ASSERT_EQ(take(Priority::high).size(), 1U);
  }

  void add(AgentId agent, std::int64_t value, Priority priority = Priority::normal) {
    post(agent, "add", Task{.value = value}, {.priority = priority});
  }

  [[nodiscard]] Lifecycle life(AgentId agent) const {
    return segment_.agents(0).lifecycle_of(agent);
  }

  [[nodiscard]] Errc reason(AgentId agent) const {
    return static_cast<Errc>(segment_.agents(0).snapshot(agent.slot())->reason);
  }

  [[nodiscard]] const shm::RingHeader& log() const {
    return *reinterpret_cast<const shm::RingHeader*>(segment_.parking(0).data());
  }

  [[nodiscard]] std::uint64_t parked_bytes() const { return log().tail.load() - log().head.load(); }

  void expect_whole() {
    const VerifyView view = shm::verify_segment(segment_, false);
    for (const Damage& damage : view.damage) {
      if (damage.what.starts_with("its owner")) continue;  // no worker has claimed anything here
      ADD_FAILURE() << damage.where << ": " << damage.what;
    }
  }

  AgentId agent_ = create().value();
};

}  // namespace mabeam::worker
