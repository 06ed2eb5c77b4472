// Client: events, signals and calls in batches.
#include "shm/client_calls.hpp"
#include "tests/shm/client_support.hpp"
#include "tests/shm/log_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClientBatches : public ClientTest {
 protected:
  template <class T>
  static std::vector<Errc> codes_of(const std::vector<Result<T>>& results) {
    std::vector<Errc> codes;
    for (const Result<T>& result : results)
      codes.push_back(code_of(result));
    return codes;
  }

  [[nodiscard]] std::uint64_t tail_of_log() const {
    const auto* log = reinterpret_cast<const LogHeader*>(
        segment_.log(static_cast<std::uint32_t>(client_.id().endpoint())).data());
    return log->tail.load();
  }

  [[nodiscard]] std::uint64_t events_published() const { return slot_of(client_).published.load(); }

  /// Signals of a quarter of a ring, to that agent.
  std::vector<SignalItem> large(AgentId agent, std::size_t count) const {
    return std::vector<SignalItem>(count, SignalItem{agent, signal_, std::string_view{quarter_}});
  }

  Client client_ = attach();
  Symbol topic_ = client_.symbol("a.b").value();
  Symbol signal_ = client_.symbol("do").value();
  AgentId first_ = shards_[0].put_agent();
  AgentId second_ = shards_[1].put_agent();
  std::string quarter_ = std::string(
      segment_.dimensions().ring_bytes[1] / 4 - sizeof(RecordHeader) - sizeof(MessageHeader), 'x');
};

// ---- events ----------------------------------------------------------------------------------

TEST_F(ClientBatches, EventsArePublishedTogetherInOrder) {
  const std::vector<EventItem> events{{topic_, 1}, {topic_, 2}, {topic_, 3}};
  EXPECT_EQ(codes_of(client_.emit_batch(events)), std::vector<Errc>(3));
  EXPECT_EQ(events_published(), 3U);
  auto log =
      EventLogObserver::open(segment_.log(static_cast<std::uint32_t>(client_.id().endpoint())),
                             segment_.endpoints())
          .value();
  log.start_at_oldest();
  RecordHeader header{};
  std::vector<std::byte> body;
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(log.next(header, body).value());
    const Received event = parse(Record{header, body}).value();
    EXPECT_EQ(event.header.id, i);
    EXPECT_EQ(event.view().as<std::uint64_t>().value(), i + 1);
  }
}

TEST_F(ClientBatches, EventThatIsNoneIsRefusedAlone) {
  const std::vector<EventItem> events{{topic_, 1}, {Symbol{77'777}, 2}, {topic_, 3}};
  const std::uint64_t refused = refused_by(client_);
  EXPECT_EQ(codes_of(client_.emit_batch(events)), (std::vector<Errc>{{}, Errc::bad_topic, {}}));
  EXPECT_EQ(events_published(), 2U);
  EXPECT_EQ(refused_by(client_), refused + 1);
}

TEST_F(ClientBatches, OrWithAllWhereTheyAreOnePiece) {
  const std::vector<EventItem> events{{topic_, 1}, {Symbol{77'777}, 2}, {topic_, 3}};
  const std::uint64_t tail = tail_of_log();
  EXPECT_EQ(codes_of(client_.emit_batch(events, {.atomic = Atomic::yes})),
            std::vector<Errc>(3, Errc::bad_topic));
  EXPECT_EQ(tail_of_log(), tail);
  EXPECT_EQ(events_published(), 0U);
  ASSERT_TRUE(client_.emit("a.b", 4));  // and the numbers go on
  EXPECT_EQ(events_published(), 1U);
  const auto* log = reinterpret_cast<const LogHeader*>(
      segment_.log(static_cast<std::uint32_t>(client_.id().endpoint())).data());
  EXPECT_EQ(log->sequence.load(), 1U);
}

TEST_F(ClientBatches, OnePieceMayTakeHalfOfTheLog) {
  const std::string large(segment_.dimensions().log_bytes / 8, 'x');
  const std::vector<EventItem> events(5, EventItem{topic_, std::string_view{large}});
  EXPECT_EQ(codes_of(client_.emit_batch(events, {.atomic = Atomic::yes})),
            std::vector<Errc>(5, Errc::message_too_large));
  EXPECT_EQ(codes_of(client_.emit_batch(events)), std::vector<Errc>(5));
}

// Whoever is subscribed and does not read holds the log.
TEST_F(ClientBatches, LargeBatchNeverPushesOutTheWholePast) {
  const auto& log = *reinterpret_cast<const LogHeader*>(
      segment_.log(static_cast<std::uint32_t>(client_.id().endpoint())).data());
  ASSERT_TRUE(client_.emit(topic_, 1));
  std::atomic<bool> is_over = false;
  std::uint64_t looks = 0;
  std::uint64_t empty = 0;
  std::thread observer([&] {
    while (!is_over || looks == 0) {
      const std::uint64_t oldest = log.oldest.load();
      empty += oldest == log.tail.load() ? 1U : 0U;
      ++looks;
    }
  });
  const std::vector<EventItem> events(3 * log.capacity / record_bytes(sizeof(MessageHeader) + 8),
                                      EventItem{topic_, 5});
  for (int round = 0; round < 20; ++round) {
    const auto results = client_.emit_batch(events);
    EXPECT_TRUE(std::all_of(results.begin(), results.end(), [](const auto& r) { return r; }));
  }
  is_over = true;
  observer.join();
  EXPECT_EQ(empty, 0U);
}

TEST_F(ClientBatches, EventsBehindAFullLogAreRefused) {
  Client reader = attach();
  ASSERT_TRUE(reader.subscribe("a.*"));
  const std::string large(segment_.dimensions().log_bytes / 8, 'x');
  const std::vector<EventItem> events(12, EventItem{topic_, std::string_view{large}});
  const std::vector<Errc> codes = codes_of(client_.emit_batch(events));
  const auto full = std::find(codes.begin(), codes.end(), Errc::backpressure);
  ASSERT_NE(full, codes.end());
  EXPECT_GE(full - codes.begin(), 6);
  EXPECT_TRUE(std::all_of(full, codes.end(), [](Errc code) { return code == Errc::backpressure; }));
  std::size_t read = 0;
  while (reader.poll_events([&](const EventView&) { ++read; }, 10, milliseconds{0}).value() != 0) {
  }
  EXPECT_EQ(read, static_cast<std::size_t>(full - codes.begin()));
  EXPECT_EQ(client_.wait_delivered(seconds{5}).pending, 0U);
  EXPECT_EQ(client_.wait_delivered(seconds{5}).delivered, read);
}

// ---- signals ---------------------------------------------------------------------------------

TEST_F(ClientBatches, SignalsGoToTheirShardsInOrder) {
  const std::vector<SignalItem> signals{
      {first_, signal_, 1}, {second_, signal_, 2}, {first_, signal_, 3}};
  EXPECT_EQ(codes_of(client_.send_batch(signals, {.priority = Priority::low})),
            std::vector<Errc>(3));
  const std::vector<Taken> taken = shards_[0].take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].priority, Priority::low);
  EXPECT_EQ(taken[0].view().as<int>().value(), 1);
  EXPECT_EQ(taken[1].view().as<int>().value(), 3);
  EXPECT_EQ(shards_[1].take().size(), 1U);
  EXPECT_EQ(slot_of(client_).sent.load(), 3U);
}

TEST_F(ClientBatches, SignalsToAFullRingAreRefusedAndTheOthersSent) {
  std::vector<SignalItem> signals = large(first_, 6);
  signals.push_back({first_, signal_, 1});  // would fit, and is behind those that do not
  signals.push_back({second_, signal_, 2});
  const std::vector<Errc> codes = codes_of(client_.send_batch(signals));
  EXPECT_EQ(std::count(codes.begin(), codes.begin() + 6, Errc{}), 4);
  EXPECT_EQ(codes[6], Errc::backpressure);
  EXPECT_EQ(codes[7], Errc{});
  EXPECT_EQ(shards_[0].take().size(), 4U);
  EXPECT_EQ(shards_[1].take().size(), 1U);
}

TEST_F(ClientBatches, NothingOfARingIsSentWhereItIsOnePiece) {
  ASSERT_TRUE(client_.send(first_, "do"));
  std::vector<SignalItem> signals = large(first_, 4);
  signals.push_back({second_, signal_, 2});
  EXPECT_EQ(codes_of(client_.send_batch(signals, {.atomic = Atomic::yes})),
            (std::vector<Errc>{Errc::backpressure, Errc::backpressure, Errc::backpressure,
                               Errc::backpressure, Errc{}}));
  EXPECT_EQ(shards_[0].take().size(), 1U);
  EXPECT_EQ(shards_[1].take().size(), 1U);
  EXPECT_EQ(slot_of(client_).sent.load(), 2U);
  const std::vector<SignalItem> fewer = large(first_, 3);
  EXPECT_EQ(codes_of(client_.send_batch(fewer, {.atomic = Atomic::yes})), std::vector<Errc>(3));
  EXPECT_EQ(shards_[0].take().size(), 3U);
}

TEST_F(ClientBatches, OnePieceWaitsUntilAllOfItHasRoom) {
  ASSERT_EQ(codes_of(client_.send_batch(large(first_, 4))), std::vector<Errc>(4));
  std::atomic<std::size_t> taken{0};
  {
    const ShardThread thread{shards_, [&](FakeShard&, const Taken&) { ++taken; }};
    EXPECT_EQ(codes_of(client_.send_batch(large(first_, 3),
                                          {.atomic = Atomic::yes, .wait = seconds{20}})),
              std::vector<Errc>(3));
    const std::int64_t deadline = monotonic_ns() + 20'000'000'000;
    while (taken != 7 && monotonic_ns() < deadline)
      std::this_thread::yield();
  }
  EXPECT_EQ(taken, 7U);
}

TEST_F(ClientBatches, OnePieceLargerThanARingIsRefused) {
  EXPECT_EQ(codes_of(client_.send_batch(large(first_, 5), {.atomic = Atomic::yes})),
            std::vector<Errc>(5, Errc::message_too_large));
}

TEST_F(ClientBatches, SignalToNobodyIsRefusedAlone) {
  const std::vector<SignalItem> signals{{AgentId{~0ULL}, signal_, 1}, {first_, signal_, 2}};
  EXPECT_EQ(codes_of(client_.send_batch(signals)), (std::vector<Errc>{Errc::not_found, {}}));
}

// ---- calls -----------------------------------------------------------------------------------

TEST_F(ClientBatches, CallsAreAnsweredEach) {
  const Symbol other = client_.symbol("other").value();
  const std::vector<CallItem> calls{
      {first_, signal_, 1}, {second_, other, "two"}, {AgentId{1}, signal_, 3}};
  std::vector<Result<ClientReply>> answers;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               const bool is_other = message.header.symbol == other;
                               shard.reply(message, is_other ? Errc::handler_failed : Errc{},
                                           message.view());
                             }};
    answers = client_.call_batch(calls);
  }
  ASSERT_EQ(codes_of(answers), (std::vector<Errc>{Errc{}, Errc::handler_failed, Errc::not_found}));
  EXPECT_EQ(answers[0]->payload().as<int>().value(), 1);
}

TEST_F(ClientBatches, CallsAreTogetherInTheRingOrNotAtAll) {
  ASSERT_EQ(codes_of(client_.send_batch(large(first_, 3))), std::vector<Errc>(3));
  std::vector<CallItem> calls(2, CallItem{first_, signal_, std::string_view{quarter_}});
  const std::vector<Result<ClientReply>> answers =
      client_.call_batch(calls, milliseconds{5}, Atomic::yes);
  EXPECT_EQ(codes_of(answers), std::vector<Errc>(2, Errc::timed_out));
  EXPECT_EQ(shards_[0].take().size(), 3U);  // the first would have fitted
}

TEST_F(ClientBatches, CallsOfOnePieceWaitUntilAllHaveRoomForTheirReplies) {
  std::vector<PendingCall> pending;
  while (auto call = client_.call_async(first_, signal_, 1, {}))
    pending.push_back(std::move(*call));
  (void)shards_[0].take();
  pending.pop_back();
  (void)shards_[0].take();  // its cancel
  const std::vector<CallItem> calls(2, CallItem{first_, signal_, 1});
  EXPECT_EQ(codes_of(client_.call_batch(calls, milliseconds{5}, Atomic::yes)),
            std::vector<Errc>(2, Errc::timed_out));
  EXPECT_TRUE(shards_[0].take().empty());
}

TEST_F(ClientBatches, MoreThanHaveRoomForTheirRepliesAreNoOnePiece) {
  const std::vector<CallItem> calls(ClientCalls::kMostPerShard + 1, CallItem{first_, signal_, 1});
  const std::vector<Errc> codes = codes_of(client_.call_batch(calls, seconds{5}, Atomic::yes));
  EXPECT_EQ(codes, std::vector<Errc>(calls.size(), Errc::message_too_large));
  const ShardThread thread{shards_,
                           [&](FakeShard& shard, const Taken& message) { shard.reply(message); }};
  EXPECT_EQ(codes_of(client_.call_batch(calls, seconds{20})), std::vector<Errc>(calls.size()));
}

TEST_F(ClientBatches, CallsOfOnePieceWaitForTheirRoom) {
  ASSERT_EQ(codes_of(client_.send_batch(large(first_, 4))), std::vector<Errc>(4));
  const std::vector<CallItem> calls(2, CallItem{first_, signal_, std::string_view{quarter_}});
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             if (message.kind == Kind::request) shard.reply(message);
                           }};
  EXPECT_EQ(codes_of(client_.call_batch(calls, seconds{20}, Atomic::yes)), std::vector<Errc>(2));
}

TEST_F(ClientBatches, CallsOfOnePieceLargerThanHalfARingAreRefused) {
  const std::vector<CallItem> calls(3, CallItem{first_, signal_, std::string_view{quarter_}});
  EXPECT_EQ(codes_of(client_.call_batch(calls, seconds{5}, Atomic::yes)),
            std::vector<Errc>(3, Errc::message_too_large));
}

}  // namespace
}  // namespace mabeam::shm
