// Client: creating agents, all or none, within max_agents of the whole runtime.
#include "shm/client_create.hpp"

#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClientCreate : public ClientTest {
 protected:
  /// What a shard does: makes and ends agents, and answers.
  void serve(FakeShard& shard, const Taken& message) {
    const std::lock_guard lock{mutex_};
    if (message.kind != Kind::create) {
      stopped_ += static_cast<int>(FakeShard::targets_of(message).size());
      shard.end_all(message);
    } else if (refuse_from_ >= 0 && made_ >= refuse_from_) {
      shard.reply(message, refusal_);
    } else {
      made_ += static_cast<int>(request_of(message).count);
      requests_.push_back(message);
      shard.make_all(message);
    }
  }

  [[nodiscard]] ShardThread::Serve serving() {
    return [this](FakeShard& shard, const Taken& message) { serve(shard, message); };
  }

  [[nodiscard]] std::uint64_t reserved() const { return slot_of(client_).reserved_agents.load(); }

  [[nodiscard]] static CreateRequest request_of(const Taken& message) {
    const Payload request{std::span{message.payload}.first(sizeof(CreateRequest)), Content::bytes};
    return request.as<CreateRequest>().value();
  }

  Client client_ = attach();
  std::mutex mutex_;
  std::vector<Taken> requests_;
  int made_ = 0;
  int stopped_ = 0;
  int refuse_from_ = -1;
  Errc refusal_ = Errc::too_many_agents;
};

TEST_F(ClientCreate, OneAgentIsMade) {
  const ShardThread thread{shards_, serving()};
  const auto ids = client_.create("counter");
  ASSERT_TRUE(ids);
  ASSERT_EQ(ids->size(), 1U);
  EXPECT_TRUE(segment_.is_alive(ids->front()));
  EXPECT_EQ(reserved(), 0U);
}

TEST_F(ClientCreate, TheRequestSaysEverything) {
  const std::array<std::string_view, 2> patterns{"a.*", "b.>"};
  const std::array<std::string_view, 1> capabilities{"sums"};
  {
    const ShardThread thread{shards_, serving()};
    ASSERT_TRUE(client_.create(
        "counter", 1, {.name = "jobs", .subscribe = patterns, .capabilities = capabilities}));
  }
  const Taken& message = requests_.at(0);
  const CreateRequest request = request_of(message);
  const Symbols symbols = segment_.symbols();
  EXPECT_EQ(symbols.text(message.header.symbol), "counter");
  EXPECT_EQ(std::string(request.name.data(), request.name_length), "jobs");
  ASSERT_EQ(request.subscription_count, 2U);
  EXPECT_EQ(symbols.text(request.subscriptions[1]), "b.>");
  ASSERT_EQ(request.capability_count, 1U);
  EXPECT_EQ(symbols.text(request.capabilities[0]), "sums");
  EXPECT_NE(message.header.deadline_ns, 0);
}

TEST_F(ClientCreate, TheStateToBeginWithLiesBehindEveryRequest) {
  {
    const ShardThread thread{shards_, serving()};
    ASSERT_TRUE(client_.create("counter", 60, {.initial = std::int64_t{77}}));
  }
  ASSERT_GE(requests_.size(), 2U);
  for (const Taken& message : requests_) {
    std::int64_t initial = 0;
    ASSERT_EQ(message.payload.size(), sizeof(CreateRequest) + sizeof initial);
    std::memcpy(&initial, message.payload.data() + sizeof(CreateRequest), sizeof initial);
    EXPECT_EQ(initial, 77);
  }
}

TEST_F(ClientCreate, MetadataLiesBeforeTheState) {
  {
    const ShardThread thread{shards_, serving()};
    ASSERT_TRUE(client_.create("counter", 2, {.initial = "state", .metadata = "noted"}));
  }
  for (const Taken& message : requests_) {
    EXPECT_EQ(request_of(message).metadata_length, 5U);
    const auto* rest = reinterpret_cast<const char*>(message.payload.data());
    EXPECT_EQ(std::string_view(rest, message.payload.size()).substr(sizeof(CreateRequest)),
              "notedstate");
  }
}

TEST_F(ClientCreate, MetadataThatIsNoneIsNotSent) {
  const std::string too_long(256, 'x');
  for (const std::string_view text : {std::string_view{too_long}, std::string_view{"a\0b", 3}}) {
    const auto made = client_.create("counter", 1, {.metadata = text});
    EXPECT_EQ(made.error(), fail(Argument::metadata).value());
  }
}

TEST_F(ClientCreate, ANameDecidesTheShard) {
  const ShardThread thread{shards_, serving()};
  for (const char* name : {"jobs", "counter", "alpha", "beta", "gamma"}) {
    const AgentId id = client_.create("t", 1, {.name = name})->front();
    EXPECT_EQ(static_cast<std::uint32_t>(id.endpoint()), 1 + shard_of_name(name, 2));
  }
}

TEST_F(ClientCreate, ManySpreadOverTheShards) {
  const ShardThread thread{shards_, serving()};
  const auto ids = client_.create("t", 60);
  ASSERT_TRUE(ids);
  std::map<EndpointId, int> counts;
  for (const AgentId id : *ids)
    ++counts[id.endpoint()];
  EXPECT_EQ(counts[EndpointId{1}], 30);
  EXPECT_EQ(counts[EndpointId{2}], 30);
  EXPECT_EQ(std::set<AgentId>(ids->begin(), ids->end()).size(), 60U);
}

TEST_F(ClientCreate, HowManyThereAreIsTold) {
  const ShardThread thread{shards_, serving()};
  std::vector<std::size_t> told;
  const auto ids = client_.create("t", 60, {}, std::chrono::seconds{20},
                                  [&](std::size_t made) { told.push_back(made); });
  ASSERT_TRUE(ids);
  EXPECT_EQ(told, (std::vector<std::size_t>{30, 60}));
}

TEST_F(ClientCreate, TheLeastLoadedShardIsFilledFirst) {
  segment_.turn(0).record[0].agents_live = 20;
  const auto counts = place_agents(segment_, {}, 30, 0).value();
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{5, 25}));  // 20 + 5 against 25
}

TEST_F(ClientCreate, ParkedAndFullShardsGetNone) {
  segment_.endpoint(1).parked.store(1);
  const auto counts = place_agents(segment_, {}, 10, 0);
  ASSERT_TRUE(counts);
  EXPECT_EQ(*counts, (std::vector<std::uint64_t>{0, 10}));
  segment_.turn(1).record[0].agents_live = segment_.dimensions().agents_per_shard - 3;
  EXPECT_TRUE(place_agents(segment_, {}, 3, 0));
  EXPECT_EQ(code_of(place_agents(segment_, {}, 4, 0)), Errc::too_many_agents);
}

TEST_F(ClientCreate, ShardsOfAWorkerOverItsSoftLimitGetNone) {
  segment_.endpoint(1).placement.store(3);
  segment_.endpoint(2).placement.store(4);
  segment_.limits().workers[2].is_closed.store(1);
  EXPECT_EQ(*place_agents(segment_, {}, 10, 0), (std::vector<std::uint64_t>{0, 10}));
  segment_.limits().workers[3].is_closed.store(1);
  EXPECT_EQ(code_of(place_agents(segment_, {}, 1, 0)), Errc::over_limit);
  EXPECT_EQ(code_of(client_.create("t")), Errc::over_limit);
  EXPECT_EQ(code_of(client_.create("t", 1, {.name = "n"})), Errc::over_limit);
  segment_.endpoint(1).placement.store(~std::uint64_t{0});  // damaged
  EXPECT_TRUE(place_agents(segment_, {}, 1, 0));
}

TEST_F(ClientCreate, RateCountsAgentsNotCalls) {
  const ShardThread thread{shards_, serving()};
  segment_.limits().settings[0].runtime.store(RateSetting{.rate = 1, .burst = 4}.pack());
  EXPECT_TRUE(client_.create("t", 5));
  const auto refused = client_.create("t");
  EXPECT_EQ(code_of(refused), Errc::rate_limited);
  EXPECT_GT(refused.error().subject, 0);
  EXPECT_LE(refused.error().subject, 1000) << "milliseconds";
  EXPECT_EQ(reserved(), 0U);
}

TEST_F(ClientCreate, NotMoreAreInFlightThanRepliesHaveRoom) {
  int answered = 0;
  std::size_t most = 0;
  const auto serve_slowly = [&](FakeShard& shard, const Taken& message) {
    std::vector<Taken> all{message};
    std::this_thread::sleep_for(milliseconds{2});  // for the client to send as many as it may
    for (const Taken& more : shard.take())
      all.push_back(more);
    most = std::max(most, all.size());
    for (const Taken& one : all) {
      ++answered;
      ASSERT_TRUE(shard.reply(one));
    }
  };
  const std::vector<AgentId> agents(64, shards_[0].put_agent());
  {
    const ShardThread thread{shards_, serve_slowly};
    ASSERT_TRUE(client_.call_many(agents, "get"));
  }
  EXPECT_EQ(answered, 64);
  EXPECT_GT(most, 1U);
  EXPECT_LE(most, 4096U / 256U);
}

TEST_F(ClientCreate, ARefusalUndoesWhatWasMade) {
  refuse_from_ = 20;
  refusal_ = Errc::too_many_agents;
  const ShardThread thread{shards_, serving()};
  EXPECT_EQ(code_of(client_.create("t", 50)), Errc::too_many_agents);
  const std::lock_guard lock{mutex_};
  EXPECT_EQ(made_, 25);
  EXPECT_EQ(stopped_, 25);
  EXPECT_EQ(reserved(), 0U);
}

TEST_F(ClientCreate, EveryRefusalIsPassedOn) {
  refuse_from_ = 0;
  const ShardThread thread{shards_, serving()};
  for (const Errc code : {Errc::unknown_type, Errc::name_taken, Errc::subscriptions_full,
                          Errc::state_too_large, Errc::handler_failed}) {
    {
      const std::lock_guard lock{mutex_};
      refusal_ = code;
    }
    EXPECT_EQ(code_of(client_.create("t")), code);
  }
}

TEST_F(ClientCreate, MoreThanTheRuntimeMayHaveCreatesNone) {
  const std::uint32_t most = segment_.dimensions().max_agents;
  EXPECT_EQ(code_of(client_.create("t", most + 1)), Errc::too_many_agents);
  EXPECT_EQ(code_of(client_.create("t", ~std::size_t{0})), Errc::too_many_agents);
  segment_.turn(1).record[0].agents_live = most - 10;
  EXPECT_EQ(code_of(client_.create("t", 11)), Errc::too_many_agents);
  const Client other = attach();
  slot_of(other).reserved_agents.store(5);
  EXPECT_EQ(code_of(client_.create("t", 6)), Errc::too_many_agents);
  EXPECT_TRUE(shards_[0].take().empty() && shards_[1].take().empty());
  EXPECT_EQ(reserved(), 0U);
}

TEST_F(ClientCreate, WhatIsBeingMadeIsReserved) {
  std::vector<std::uint64_t> seen;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               seen.push_back(reserved());
                               shard.make_all(message);
                             }};
    ASSERT_TRUE(client_.create("t", 8));
  }
  EXPECT_EQ(seen.front(), 8U);
  EXPECT_TRUE(std::is_sorted(seen.rbegin(), seen.rend()));
}

TEST_F(ClientCreate, ArgumentsAreChecked) {
  const auto refusal = [&](std::size_t count, const AgentOptions& options) {
    return code_of(client_.create("t", count, options));
  };
  EXPECT_EQ(refusal(0, {}), Errc::invalid_argument);
  EXPECT_EQ(refusal(2, {.name = "two"}), Errc::invalid_argument);
  const std::string long_name(64, 'n');
  EXPECT_EQ(refusal(1, {.name = long_name}), Errc::invalid_argument);
  EXPECT_EQ(refusal(1, {.name = "line\nbreak"}), Errc::invalid_argument);
  EXPECT_EQ(refusal(1, {.name = "\x7F"}), Errc::invalid_argument);
  const std::vector<std::string_view> nine(9, "capability");
  EXPECT_EQ(refusal(1, {.capabilities = nine}), Errc::invalid_argument);
  const std::vector<std::string_view> seventeen(17, "a.b");
  EXPECT_EQ(refusal(1, {.subscribe = seventeen}), Errc::invalid_argument);
  const std::array<std::string_view, 2> patterns{"fine", "not..fine"};
  const auto bad = client_.create("t", 1, {.subscribe = patterns});
  EXPECT_EQ(bad.error(), (Error{Errc::bad_topic, 2}));
  EXPECT_EQ(code_of(client_.create("", 1)), Errc::invalid_argument);
  EXPECT_TRUE(shards_[0].take().empty() && shards_[1].take().empty());
}

// It would hide the agent that has this id.
TEST_F(ClientCreate, NameThatLooksLikeAnIdIsRefused) {
  const Error expected = fail(Argument::agent_name).value();
  EXPECT_EQ(client_.create("t", 1, {.name = "0300000000000001"}).error(), expected);
  EXPECT_EQ(client_.create("t", 1, {.name = "ABCDEFabcdef0123"}).error(), expected);
  EXPECT_TRUE(shards_[0].take().empty() && shards_[1].take().empty());
  const ShardThread thread{shards_, serving()};
  EXPECT_TRUE(client_.create("t", 1, {.name = "030000000000001"}));
  EXPECT_TRUE(client_.create("t", 1, {.name = "030000000000000g"}));
}

TEST_F(ClientCreate, WhatIsNotAllowedIsCounted) {
  (void)client_.create("t", 0);
  (void)client_.create("");
  EXPECT_EQ(refused_by(client_), 2U);
}

TEST_F(ClientCreate, NamesMayHaveSpacesAndOtherScripts) {
  const ShardThread thread{shards_, serving()};
  EXPECT_TRUE(client_.create("t", 1, {.name = "Gr\u00fc\u00dfe an alle"}));
  EXPECT_TRUE(client_.create("t", 1, {.name = std::string(63, 'n')}));
}

TEST_F(ClientCreate, ADeadlineEndsIt) {
  const std::int64_t start = monotonic_ns();
  EXPECT_EQ(code_of(client_.create("t", 3, {}, milliseconds{50})), Errc::timed_out);
  EXPECT_LT(since(start), seconds{10});
  EXPECT_EQ(reserved(), 0U);
}

// The shard was slow, not deaf: what it makes after all has no owner and is ended.
TEST_F(ClientCreate, AnAgentThatIsMadeTooLateIsEnded) {
  EXPECT_EQ(code_of(client_.create("t", 1, {}, milliseconds{1})), Errc::timed_out);
  FakeShard* shard = nullptr;
  std::vector<Taken> questions;
  for (FakeShard& one : shards_) {
    questions = one.take();
    shard = &one;
    if (!questions.empty()) break;
  }
  ASSERT_EQ(questions.size(), 1U);
  const AgentId late = shard->put_agent();
  ASSERT_TRUE(shard->reply(questions[0], Errc{}, late.value()));
  const ShardThread thread{shards_, serving()};
  ASSERT_TRUE(client_.create("t"));  // any call will do
  for (int i = 0; i < 1000 && segment_.is_alive(late); ++i)
    ::usleep(1000);
  EXPECT_FALSE(segment_.is_alive(late));
}

TEST_F(ClientCreate, AnAnswerThatIsNoAgentIsCorrupt) {
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             const auto other = static_cast<EndpointId>(3 - shard.endpoint());
                             shard.reply(message, Errc{}, AgentId{other, 0, 1}.value());
                           }};
  EXPECT_EQ(code_of(client_.create("t")), Errc::corrupt);
}

TEST_F(ClientCreate, AFullRingIsWaitedFor) {
  const std::array agents{shards_[0].put_agent(), shards_[1].put_agent()};
  for (const AgentId agent : agents) {
    while (client_.send(agent, "fill", "12345678")) {
    }
  }
  const ShardThread thread{shards_, [this](FakeShard& shard, const Taken& message) {
                             if (message.kind != Kind::signal) serve(shard, message);
                           }};
  EXPECT_EQ(client_.create("t", 20)->size(), 20U);
}

}  // namespace
}  // namespace mabeam::shm
