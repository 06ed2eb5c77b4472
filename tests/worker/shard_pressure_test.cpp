// backpressure.on and backpressure.off: what is told of a ring that is congested and drains again,
// and of a reader of the log that is evicted and comes back.
#include "shm/event_log.hpp"
#include "tests/worker/shard_support.hpp"

#include <nlohmann/json.hpp>

namespace mabeam::worker {
namespace {

using Json = nlohmann::json;

class ShardPressure : public ShardTest {
 protected:
  /// What shard 0 has told, by topic.
  [[nodiscard]] std::vector<std::pair<std::string, Json>> told() const {
    auto log = shm::EventLogObserver::open(segment_.log(1), segment_.endpoints()).value();
    log.start_at_oldest();
    std::vector<std::pair<std::string, Json>> found;
    shm::RecordHeader header{};
    std::vector<std::byte> body;
    while (log.next(header, body).value()) {
      const shm::Received event = shm::parse({header, body, 0, 0}).value();
      if (event.header.content != static_cast<std::uint32_t>(Content::json)) continue;
      EXPECT_EQ(static_cast<std::uint32_t>(AgentId{event.header.source}.endpoint()), 1U);
      found.emplace_back(segment_.symbols().text(event.header.symbol),
                         Json::parse(event.view().text(), nullptr, false));
    }
    return found;
  }

  /// Fills the first client's ring and loses patience with it.
  void congest() {
    for (std::int64_t value = 1; value <= 5; ++value)
      post(agent_, "send", Task{.value = value, .bytes = kQuarterRing});
    limits_.stall_timeout_ns = 0;
    run();
    run();
    limits_.stall_timeout_ns = kEndless;
    run();
  }

  AgentId agent_ = create().value();
};

TEST_F(ShardPressure, OnAndOffAreToldOnceEach) {
  (void)create({.subscribe = {"backpressure.*"}, .shard = 1}).value();
  congest();
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].first, "backpressure.on");
  EXPECT_EQ(told()[0].second["from"], "shard 0");
  EXPECT_EQ(told()[0].second["to"], "client 0");
  EXPECT_EQ(told()[0].second["priority"], "normal");
  EXPECT_EQ(told()[0].second["capacity_bytes"], kRingBytes);
  EXPECT_GT(told()[0].second["used_bytes"], kRingBytes / 2);
  run();
  EXPECT_EQ(told().size(), 1U);
  (void)take(Priority::normal);
  run();  // nothing is sent to the ring: that it has drained is seen all the same
  ASSERT_EQ(told().size(), 2U);
  EXPECT_EQ(told()[1].first, "backpressure.off");
  EXPECT_EQ(told()[1].second["used_bytes"], 0U);
  run();
  EXPECT_EQ(told().size(), 2U);
}

TEST_F(ShardPressure, NobodyIsToldWhoIsNotSubscribed) {
  congest();
  (void)take(Priority::normal);
  run();
  EXPECT_TRUE(told().empty());
}

TEST_F(ShardPressure, ASubscriberHearsIt) {
  const AgentId listener = create({.subscribe = {"backpressure.on"}, .shard = 1}).value();
  congest();
  run(1);
  EXPECT_EQ(state(listener).count, 1U);
}

// The log is held by a reader: it is told when there is room, unless it is over by then.
TEST_F(ShardPressure, WithoutRoomInTheLogItIsToldLater) {
  const AgentId listener = create({.subscribe = {">"}, .shard = 1}).value();
  for (std::int64_t value = 1; value <= 4; ++value)
    post(agent_, "emit", Task{.value = value, .bytes = kQuarterLog});
  run();
  auto writer = shm::EventLogWriter::open(segment_.log(1), segment_.endpoints()).value();
  ASSERT_FALSE(writer.has_room(2000)) << "the log is nearly full";
  // A client's ring of low priority would do as well: what counts is that no event fits.
  for (std::int64_t value = 1; value <= 100 && writer.has_room(140); ++value) {
    post(agent_, "emit", Task{.value = value, .bytes = 8});
    run();
    writer = shm::EventLogWriter::open(segment_.log(1), segment_.endpoints()).value();
  }
  congest();
  EXPECT_TRUE(told().empty());
  run(1);
  run();
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].first, "backpressure.on");
  EXPECT_GT(state(listener).count, 4U);
}

// Shard 1 reads nothing, until shard 0 has no patience left.
TEST_F(ShardPressure, AReaderThatIsEvictedIsNamedUntilItIsBack) {
  (void)create({.subscribe = {"backpressure.*"}}).value();
  const AgentId listener = create({.subscribe = {"job.*"}, .shard = 1}).value();
  for (std::int64_t value = 1; value <= 5; ++value)
    post(agent_, "emit", Task{.value = value, .bytes = kQuarterLog});
  run();
  ASSERT_TRUE(shard().is_waiting());
  EXPECT_TRUE(told().empty());
  limits_.stall_timeout_ns = 0;
  run();
  run();
  limits_.stall_timeout_ns = kEndless;
  run();
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].first, "backpressure.on");
  EXPECT_EQ(told()[0].second["log"], "shard 0");
  EXPECT_EQ(told()[0].second["reader"], "shard 1");
  EXPECT_EQ(told()[0].second["capacity_bytes"], kLogBytes);
  EXPECT_GT(told()[0].second["used_bytes"], kLogBytes / 2);
  run(1);
  run();
  ASSERT_EQ(told().size(), 2U);
  EXPECT_EQ(told()[1].first, "backpressure.off");
  EXPECT_EQ(told()[1].second["reader"], "shard 1");
  EXPECT_EQ(stop(listener), Errc{});
}

}  // namespace
}  // namespace mabeam::worker
