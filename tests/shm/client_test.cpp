// Client: signals and calls, against shards that are played by hand.
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class ClientMessages : public ClientTest {
 protected:
  Client client_ = attach();
  AgentId agent_ = shards_[0].put_agent();
};

// ---- send ------------------------------------------------------------------------------------

TEST_F(ClientMessages, ASignalArrivesAsItWasSent) {
  ASSERT_TRUE(
      client_.send(agent_, "wake.up", "now", {.priority = Priority::low, .deadline = seconds{5}}));
  const std::vector<Taken> taken = shards_[0].take();
  ASSERT_EQ(taken.size(), 1U);
  const Taken& message = taken[0];
  EXPECT_EQ(message.kind, Kind::signal);
  EXPECT_EQ(message.priority, Priority::low);
  EXPECT_EQ(segment_.symbols().text(message.header.symbol), "wake.up");
  EXPECT_EQ(message.view().content(), Content::text);
  EXPECT_EQ(message.view().text(), "now");
  EXPECT_EQ(AgentId{message.header.source}, client_.id());
  EXPECT_EQ(AgentId{message.header.target}, agent_);
  EXPECT_LE(message.header.sent_ns, monotonic_ns());
  EXPECT_GT(message.header.deadline_ns, monotonic_ns());
  EXPECT_EQ(slot_of(client_).sent.load(), 1U);
  EXPECT_EQ(segment_.endpoint(1).ready[0].load(),
            1U << static_cast<std::uint32_t>(client_.id().endpoint()));
}

TEST_F(ClientMessages, MessagesHaveIdsOfTheirOwn) {
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(client_.send(agent_, "x"));
  const std::vector<Taken> taken = shards_[0].take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_LT(taken[0].header.id, taken[1].header.id);
  EXPECT_LT(taken[1].header.id, taken[2].header.id);
  EXPECT_EQ(taken[0].header.deadline_ns, 0);
}

TEST_F(ClientMessages, OrderHoldsInARing) {
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(client_.send(agent_, "n", i));
  int expected = 0;
  for (const Taken& message : shards_[0].take())
    EXPECT_EQ(message.view().as<int>(), expected++);
  EXPECT_EQ(expected, 30);
}

TEST_F(ClientMessages, WhoIsNotThereIsNotFound) {
  const auto refusal = [&](AgentId to) { return code_of(client_.send(to, "x")); };
  EXPECT_EQ(refusal(AgentId{}), Errc::not_found);
  EXPECT_EQ(refusal(client_.id()), Errc::not_found);
  EXPECT_EQ(refusal(AgentId{EndpointId{1}, 60, 1}), Errc::not_found);
  EXPECT_EQ(refusal(AgentId{EndpointId{1}, 0xFFFFFE, 1}), Errc::not_found);
  EXPECT_EQ(refusal(AgentId{EndpointId{255}, 0, 1}), Errc::not_found);
  EXPECT_EQ(refusal(AgentId{agent_.endpoint(), agent_.slot(), 2}), Errc::not_found);
  EXPECT_EQ(refused_by(client_), 6U);
  shards_[0].end_agent(agent_);
  EXPECT_EQ(code_of(client_.call(agent_, "x")), Errc::not_found);
  EXPECT_EQ(code_of(client_.stop(agent_)), Errc::not_found);
}

TEST_F(ClientMessages, OverAQuarterOfTheRingLiesInABlock) {
  const std::string largest(1024 - 8 - sizeof(MessageHeader), 'x');
  EXPECT_TRUE(client_.send(agent_, "x", largest));
  EXPECT_TRUE(client_.send(agent_, "x", largest + "y"));
  EXPECT_EQ(code_of(client_.send(agent_, "x", std::string(100'000, 'x'))), Errc::payload_too_large);
  EXPECT_EQ(code_of(client_.call(agent_, "x", std::string(100'000, 'x'))), Errc::payload_too_large);
  const std::vector<Taken> taken = shards_[0].take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[1].view().text(), largest + "y");
}

TEST_F(ClientMessages, AFullRingIsBackpressureAndIsCounted) {
  int sent = 0;
  while (client_.send(agent_, "x", "12345678"))
    ++sent;
  EXPECT_EQ(sent, 4096 / 72);
  EXPECT_EQ(code_of(client_.send(agent_, "x", "12345678")), Errc::backpressure);
  EXPECT_EQ(refused_by(client_), 2U);
  EXPECT_TRUE(client_.send(agent_, "x", {}, {.priority = Priority::high}));
  EXPECT_EQ(shards_[0].take().size(), static_cast<std::size_t>(sent) + 1);
  EXPECT_TRUE(client_.send(agent_, "x", "12345678"));
}

TEST_F(ClientMessages, ManyThatAreNotToWaitDoNot) {
  while (client_.send(agent_, "x", "12345678")) {
  }
  const std::array agents{agent_, agent_};
  const std::uint64_t refused = refused_by(client_);
  const std::int64_t begun = monotonic_ns();
  for (const WhenFull when_full : {WhenFull::fail, WhenFull::drop})
    EXPECT_EQ(client_.send_many(agents, "x", "12345678", {.when_full = when_full}, seconds{3}), 0U);
  EXPECT_LT(monotonic_ns() - begun, 3'000'000'000);
  EXPECT_EQ(refused_by(client_), refused + 4);
}

TEST_F(ClientMessages, WhatIsDroppedIsCountedAndNoError) {
  while (client_.send(agent_, "x", "12345678")) {
  }
  const std::uint64_t refused = refused_by(client_);
  EXPECT_TRUE(client_.send(agent_, "x", "12345678", {.when_full = WhenFull::drop}, seconds{20}));
  EXPECT_EQ(refused_by(client_), refused + 1);
  EXPECT_EQ(
      code_of(client_.send(agent_, "x", "12345678", {.when_full = WhenFull::fail}, seconds{20})),
      Errc::backpressure);
  EXPECT_EQ(code_of(client_.send(AgentId{1}, "x", {}, {.when_full = WhenFull::drop})),
            Errc::not_found);
}

TEST_F(ClientMessages, AWaitForRoomEndsWithTheRoomOrTheTime) {
  while (client_.send(agent_, "x", "12345678")) {
  }
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(client_.send(agent_, "x", {}, {}, milliseconds{30})), Errc{});  // 64 fit yet
  while (client_.send(agent_, "x")) {
  }
  EXPECT_EQ(code_of(client_.send(agent_, "x", {}, {}, milliseconds{30})), Errc::backpressure);
  EXPECT_GE(since(start), milliseconds{30});
  std::thread shard([&] {
    std::this_thread::sleep_for(milliseconds{30});
    shards_[0].take();
  });
  EXPECT_TRUE(client_.send(agent_, "x", {}, {}, seconds{20}));
  shard.join();
}

TEST_F(ClientMessages, ARuntimeThatHasEndedRefusesAtOnce) {
  for (const RuntimeState state : {RuntimeState::stopped, RuntimeState::removed}) {
    set_state(state);
    EXPECT_EQ(code_of(client_.send(agent_, "x", {}, {}, seconds{20})), Errc::not_running);
    EXPECT_EQ(code_of(client_.call(agent_, "x", {}, seconds{20})), Errc::not_running);
    EXPECT_EQ(code_of(client_.emit("a.b", {}, seconds{20})), Errc::not_running);
    EXPECT_EQ(code_of(client_.create("t", 1, {}, seconds{20})), Errc::not_running);
  }
  set_state(RuntimeState::draining);
  EXPECT_TRUE(client_.send(agent_, "x"));
}

TEST_F(ClientMessages, NamesOf1To255BytesAreTaken) {
  EXPECT_EQ(code_of(client_.send(agent_, "")), Errc::invalid_argument);
  EXPECT_EQ(code_of(client_.send(agent_, std::string(256, 'x'))), Errc::invalid_argument);
  EXPECT_TRUE(client_.send(agent_, std::string(255, 'x')));
  const Symbol symbol = client_.symbol("kept").value();
  EXPECT_TRUE(client_.send(agent_, symbol, 5));
}

TEST_F(ClientMessages, RefusedNamesAreCounted) {
  Symbols names = segment_.symbols();
  const auto fill = [&](std::size_t length) {
    for (std::uint32_t number = 100; number < 10'000; ++number) {
      std::string text = std::to_string(number);
      text.resize(length, 'x');
      if (!names.intern(text)) return;
    }
  };
  fill(255);
  fill(3);  // there is no room for "new" either
  std::uint64_t refused = 0;
  EXPECT_EQ(code_of(client_.symbol("new")), Errc::symbols_full);
  EXPECT_EQ(refused_by(client_), ++refused);
  EXPECT_EQ(code_of(client_.send(agent_, "new")), Errc::symbols_full);
  EXPECT_EQ(refused_by(client_), ++refused);
  EXPECT_EQ(code_of(client_.call(agent_, "new")), Errc::symbols_full);
  EXPECT_EQ(refused_by(client_), ++refused);
  EXPECT_EQ(code_of(client_.emit("new")), Errc::symbols_full);
  EXPECT_EQ(refused_by(client_), ++refused);
  EXPECT_EQ(code_of(client_.subscribe("new")), Errc::symbols_full);
  EXPECT_EQ(refused_by(client_), ++refused);
  EXPECT_EQ(code_of(client_.create("new")), Errc::symbols_full);
  EXPECT_EQ(refused_by(client_), ++refused);
}

// ---- call ------------------------------------------------------------------------------------

class ClientCallsTest : public ClientMessages {
 protected:
  static void echo(FakeShard& shard, const Taken& message) {
    shard.reply(message, Errc{}, message.view());
  }
};

TEST_F(ClientCallsTest, TheAnswerComesBack) {
  const ShardThread thread{shards_, echo};
  for (int i = 0; i < 200; ++i) {
    const auto reply = client_.call(agent_, "echo", i);
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->payload().as<int>(), i);
    ASSERT_EQ(reply->content, Content::i64);
  }
  EXPECT_EQ(refused_by(client_), 0U);
}

TEST_F(ClientCallsTest, ASpinningClientGetsItsAnswerToo) {
  Client spinner = attach({.wait = WaitMode::spin});
  const ShardThread thread{shards_, echo};
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(spinner.call(agent_, "echo", i)->payload().as<int>(), i);
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(spinner.call(agent_, "echo", {}, nanoseconds{0})), Errc::timed_out);
  EXPECT_LT(since(start), seconds{5});
}

TEST_F(ClientCallsTest, ASleepingClientIsWoken) {
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             std::this_thread::sleep_for(milliseconds{20});
                             echo(shard, message);
                           }};
  for (int i = 0; i < 10; ++i) {
    const std::int64_t start = monotonic_ns();
    ASSERT_TRUE(client_.call(agent_, "slow", i, seconds{20}));
    ASSERT_LT(since(start), seconds{5});
  }
}

TEST_F(ClientCallsTest, AnErrorComesBackAsOne) {
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             shard.reply(message, message.view().as<int>() == 1
                                                      ? Errc::unknown_action
                                                      : static_cast<Errc>(12345));
                           }};
  EXPECT_EQ(code_of(client_.call(agent_, "x", 1)), Errc::unknown_action);
  EXPECT_EQ(code_of(client_.call(agent_, "x", 2)), Errc::corrupt);  // no build of ours says that
}

TEST_F(ClientCallsTest, StopIsAnswered) {
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             EXPECT_EQ(message.kind, Kind::stop);
                             shard.end_agent(AgentId{message.header.target});
                             shard.reply(message);
                           }};
  EXPECT_TRUE(client_.stop(agent_));
  EXPECT_EQ(code_of(client_.stop(agent_)), Errc::not_found);
}

TEST_F(ClientCallsTest, StopSaysWhetherAndWhy) {
  std::vector<StopRequest> seen;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               seen.push_back(message.view().as<StopRequest>().value());
                               shard.reply(message);
                             }};
    EXPECT_TRUE(client_.stop(agent_, {.children = true, .reason = "moved"}));
    EXPECT_TRUE(client_.stop(agent_));
    EXPECT_EQ(code_of(client_.stop(agent_, {.reason = std::string(48, 'x')})),
              Errc::invalid_argument);
  }
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].with_children, 1U);
  EXPECT_EQ(seen[0].reason_text(), "moved");
  EXPECT_EQ(seen[1].with_children, 0U);
  EXPECT_EQ(seen[1].reason_text(), "");
}

// Its caller's time was up; the caller comes again and waits for the rest.
TEST_F(ClientCallsTest, AgentThatIsBeingEndedCanBeStoppedOnly) {
  const ShardThread thread{shards_,
                           [](FakeShard& shard, const Taken& message) { shard.reply(message); }};
  segment_.agents(static_cast<std::uint32_t>(agent_.endpoint()) - 1)
      .record(agent_.slot())
      .slot_word.store(
          SlotWord{agent_.generation(), static_cast<std::uint8_t>(Lifecycle::terminating)}.pack());
  EXPECT_EQ(code_of(client_.call(agent_, "x")), Errc::not_found);
  EXPECT_EQ(code_of(client_.send(agent_, "x")), Errc::not_found);
  EXPECT_EQ(code_of(client_.restart(agent_)), Errc::not_found);
  EXPECT_EQ(client_.find(to_string(agent_)), agent_);
  EXPECT_TRUE(client_.stop(agent_));
}

TEST_F(ClientCallsTest, RestartSaysWhetherTheStateIsKept) {
  std::atomic<std::uint32_t> kept{7};
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             EXPECT_EQ(message.kind, Kind::restart);
                             kept = message.view().as<RestartRequest>().value().keep_state;
                             shard.reply(message, kept != 0 ? Errc::incompatible : Errc{});
                           }};
  EXPECT_TRUE(client_.restart(agent_));
  EXPECT_EQ(kept, 0U);
  EXPECT_EQ(code_of(client_.restart(agent_, {.keep_state = true})), Errc::incompatible);
}

TEST_F(ClientCallsTest, WithoutAnAnswerTheTimeRunsOut) {
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(client_.call(agent_, "x", {}, milliseconds{50})), Errc::timed_out);
  EXPECT_GE(since(start), milliseconds{50});
  EXPECT_LT(since(start), seconds{5});
  const Taken question = shards_[0].take().at(0);
  EXPECT_EQ(question.kind, Kind::request);
  EXPECT_NE(question.header.correlation, 0U);
  EXPECT_LT(question.header.deadline_ns, monotonic_ns());  // so nobody carries it out now
}

TEST_F(ClientCallsTest, ALateAnswerIsDroppedAndCounted) {
  EXPECT_EQ(code_of(client_.call(agent_, "late", {}, milliseconds{1})), Errc::timed_out);
  ASSERT_TRUE(shards_[0].reply(shards_[0].take().at(0), Errc{}, "too late"));
  const ShardThread thread{shards_, echo};
  EXPECT_EQ(client_.call(agent_, "echo", "in time")->payload().text(), "in time");
  EXPECT_EQ(refused_by(client_), 1U);
}

TEST_F(ClientCallsTest, OnlyTheRightAnswerIsTaken) {
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             const std::uint32_t client = message.client();
                             MessageHeader header = message.header;
                             header.source = message.header.target;
                             header.target = message.header.source;
                             MessageHeader wrong = header;
                             wrong.correlation += 1;
                             shard.put(client, wrong, Errc{}, "another call's");
                             wrong = header;
                             wrong.target = AgentId{client_.id().endpoint(), AgentId::kClientSlot,
                                                    client_.id().generation() + 1}
                                                .value();
                             shard.put(client, wrong, Errc{}, "another owner's");
                             shard.put(client, header, Errc{}, "no reply at all", Kind::signal);
                             FakeShard& other = shards_[1];
                             other.put(client, header, Errc{}, "another shard's");
                             shard.put(client, header, Errc{}, "right");
                             shard.put(client, header, Errc{}, "twice");
                           }};
  EXPECT_EQ(client_.call(agent_, "x")->payload().text(), "right");
  EXPECT_EQ(client_.call(agent_, "x")->payload().text(), "right");
}

TEST_F(ClientCallsTest, TheEndOfTheRuntimeEndsTheWait) {
  std::thread supervisor([&] {
    std::this_thread::sleep_for(milliseconds{40});
    segment_.remove();
  });
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(client_.call(agent_, "x", {}, seconds{30})), Errc::not_running);
  EXPECT_LT(since(start), seconds{10});
  supervisor.join();
}

TEST_F(ClientCallsTest, ADamagedReplyIsGivenUpAndTheRingGoesOn) {
  const auto ring =
      segment_.ring(1, static_cast<std::uint32_t>(client_.id().endpoint()), Priority::high);
  EXPECT_EQ(code_of(client_.call(agent_, "x", {}, milliseconds{1})), Errc::timed_out);
  const auto* header = reinterpret_cast<RingHeader*>(ring.data());
  const std::uint64_t at = header->tail.load() % header->capacity;
  ASSERT_TRUE(shards_[0].reply(shards_[0].take().at(0)));
  const std::uint32_t length = 0x7FFFFFFF;
  std::memcpy(ring.data() + sizeof(RingHeader) + at, &length, sizeof length);
  const ShardThread thread{shards_, echo};
  EXPECT_EQ(client_.call(agent_, "echo", 5)->payload().as<int>(), 5);
  EXPECT_EQ(refused_by(client_), 1U);
}

TEST_F(ClientCallsTest, WhatAgentsSendToAClientIsDroppedAndCounted) {
  const auto client = static_cast<std::uint32_t>(client_.id().endpoint());
  auto ring = RingProducer::open(segment_.ring(2, client, Priority::normal)).value();
  while (ring.claim(500, static_cast<std::uint16_t>(Kind::signal))) {
  }
  ring.publish();
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             std::this_thread::sleep_for(milliseconds{20});
                             echo(shard, message);
                           }};
  EXPECT_TRUE(client_.call(agent_, "x", {}, seconds{20}));
  EXPECT_EQ(refused_by(client_), 8U);
  EXPECT_EQ(ring.used(), 0U);  // so no shard stands still for a client's sake
}

TEST_F(ClientCallsTest, ALargeAnswerComesWhole) {
  const ShardThread thread{shards_, echo};
  const std::string large(900, 'L');
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(client_.call(agent_, "echo", large)->payload().text(), large);
}

TEST_F(ClientCallsTest, FindKnowsNamesAndIds) {
  EXPECT_EQ(code_of(client_.find("nobody")), Errc::not_found);
  EXPECT_EQ(client_.find(to_string(agent_)).value(), agent_);
  EXPECT_EQ(code_of(client_.find(to_string(client_.id()))), Errc::not_found);
  EXPECT_EQ(code_of(client_.find("")), Errc::not_found);
  EXPECT_EQ(code_of(client_.find("0000000000000000")), Errc::not_found);
}

}  // namespace
}  // namespace mabeam::shm
