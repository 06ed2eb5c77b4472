// Blows on the supervisor and on all of the runtime: its death, orders, no memory, slow readers.
#include "tests/chaos/battered_runtime.hpp"
#include "tests/chaos/private_shm.hpp"

#include <array>
#include <memory>

namespace mabeam::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

bool BatteredRuntime::kill_supervisor() {
  if (!has_supervisor_) return false;
  supervisor().kill();
  ++orders_;
  has_supervisor_ = false;
  successor_due_ = Clock::now() + milliseconds{random_() % 200};
  return true;
}

void BatteredRuntime::start_successor() {
  const auto pid = static_cast<std::uint32_t>(start().pid());
  has_supervisor_ = true;
  ++supervisors_;
  const auto adopts = [this, pid] {
    return seen_.supervisor_pid == pid && seen_.state == RuntimeState::running;
  };
  book_.note(Blow::supervisor, adopts, [] { return true; });
}

bool BatteredRuntime::may_order() const {
  return has_supervisor_ && !book_.is_pending(Blow::supervisor);
}

std::optional<shm::ControlVerdict> BatteredRuntime::order(shm::ControlCommand command,
                                                          std::uint64_t number) {
  if (!may_order()) return std::nullopt;
  const auto answer = shm::ask_supervisor(*segment_, command, number, {}, seconds{20});
  // A supervisor is there a moment before it can be asked.
  if (!answer) {
    EXPECT_EQ(answer.error().code, Errc::not_running) << describe(answer.error());
    return std::nullopt;
  }
  return answer->verdict;
}

bool BatteredRuntime::scale() {
  const auto count = static_cast<std::uint32_t>(1 + random_() % kMostWorkers);
  if (count == wanted_ || book_.is_pending(Blow::scale)) return false;
  if (order(shm::ControlCommand::scale, count) != shm::ControlVerdict::done) return false;
  wanted_ = count;
  ++orders_;
  seen_ = observer_->runtime();
  book_.note(
      Blow::scale, [] { return true; }, [this] { return are_ready() && are_in_place(); });
  return true;
}

bool BatteredRuntime::are_in_place() const {
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    const auto& slot = segment_->endpoint(shm::Segment::endpoint_of_shard(shard));
    const shm::Incarnation owner{slot.owner.load()};
    if (!owner || owner.worker() + 1 != slot.placement.load()) return false;
  }
  return true;
}

// In place, or by restarting the workers one by one. A scale is refused while that goes on.
bool BatteredRuntime::reload() {
  if (!may_order()) return false;
  if (book_.is_pending(Blow::reload) || book_.is_pending(Blow::scale)) return false;
  const bool is_rolling = random_() % 2 == 0;
  (is_rolling ? nice_ : stall_seconds_) ^= 1U;
  configure(text_of_settings());
  if (order(shm::ControlCommand::reload, 0) != shm::ControlVerdict::done) {
    (is_rolling ? nice_ : stall_seconds_) ^= 1U;
    configure(text_of_settings());
    return false;
  }
  ++orders_;
  book_.note(
      Blow::reload, [] { return true; },
      [this, is_rolling, supervisors = supervisors_] {
        if (!is_rolling || supervisors != supervisors_) return true;
        return order(shm::ControlCommand::scale, wanted_) == shm::ControlVerdict::done &&
               are_ready();
      });
  return true;
}

bool BatteredRuntime::reload_nonsense() {
  constexpr std::array<const char*, 3> kNonsense{"[runtime\n", "[worker]\nturn_messages = 0\n",
                                                 "[wroker]\n"};
  if (!may_order()) return false;
  configure(kNonsense[random_() % kNonsense.size()]);
  const auto verdict = order(shm::ControlCommand::reload, 0);
  configure(text_of_settings());
  if (!verdict) return false;
  const bool is_refused = verdict == shm::ControlVerdict::configuration;
  book_.note(
      Blow::bad_reload, [is_refused] { return is_refused; }, [] { return true; });
  return true;
}

// A runtime that is full of memory goes on; another one cannot start, and says why.
bool BatteredRuntime::fill_shm() {
  if (book_.is_pending(Blow::full)) return false;
  fill_private_shm();
  auto other = std::make_shared<Program>(
      program("mabeam-supervisor"), std::vector<std::string>{"--name", name() + "-full"}, folder());
  book_.note(
      Blow::full, [other] { return other->wait(milliseconds{0}).has_value(); },
      [this, other, before = caller_->done()] {
        if (caller_->done() < before + 20) return false;
        EXPECT_EQ(other->wait(milliseconds{0}), 73) << other->err();
        empty_private_shm();
        return true;
      });
  return true;
}

bool BatteredRuntime::read_slowly() {
  if (book_.is_pending(Blow::slow_reader)) return false;
  auto reader = std::make_shared<SlowReader>(name());
  book_.note(
      Blow::slow_reader, [reader] { return reader->was_evicted() || reader->is_over(); },
      [this, reader] {
        if (!reader->is_over()) return false;
        EXPECT_EQ(reader->error(), "");
        EXPECT_TRUE(reader->was_evicted());
        slow_missed_ += reader->missed();
        return true;
      });
  return true;
}

}  // namespace mabeam::tests
