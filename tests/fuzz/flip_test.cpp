// Any word of a segment may be any value: every view of a damaged copy returns, whatever it says.
// Meant to be run under ASan and UBSan, which turn an access out of bounds into a failure; the copy
// is a heap block of exactly its size.
//
//   MABEAM_STRESS_SECONDS=600 MABEAM_STRESS_SEED=7 build/asan/tests/mabeam_fuzz_tests
#include "shm/observer_impl.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/stress.hpp"
#include "tests/support/test_segment.hpp"

#include "mabeam/observer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

namespace mabeam {
namespace {

using tests::SegmentFile;
using tests::SegmentFiller;
using tests::TestSegment;

constexpr std::chrono::hours kEverything{24 * 365 * 50};

/// A segment's bytes, to be damaged and mended.
class Copy {
 public:
  explicit Copy(std::span<const std::byte> original)
      : original_(original.begin(), original.end()),
        bytes_(static_cast<std::byte*>(std::aligned_alloc(4096, original.size())), &std::free) {
    restore(0, size());
  }

  [[nodiscard]] std::uint64_t size() const { return original_.size(); }

  [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_.get(), size()}; }

  void write(std::uint64_t offset, std::span<const std::byte> bytes) const {
    std::copy(bytes.begin(), bytes.end(), bytes_.get() + offset);
  }

  void restore(std::uint64_t offset, std::size_t count) const {
    write(offset, std::span{original_}.subspan(offset, count));
  }

  /// The words that are not zero: what is in use, for the most part.
  [[nodiscard]] std::vector<std::uint64_t> words_in_use() const {
    std::vector<std::uint64_t> words;
    for (std::uint64_t offset = 0; offset + 8 <= size(); offset += 8) {
      const auto word = std::span{original_}.subspan(offset, 8);
      if (std::any_of(word.begin(), word.end(), [](std::byte b) { return b != std::byte{0}; })) {
        words.push_back(offset);
      }
    }
    return words;
  }

 private:
  std::vector<std::byte> original_;
  std::unique_ptr<std::byte, decltype(&std::free)> bytes_;
};

Result<Observer> observe(std::span<std::byte> bytes) {
  Result<shm::Segment> segment = shm::Segment::open_bytes(bytes);
  if (!segment) return fail(segment.error());
  auto impl = std::make_unique<Observer::Impl>();
  impl->segment = std::move(*segment);
  impl->is_live = false;
  impl->sees_processes = false;
  return Observer{std::move(impl)};
}

/// What came of the looks at damaged copies.
struct Tally {
  std::uint64_t looks = 0;
  std::uint64_t refused = 0;   ///< could not be opened
  std::uint64_t reported = 0;  ///< opened, and verify found damage

  [[nodiscard]] std::uint64_t noticed() const { return refused + reported; }

  void print(std::string_view what) const {
    std::cout << what << ": " << looks << " (seed " << tests::stress_seed() << "), " << refused
              << " refused when opened, " << reported << " reported by verify, "
              << looks - noticed() << " changed nothing that verify can know\n";
  }
};

class FlipTest : public ::testing::Test {
 protected:
  void SetUp() override {
    filler_.fill();
    filler_.record_a_crash();
    filler_.send_in_block(3, AgentId{EndpointId{2}, 0, 1}, "big", std::string(2000, 'x'));
    ids_ = {segment_.get().find_agent("orders").value(), AgentId{~std::uint64_t{0}},
            AgentId{static_cast<EndpointId>(255), 0, 1}};
  }

  void look(Result<Observer> observer) {
    ++tally_.looks;
    if (!observer) {
      ++tally_.refused;
      return;
    }
    EXPECT_GT(take_every_view(*observer), 0U);
    tally_.reported += observer->verify().damage_total != 0 ? 1U : 0U;
  }

  /// Every view, with every byte of it read. Returning is the test.
  std::size_t take_every_view(Observer& observer) const {
    std::size_t bytes = observer.runtime().workers.size();
    for (const AgentFilter& filter :
         {AgentFilter{}, AgentFilter{.type = "counter", .capability = "fast", .limit = 1}}) {
      for (const AgentView& agent : observer.agents(filter).agents) {
        bytes += agent.name.size() + agent.type.size() + to_string(agent.lifecycle).size();
      }
    }
    for (const AgentId id : ids_)
      bytes += observer.agent(id) && observer.inspect(id) ? 1U : 0U;
    for (const std::string_view name : {"orders", "billing", "gone", "0100000000000001"}) {
      bytes += observer.find(name) ? 1U : 0U;
    }
    bytes += observer.stats().latency_ns.max != 0 ? 1U : 0U;
    for (const DeadLetterView& letter : observer.dead_letters().letters) {
      bytes += letter.reason.size() + letter.kind.size() + letter.name.size();
      bytes += letter.payload.size();
    }
    for (const TypeView& type : observer.types())
      bytes += type.name.size() + type.module.size() + type.actions.size();
    for (const HealthView::Component& part : observer.health().components) {
      bytes += part.detail.size();
    }
    bytes += take_event_views(observer);
    bytes += take_post_mortem(observer);
    observer.start_tail(kEverything);
    for (int i = 0; i < 2; ++i) {
      (void)observer.tail(">", [&](const HistoryEvent& event) { bytes += event.payload.size(); });
    }
    return bytes;
  }

  static std::size_t take_event_views(const Observer& observer) {
    std::size_t bytes = 0;
    const auto history =
        observer.history({.pattern = "*.>", .from = {{1, 1}}, .since = kEverything});
    for (const HistoryEvent& event : history->events)
      bytes += event.topic.size() + event.payload.size();
    bytes += observer.history({.last = 2, .limit = 1})->events.size();
    const auto topics = observer.topics();
    for (const TopicView& topic : topics->topics)
      bytes += topic.topic.size() + topic.patterns.size();
    for (const PatternView& pattern : topics->patterns)
      bytes += pattern.pattern.size() + pattern.subscribers.size();
    const ChannelsView channels = observer.channels();
    for (const ChannelView& channel : channels.channels)
      bytes += channel.from_name.size() + channel.waiting.value_or(0);
    for (const LogView& log : channels.logs)
      bytes += log.name.size() + log.readers.size();
    for (const TraceView& trace : observer.traces(1).traces)
      bytes += trace.root.size() + observer.spans(trace.id).spans.size();
    for (const SpanView& span : observer.spans().spans)
      bytes += span.name.size() + static_cast<std::size_t>(span.handled_ns());
    return bytes;
  }

  static std::size_t take_post_mortem(const Observer& observer) {
    const PostMortem past = observer.post_mortem();
    std::size_t bytes = past.workers.size();
    for (const OpenTurnView& turn : past.turns)
      bytes += turn.what.size() + turn.agent_name.size() + turn.handling.size();
    for (const WaitingRing& ring : past.waiting)
      bytes += ring.first.size() + ring.from_name.size();
    for (const BacktraceView& backtrace : past.backtraces)
      bytes += backtrace.frames.size() + backtrace.modules.size() + backtrace.handling.size();
    for (const FactView& fact : past.recorder.facts)
      bytes += fact.text.size() + fact.fields.size();
    return bytes;
  }

  [[nodiscard]] std::uint64_t random(std::uint64_t below) { return random_() % below; }

  TestSegment segment_;
  SegmentFiller filler_{segment_.get()};
  std::vector<AgentId> ids_;
  Tally tally_;
  std::mt19937_64 random_{tests::stress_seed()};
  tests::StressTime time_;
};

TEST_F(FlipTest, UndamagedCopyIsWhole) {
  const Copy copy{segment_.get().bytes()};
  look(observe(copy.bytes()));
  EXPECT_EQ(tally_.noticed(), 0U);
}

TEST_F(FlipTest, TenThousandBytesAnywhere) {
  const Copy copy{segment_.get().bytes()};
  for (int i = 0; i < 10'000 || !time_.is_over(); ++i) {
    const std::uint64_t offset = random(copy.size());
    copy.bytes()[offset] ^= static_cast<std::byte>(1 + random(255));
    look(observe(copy.bytes()));
    copy.restore(offset, 1);
  }
  tally_.print("random bytes");
  EXPECT_GT(tally_.noticed(), 0U);
}

// Most of a small segment is empty room: here every flip hits a word that is in use.
TEST_F(FlipTest, TenThousandWordsInUse) {
  const Copy copy{segment_.get().bytes()};
  const std::vector<std::uint64_t> words = copy.words_in_use();
  constexpr std::array<std::uint64_t, 8> kNasty{
      0, 1, 7, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, ~std::uint64_t{0}};
  for (int i = 0; i < 10'000 || !time_.is_over(); ++i) {
    const std::uint64_t offset = words[random(words.size())];
    const std::uint64_t choice = random(kNasty.size() + 1);
    const std::uint64_t value = choice < kNasty.size() ? kNasty[choice] : random_();
    copy.write(offset, std::as_bytes(std::span{&value, 1}));
    look(observe(copy.bytes()));
    copy.restore(offset, 8);
  }
  tally_.print("words in use");
  EXPECT_GT(tally_.noticed(), tally_.looks / 4);
}

// Everything behind the header may be wrong at once.
TEST_F(FlipTest, GarbageEverywhere) {
  const Copy copy{segment_.get().bytes()};
  std::vector<std::uint64_t> garbage((copy.size() - 4096) / 8);
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t mask = i % 2 == 0 ? ~std::uint64_t{0} : random_() & random_();
    for (std::uint64_t& word : garbage)
      word = random_() & mask;
    copy.write(4096, std::as_bytes(std::span{garbage}));
    look(observe(copy.bytes()));
  }
  EXPECT_EQ(tally_.reported, 20U);
}

TEST_F(FlipTest, TwoHundredBytesOfAFile) {
  const SegmentFile file{segment_.get()};
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t offset = random(file.size());
    const std::array flipped{file.at(offset) ^ static_cast<std::byte>(1 + random(255))};
    file.write(offset, flipped);
    look(Observer::open_file(file.path()));
    file.restore(offset, 1);
  }
  EXPECT_EQ(tally_.looks, 200U);
}

TEST_F(FlipTest, TruncatedFileIsRefused) {
  const SegmentFile file{segment_.get()};
  for (const std::uint64_t size : {file.size() - 1, std::uint64_t{4096}, std::uint64_t{100}}) {
    std::filesystem::resize_file(file.path(), size);
    EXPECT_EQ(Observer::open_file(file.path()).error().code, Errc::truncated);
  }
}

}  // namespace
}  // namespace mabeam
