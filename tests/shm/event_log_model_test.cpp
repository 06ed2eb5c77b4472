// The event log against a model that is plainly right: a list of all that was ever published, and
// where each reader stands in it. Random operations, and deaths of the writer and of readers at
// random points between any two of them. Every run prints its seed if it fails.
#include "tests/shm/log_support.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

/// What must be true of a log: events 0 to published-1 were published; a reader has passed so many.
struct LogModel {
  std::uint64_t published = 0;
  std::uint64_t claimed = 0;  ///< of these, not yet published
  /// The number that the log says comes next: ahead where a writer has died amid a publication.
  std::uint64_t announced = 0;

  struct Reader {
    bool is_joined = false;
    bool is_evicted = false;
    std::uint64_t next = 0;      ///< the event that it gets next
    std::uint64_t expected = 0;  ///< the one that it would get if it had missed nothing
    std::uint64_t counted = 0;   ///< by a rejoin, and put right by its next event
    // What a successor finds. A gap counts when it is released: who dies before tells it again.
    std::uint64_t released = 0;
    std::uint64_t released_expected = 0;
  };

  std::array<Reader, kReaders> readers;
};

class EventLogModel : public EventLogTest {
 protected:
  void play(std::uint32_t seed, int steps) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    is_client_ = seed % 2 == 0;
    writer_ = open_writer();
    for (std::uint32_t i = 0; i < kReaders; ++i)
      readers_[i] = open_reader(i);
    for (int step = 0; step < steps && !HasFatalFailure(); ++step)
      one_step();
  }

  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(random_()) % below; }

  void one_step() {
    const std::uint32_t reader = draw(kReaders);
    switch (draw(12)) {
      case 0:
      case 1:
      case 2:
        return claim();
      case 3:
      case 4:
        return publish();
      case 5:
        return kill_writer();
      case 6:
        return kill_reader(reader);
      case 7:
        return draw(8) == 0 ? toggle(reader) : read(reader);
      case 8:
        return draw(8) == 0 ? evict(reader) : read(reader);
      case 9:
        return look_at_history();
      default:
        return read(reader);
    }
  }

  // ---- the writer
  void claim() {
    if (is_client_ && model_.claimed != 0) return publish();
    const std::uint32_t bytes = draw(600);
    const Result<> claimed = claim_event(writer_, bytes);
    if (claimed) {
      ++model_.claimed;
      return;
    }
    ASSERT_EQ(claimed.error().code, Errc::backpressure);
    ASSERT_TRUE(model_.claimed != 0 || is_anybody_behind()) << "nobody holds the log";
  }

  void publish() {
    writer_.publish();
    model_.published += model_.claimed;
    model_.claimed = 0;
    model_.announced = model_.published;
    ASSERT_EQ(writer_.sequence(), model_.published);
  }

  /// What it had claimed never was; its successor goes on with the next number.
  void kill_writer() {
    // A client may die between the two stores of a publication; a turn makes both or neither.
    if (is_client_ && draw(2) == 0) {
      header().sequence.store(writer_.sequence());
      model_.announced = model_.published + model_.claimed;
    }
    writer_ = open_writer();
    model_.claimed = 0;
    ASSERT_EQ(writer_.sequence(), model_.published);
  }

  void evict(std::uint32_t reader) {
    if (!model_.readers[reader].is_joined || model_.readers[reader].is_evicted) return;
    writer_.evict(reader);
    model_.readers[reader].is_evicted = true;
  }

  // ---- readers
  void toggle(std::uint32_t index) {
    LogModel::Reader& reader = model_.readers[index];
    if (reader.is_joined) {
      readers_[index].leave();
      reader = {};
      return;
    }
    readers_[index].join();
    const std::uint64_t now = model_.published;
    reader = {true, false, now, model_.announced, 0, now, model_.announced};
  }

  void read(std::uint32_t index) {
    LogModel::Reader& reader = model_.readers[index];
    EventLogReader& log = readers_[index];
    if (!reader.is_joined) return;
    ASSERT_EQ(log.is_evicted(), reader.is_evicted);
    if (reader.is_evicted) {
      const std::uint64_t gap = model_.announced - std::min(model_.announced, reader.expected);
      ASSERT_EQ(log.rejoin(), gap);
      const std::uint64_t now = model_.published;
      const std::uint64_t expected = std::max(model_.announced, reader.expected);
      reader = {true, false, now, expected, gap, now, reader.released_expected};
    }
    Record record;
    const Result<bool> found = log.peek(record);
    ASSERT_TRUE(found);
    ASSERT_EQ(*found, reader.next < model_.published);
    if (!*found) return;
    ASSERT_EQ(number_of(record.body), reader.next) << "none twice, none left out, none half";
    const auto missed = static_cast<std::int64_t>(reader.next - reader.expected);
    const bool is_told = missed >= 0 || static_cast<std::uint64_t>(-missed) <= reader.counted;
    ASSERT_EQ(log.missed_before(reader.next), is_told ? missed : 0) << "what it missed, exactly";
    reader.counted = 0;
    log.advance(record.end, reader.next + 1);
    reader.expected = ++reader.next;
    if (draw(2) == 0) return;
    log.release();
    reader.released = reader.next;
    reader.released_expected = reader.expected;
  }

  /// Its successor goes on where it last released.
  void kill_reader(std::uint32_t index) {
    readers_[index] = open_reader(index);
    LogModel::Reader& reader = model_.readers[index];
    ASSERT_EQ(readers_[index].is_joined(), reader.is_joined);
    reader.next = reader.released;
    reader.expected = reader.released_expected;
    reader.counted = 0;
  }

  [[nodiscard]] bool is_anybody_behind() const {
    for (const LogModel::Reader& reader : model_.readers)
      if (reader.is_joined && !reader.is_evicted && reader.released < model_.published) return true;
    return false;
  }

  // ---- an observer: what is left of the past is its end, without a gap
  void look_at_history() {
    EventLogObserver observer = EventLogObserver::open(memory_.span(), kReaders).value();
    observer.start_at_oldest();
    RecordHeader record{};
    std::vector<std::byte> body;
    std::optional<std::uint64_t> next;
    for (Result<bool> found = true; *found;) {
      found = observer.next(record, body);
      ASSERT_TRUE(found);
      if (!*found) break;
      const std::optional<std::uint64_t> number = number_of(body);
      ASSERT_TRUE(number);
      ASSERT_EQ(*number, next.value_or(*number));
      next = *number + 1;
    }
    ASSERT_EQ(next.value_or(model_.published), model_.published);
  }

  std::mt19937 random_;
  bool is_client_ =
      false;  ///< the writer publishes each event; else it is a shard, which has turns
  EventLogWriter writer_;
  std::array<EventLogReader, kReaders> readers_;
  LogModel model_;
};

class EventLogModelSeeds : public EventLogModel, public ::testing::WithParamInterface<int> {};

TEST_P(EventLogModelSeeds, AgreesWithTheModelWhateverDiesWherever) {
  play(static_cast<std::uint32_t>(GetParam()), 20'000);
  EXPECT_GT(model_.published, 100U) << "the run stood still";
}

INSTANTIATE_TEST_SUITE_P(Random, EventLogModelSeeds, ::testing::Range(1, 21));

}  // namespace
}  // namespace mabeam::shm
