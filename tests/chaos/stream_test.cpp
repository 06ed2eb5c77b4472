// A subscriber's worker is killed, or stopped, in the middle of a stream: how long its publisher
// and the other subscribers stand still. Who was killed misses nothing; who was stopped is evicted,
// and is told how many it missed.
//
//   mabeam_chaos_tests --gtest_filter='*Stream*' --kills 100
#include "tests/chaos/kills.hpp"
#include "tests/chaos/load.hpp"
#include "tests/chaos/times.hpp"
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace mabeam::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::uint32_t kWorkers = 3;
constexpr milliseconds kStall{200};
constexpr milliseconds kStop{600};
constexpr milliseconds kCalm{50};

class StreamTest : public RuntimeFixture {
 protected:
  struct Told {
    std::int64_t count = 0, left_out = 0, out_of_order = 0, longest_ns = 0;
  };

  /// One listener on each worker.
  void start_runtime() {
    configure("[runtime]\nworkers = " + std::to_string(kWorkers) + "\nshards = " +
              std::to_string(kWorkers) + "\n[worker]\nmax_attempts = 100\nstall_timeout = \"" +
              std::to_string(kStall.count()) +
              "ms\"\nmodules = [\"" MABEAM_MODULE_DIR
              "/listener.so\"]\n[restart]\nintensity = 10000\nperiod = \"1s\"\n"
              "backoff_min = \"0s\"\nbackoff_max = \"0s\"\n");
    start_ready();
    client_.emplace(Client::attach(name(), {.attach_timeout = seconds{20}}).value());
    const std::array<std::string_view, 1> patterns{"stream"};
    listeners_ = client_->create("listener", kWorkers, {.subscribe = patterns}).value();
    std::set<EndpointId> shards;
    for (const AgentId listener : listeners_)
      shards.insert(listener.endpoint());
    ASSERT_EQ(shards.size(), kWorkers) << "two listeners share a worker";
  }

  Told ask(AgentId listener, const std::string& action = "get") {
    const auto reply = client_->call(listener, action, {}, kPatience);
    Told told;
    std::istringstream words{std::string{reply.value().payload().text()}};
    words >> told.count >> told.left_out >> told.out_of_order >> told.longest_ns;
    return told;
  }

  void forget_gaps(Publisher& publisher) {
    for (const AgentId listener : listeners_)
      (void)ask(listener, "reset");
    (void)publisher.take_longest();
  }

  /// The worker that runs the first listener.
  [[nodiscard]] pid_t victim() const {
    const auto shard = static_cast<std::uint32_t>(listeners_[0].endpoint()) - 1;
    const RuntimeView runtime = view().value();
    for (const WorkerView& worker : runtime.workers) {
      const auto& shards = worker.shards;
      if (std::find(shards.begin(), shards.end(), shard) != shards.end()) {
        return static_cast<pid_t>(worker.pid.value_or(0));
      }
    }
    return 0;
  }

  void note_gaps(Publisher& publisher) {
    publishers_.add(publisher.take_longest());
    own_.add(nanoseconds{ask(listeners_[0]).longest_ns});
    for (std::size_t i = 1; i < listeners_.size(); ++i)
      others_.add(nanoseconds{ask(listeners_[i]).longest_ns});
  }

  /// What stands still for as long when nobody is killed: four processes take turns on two cores.
  void note_calm(Publisher& publisher) {
    forget_gaps(publisher);
    std::this_thread::sleep_for(kCalm);
    calm_publishers_.add(publisher.take_longest());
    for (std::size_t i = 1; i < listeners_.size(); ++i)
      calm_others_.add(nanoseconds{ask(listeners_[i]).longest_ns});
  }

  bool has_heard(AgentId listener, std::int64_t all) {
    const Told told = ask(listener);
    return told.count + told.left_out >= all;
  }

  /// Kills that many times in a stream of so many events a second; 0: as many as there can be.
  void kill_amid_stream(std::uint64_t kills, std::uint64_t rate) {
    start_runtime();
    Publisher publisher{name(), nanoseconds{rate == 0 ? 0 : 1'000'000'000 / rate}};
    for (std::uint64_t i = 0; i < kills; ++i) {
      ASSERT_TRUE(wait_until(kPatience, [&] { return ask(listeners_[0]).count > 0; }));
      note_calm(publisher);
      forget_gaps(publisher);
      const pid_t pid = victim();
      ASSERT_GT(pid, 0);
      const std::int64_t before = ask(listeners_[0]).count;
      ASSERT_EQ(::kill(pid, SIGKILL), 0);
      ASSERT_TRUE(wait_until(kPatience, [&] {
        const pid_t next = victim();
        return next != 0 && next != pid && ask(listeners_[0]).count > before + 100;
      }));
      note_gaps(publisher);
    }
    EXPECT_EQ(publisher.stop(), "");
    print("SIGKILL", kills, rate);
    for (const AgentId listener : listeners_) {
      EXPECT_TRUE(wait_until(kPatience, [&] { return has_heard(listener, publisher.done()); }));
      const Told told = ask(listener);
      EXPECT_EQ(told.count, publisher.done());
      EXPECT_EQ(told.left_out, 0);
      EXPECT_EQ(told.out_of_order, 0);
    }
  }

  void print(const char* blow, std::uint64_t count, std::uint64_t rate) {
    const std::string speed = rate == 0 ? "full speed" : std::to_string(rate) + " events/s";
    std::printf("stream: %llu x %s at %s: publisher %s; other subscribers %s; its own %s\n",
                static_cast<unsigned long long>(count), blow, speed.c_str(),
                publishers_.text().c_str(), others_.text().c_str(), own_.text().c_str());
    if (calm_publishers_.count() == 0) return;
    std::printf("  and in %lld ms without: publisher %s; other subscribers %s\n",
                static_cast<long long>(kCalm.count()), calm_publishers_.text().c_str(),
                calm_others_.text().c_str());
  }

  std::optional<Client> client_;
  std::vector<AgentId> listeners_;
  Times publishers_;
  Times others_;
  Times own_;
  Times calm_publishers_;
  Times calm_others_;
};

std::uint64_t few_kills() {
  return std::max<std::uint64_t>(3, kills().count / 50);
}

TEST_F(StreamTest, KilledSubscriberMissesNothingOfASteadyStream) {
  kill_amid_stream(few_kills(), 10'000);
}

TEST_F(StreamTest, KilledSubscriberMissesNothingAtFullSpeed) {
  kill_amid_stream(few_kills(), 0);
}

TEST_F(StreamTest, StoppedSubscriberIsEvictedAndToldWhatItMissed) {
  start_runtime();
  Publisher publisher{name(), {}};
  ASSERT_TRUE(wait_until(kPatience, [&] { return ask(listeners_[0]).count > 1000; }));
  forget_gaps(publisher);
  const pid_t pid = victim();
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  std::this_thread::sleep_for(kStop);  // how long it stands still is what is looked at
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  ASSERT_TRUE(wait_until(kPatience, [&] { return ask(listeners_[0]).left_out > 0; }));
  note_gaps(publisher);
  EXPECT_EQ(publisher.stop(), "");
  print("SIGSTOP", 1, 0);
  for (const AgentId listener : listeners_)
    EXPECT_TRUE(wait_until(kPatience, [&] { return has_heard(listener, publisher.done()); }));
  const Told told = ask(listeners_[0]);
  EXPECT_EQ(told.count + told.left_out, publisher.done());
  EXPECT_EQ(Observer::attach(name())->stats().events.missed,
            static_cast<std::uint64_t>(told.left_out));
  for (std::size_t i = 1; i < listeners_.size(); ++i)
    EXPECT_EQ(ask(listeners_[i]).count, publisher.done());
}

}  // namespace
}  // namespace mabeam::tests
