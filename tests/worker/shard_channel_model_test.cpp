// The priority channel against a model that is plainly right: a queue for each sender and priority.
// Clients send at random, and die amid a send; the shard's owner dies between turns and amid them.
// Every message is handled once, in the order of its ring, and none waits for ever, however full
// the other rings are. Every run prints its seed if it fails.
#include "shm/spsc_ring.hpp"
#include "tests/worker/shard_support.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <random>
#include <string>

namespace mabeam::worker {
namespace {

constexpr std::uint32_t kSenders = 2;
constexpr std::uint32_t kLanes = kSenders * shm::kPriorities;
/// Others that may be handled while one is the first of its ring: two turns of 64 until low
/// messages of both senders have had theirs, and half as much again for owners that die.
constexpr std::uint64_t kMostBefore = 192;

struct Numbered {
  std::uint32_t lane = 0;
  std::uint32_t reserved = 0;
  std::uint64_t number = 0;
};

/// What happens inside of the next handler.
std::function<void()>& amid_handler() {
  static std::function<void()> hook;
  return hook;
}

/// Passes on what it gets, to be counted outside of all that is recovered.
struct Echo {
  static constexpr AgentType type{.name = "echo"};

  Result<> on_signal(Context& context, const Signal& signal) const {
    const Result<Numbered> got = signal.payload().as<Numbered>();
    if (!got) return fail(got.error());
    const Result<> sent = context.send(client_id(kFirstClient), "handled", *got);
    if (amid_handler()) amid_handler()();
    return sent;
  }
};

class ShardChannelModel : public ShardTest, public ::testing::WithParamInterface<int> {
 protected:
  ShardChannelModel() {
    adopt(0, incarnation_, kEchoes).value();
    echo_ = create({.type = "echo"}).value();
  }

  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(random_()) % below; }

  void one_step() {
    for (std::uint32_t sends = draw(24); sends != 0; --sends)
      send(draw(kLanes));
    switch (draw(24)) {
      case 0:
        return kill_owner();
      case 1:
        return turn_that_dies();
      default:
        serve();
    }
  }

  void send(std::uint32_t lane) {
    const std::uint32_t client = kFirstClient + lane % kSenders;
    const auto priority = static_cast<Priority>(lane / kSenders);
    const Numbered message{lane, 0, next_[lane]};
    auto ring = shm::RingProducer::open(segment_.ring(client, 1, priority)).value();
    if (!ring.has_room(sizeof(shm::MessageHeader) + sizeof message)) return;
    if (draw(16) == 0) {  // dies before it has published: that never was
      (void)ring.claim(sizeof(shm::MessageHeader), static_cast<std::uint16_t>(shm::Kind::signal));
      return;
    }
    post(echo_, "number", message, {.priority = priority, .client = client});
    waiting_[lane].push_back({next_[lane]++, handled_});
  }

  /// A few turns: fewer messages than are sent.
  void serve() {
    for (std::uint32_t taken = 0; taken < 10; taken += limits_.turn_messages)
      turn();
    look_at_what_was_handled();
  }

  void kill_owner() { adopt(0, ++incarnation_, kEchoes).value(); }

  /// The owner dies within a handler: the segment is as it was then.
  void turn_that_dies() {
    std::vector<std::byte> then;
    std::uint32_t handlers = draw(8);
    amid_handler() = [&] {
      if (handlers-- == 0) then.assign(segment_.bytes().begin(), segment_.bytes().end());
    };
    turn();
    amid_handler() = nullptr;
    if (!then.empty()) std::copy(then.begin(), then.end(), segment_.bytes().begin());
    kill_owner();
    look_at_what_was_handled();
  }

  void look_at_what_was_handled() {
    for (const Letter& letter : take(Priority::normal)) {
      Numbered message;
      ASSERT_EQ(letter.payload.size(), sizeof message);
      std::memcpy(&message, letter.payload.data(), sizeof message);
      std::deque<Waiting>& lane = waiting_.at(message.lane);
      ASSERT_FALSE(lane.empty()) << "one that was not sent, or one twice";
      ASSERT_EQ(message.number, lane.front().number) << "lane " << message.lane;
      const std::uint64_t before =
          handled_ - std::max(lane.front().sent_at, first_at_[message.lane]);
      most_before_ = std::max(most_before_, before);
      ASSERT_LE(before, kMostBefore) << "lane " << message.lane << " has to wait";
      lane.pop_front();
      first_at_[message.lane] = ++handled_;
    }
  }

  [[nodiscard]] bool is_all_handled() const {
    return std::all_of(waiting_.begin(), waiting_.end(),
                       [](const auto& lane) { return lane.empty(); });
  }

  struct Waiting {
    std::uint64_t number = 0;
    std::uint64_t sent_at = 0;  ///< how many had been handled
  };

  static constexpr std::span<const TypeDescriptor> kEchoes = kTypes<Echo>;
  std::mt19937 random_;
  std::uint32_t incarnation_ = 2;
  AgentId echo_;
  std::array<std::deque<Waiting>, kLanes> waiting_;
  std::array<std::uint64_t, kLanes> next_{};
  std::array<std::uint64_t, kLanes> first_at_{};  // when the last before it was handled
  std::uint64_t handled_ = 0;
  std::uint64_t most_before_ = 0;
};

TEST_P(ShardChannelModel, HandlesEachOnceInOrderAndNoneLastWhateverDies) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  random_.seed(static_cast<std::uint32_t>(GetParam()));
  limits_.turn_messages = std::array{1U, 3U, 16U, 64U}.at(static_cast<std::size_t>(GetParam()) % 4);
  for (int step = 0; step < 400 && !HasFatalFailure(); ++step)
    one_step();
  for (int rest = 0; rest < 200 && !HasFatalFailure() && !is_all_handled(); ++rest)
    serve();
  EXPECT_TRUE(is_all_handled()) << "a message is lost";
  EXPECT_EQ(record().dead_lettered, 0U);
  EXPECT_GT(handled_, 1000U) << "the run stood still";
  RecordProperty("most_before", std::to_string(most_before_));
}

INSTANTIATE_TEST_SUITE_P(Random, ShardChannelModel, ::testing::Range(1, 9));

}  // namespace
}  // namespace mabeam::worker
