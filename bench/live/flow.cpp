#include "bench/live/flow.hpp"

#include "bench/live/live.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

#include <sys/prctl.h>

namespace mabeam::bench {
namespace {

constexpr std::size_t kInFlight = 16;
constexpr std::chrono::microseconds kBreath{50};

}  // namespace

Flow::Flow(const std::string& runtime, std::uint32_t shards, std::vector<AgentId> crowd)
    : client_(Client::attach(runtime, {.attach_timeout = kPatience}).value()),
      crowd_(std::move(crowd)),
      increment_(client_.symbol("increment").value()) {
  // Agents without a name go to the shard that has the fewest.
  std::set<EndpointId> covered;
  for (int tries = 0; covered.size() < shards && tries < 1000; ++tries) {
    const AgentId made = client_.create("counter", 1, {}, kPatience).value().at(0);
    if (!covered.insert(made.endpoint()).second) continue;
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->counter = made;
  }
  if (covered.size() < shards) give_up("no agent can be made on some shard");
  std::sort(lanes_.begin(), lanes_.end(), [](const auto& left, const auto& right) {
    return left->counter.endpoint() < right->counter.endpoint();
  });
  thread_ = std::thread{[this] { run(); }};
}

Flow::~Flow() {
  shall_stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Flow::run() {
  ::prctl(PR_SET_TIMERSLACK, 1);
  while (!shall_stop_) {
    for (const auto& lane : lanes_) {
      collect(*lane);
      call(*lane);
    }
    signal_next();
    std::this_thread::sleep_for(kBreath);
  }
}

void Flow::collect(Lane& lane) {
  const Clock::time_point now = Clock::now();
  while (!lane.calls.empty() && lane.calls.front().ready()) {
    const auto reply = lane.calls.front().take();
    lane.calls.pop_front();
    const auto number = reply ? reply->payload().as<std::int64_t>() : fail(reply.error());
    if (!number) {
      ++failed_;
      continue;
    }
    if (*number != lane.last + 1) ++out_of_order_;
    lane.last = *number;
    ++lane.answers;
    lane.answered = now;
  }
  const std::int64_t gap = std::chrono::nanoseconds{now - lane.answered}.count();
  if (gap > lane.longest_ns) lane.longest_ns = gap;
}

void Flow::call(Lane& lane) {
  if (lane.calls.size() >= kInFlight) return;
  auto pending = client_.call_async(lane.counter, increment_, {}, {.timeout = kPatience});
  if (pending) {
    lane.calls.push_back(std::move(*pending));
  } else {
    ++refused_;
  }
}

// What is refused is told to us, and not lost.
void Flow::signal_next() {
  if (crowd_.empty()) return;
  const Result<> sent = client_.send(crowd_[signals_ % crowd_.size()], increment_);
  ++(sent ? signals_ : refused_);
}

double Flow::take_longest_ms(std::uint32_t shard) {
  return static_cast<double>(lanes_[shard]->longest_ns.exchange(0)) / 1e6;
}

void Flow::await_answer(std::uint32_t shard) {
  // Those in flight were sent before.
  const std::uint64_t before = lanes_[shard]->answers;
  await("an answer", [&] { return lanes_[shard]->answers > before + kInFlight; });
}

void Flow::finish() {
  shall_stop_ = true;
  thread_.join();
  std::uint64_t calls = 0;
  std::int64_t lost = 0;
  for (const auto& lane : lanes_) {
    while (!lane->calls.empty()) {
      (void)lane->calls.front().wait(kPatience);
      collect(*lane);
    }
    calls += lane->answers;
    const auto reply = client_.call(lane->counter, "get", {}, kPatience);
    lost += lane->last - (reply ? reply->payload().as<std::int64_t>().value_or(0) : 0);
  }
  std::int64_t counted = 0;
  const auto add = [&](std::size_t, Result<ClientReply>& reply) {
    counted += reply ? reply->payload().as<std::int64_t>().value_or(0) : 0;
  };
  (void)client_.call_many(crowd_, "get", {}, kPatience, add);
  lost += static_cast<std::int64_t>(signals_) - counted;
  std::printf(
      "%llu calls, %llu signals: lost %lld, failed %llu, reordered %llu, refused to the client "
      "%llu\n",
      static_cast<unsigned long long>(calls), static_cast<unsigned long long>(signals_),
      static_cast<long long>(lost), static_cast<unsigned long long>(failed_),
      static_cast<unsigned long long>(out_of_order_), static_cast<unsigned long long>(refused_));
  if (lost != 0 || failed_ != 0 || out_of_order_ != 0) give_up("that is a fault");
}

}  // namespace mabeam::bench
