// The ring against a model that is plainly right: a queue of the numbers that were published and
// not yet released. Random operations, and deaths of the producer and of the consumer at random
// points between any two of them. Every run prints its seed if it fails.
#include "shm/spsc_ring.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kRingBytes = 1024;
constexpr std::uint16_t kKind = 1;

/// What must be true of a ring.
struct RingModel {
  struct Message {
    std::uint64_t number = 0;
    std::uint32_t length = 0;
  };

  std::deque<Message> waiting;   ///< published and not released
  std::vector<Message> claimed;  ///< not yet published
  std::size_t read = 0;          ///< of those that wait, by the consumer that lives
  std::uint64_t next = 0;        ///< the number that is claimed next

  [[nodiscard]] bool is_empty() const { return waiting.empty() && claimed.empty(); }

  /// Without the pads.
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const Message& message : waiting)
      sum += record_bytes(message.length);
    for (const Message& message : claimed)
      sum += record_bytes(message.length);
    return sum;
  }
};

class SpscRingModel : public ::testing::TestWithParam<int> {
 protected:
  SpscRingModel() {
    create_ring(memory_.span());
    kill_producer();
    kill_consumer();
  }

  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(random_()) % below; }

  void one_step() {
    switch (draw(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return claim(draw(8) == 0 ? producer_.max_body() - draw(8) : draw(100));
      case 4:
      case 5:
        return publish();
      case 6:
        return draw(2) == 0 ? discard() : rewind();
      case 7:
        return draw(2) == 0 ? kill_producer() : kill_consumer();
      case 8:
      case 9:
        return release();
      case 10:
        return draw(8) == 0 ? read_again() : read();
      case 11:
        return draw(32) == 0 ? skip_all() : poll(1 + draw(5));
      default:
        return read();
    }
  }

  // ---- the producer
  void claim(std::uint32_t length) {
    const bool has_room = producer_.has_room(length);
    const std::uint64_t before = producer_.claimed();
    const auto room = producer_.claim(length, kKind, static_cast<std::uint16_t>(model_.next));
    ASSERT_EQ(room.has_value(), has_room) << "what has_room() said";
    if (!room) {
      ASSERT_EQ(room.error().code, Errc::backpressure);
      ASSERT_FALSE(model_.is_empty()) << "an empty ring is full";
      const std::uint64_t pads = kRingBytes / 4 + record_bytes(length);  // one in use, one for this
      ASSERT_GT(model_.bytes() + pads + record_bytes(length), kRingBytes) << "there was room";
      return;
    }
    ASSERT_EQ(room->size(), length);
    std::fill(room->begin(), room->end(), static_cast<std::byte>(model_.next));
    claimed_at_.push_back(before);
    model_.claimed.push_back({model_.next++, length});
  }

  void publish() {
    producer_.publish();
    model_.waiting.insert(model_.waiting.end(), model_.claimed.begin(), model_.claimed.end());
    forget_claims_from(0);
  }

  void discard() {
    producer_.discard();
    forget_claims_from(0);
  }

  /// As a handler that fails amid a turn.
  void rewind() {
    if (claimed_at_.empty()) return;
    const std::uint32_t first = draw(static_cast<std::uint32_t>(claimed_at_.size()));
    producer_.rewind(claimed_at_[first]);
    forget_claims_from(first);
  }

  void forget_claims_from(std::size_t first) {
    model_.claimed.resize(first);
    claimed_at_.resize(first);
  }

  /// What it had claimed never was.
  void kill_producer() {
    producer_ = RingProducer::open(memory_.span()).value();
    forget_claims_from(0);
  }

  // ---- the consumer
  void expect_next(const Record& record) {
    ASSERT_LT(model_.read, model_.waiting.size()) << "one that was not published";
    const RingModel::Message& expected = model_.waiting[model_.read++];
    ASSERT_EQ(record.body.size(), expected.length);
    ASSERT_EQ(record.header.kind, kKind);
    ASSERT_EQ(record.header.flags, static_cast<std::uint16_t>(expected.number));
    for (const std::byte b : record.body)
      ASSERT_EQ(b, static_cast<std::byte>(expected.number)) << "it is not whole";
  }

  void read() {
    Record record;
    const Result<bool> found = consumer_.peek(record);
    ASSERT_TRUE(found);
    ASSERT_EQ(*found, model_.read < model_.waiting.size()) << "none twice, none left out";
    if (!*found) return;
    expect_next(record);
    consumer_.advance(record.end);
  }

  /// As a turn that forgets its effects.
  void read_again() {
    consumer_.advance(header().head.load());
    model_.read = 0;
  }

  void release() {
    consumer_.release();
    forget_read();
  }

  void poll(std::uint32_t limit) {
    const std::size_t left = model_.waiting.size() - model_.read;
    const auto polled =
        consumer_.poll([this](const Record& record) { expect_next(record); }, limit);
    ASSERT_TRUE(polled);
    ASSERT_EQ(*polled, std::min<std::size_t>(left, limit));
    if (*polled != 0) forget_read();
  }

  void skip_all() {
    (void)consumer_.skip_all();
    model_.read = model_.waiting.size();
    release();
  }

  void forget_read() {
    model_.waiting.erase(model_.waiting.begin(),
                         model_.waiting.begin() + static_cast<std::ptrdiff_t>(model_.read));
    model_.read = 0;
  }

  /// Its successor goes on where it last released.
  void kill_consumer() {
    consumer_ = RingConsumer::open(memory_.span()).value();
    model_.read = 0;
  }

  [[nodiscard]] RingHeader& header() const {
    return *reinterpret_cast<RingHeader*>(memory_.span().data());
  }

  Memory memory_{sizeof(RingHeader) + kRingBytes};
  std::mt19937 random_;
  RingProducer producer_;
  RingConsumer consumer_;
  RingModel model_;
  std::vector<std::uint64_t> claimed_at_;  // where each claim began
};

TEST_P(SpscRingModel, AgreesWithTheModelWhateverDiesWherever) {
  random_.seed(static_cast<std::uint32_t>(GetParam()));
  for (int step = 0; step < 20'000 && !HasFatalFailure(); ++step)
    one_step();
  EXPECT_GT(model_.next, 1000U) << "the run stood still";
}

INSTANTIATE_TEST_SUITE_P(Random, SpscRingModel, ::testing::Range(1, 21));

}  // namespace
}  // namespace mabeam::shm
