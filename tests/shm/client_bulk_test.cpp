// Client: many agents in one call: created, stopped, called, told.
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <mutex>
#include <set>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;

Dimensions roomy_dimensions() {
  Dimensions d = small_dimensions();
  d.max_agents = 2000;
  d.agents_per_shard = 1200;
  d.names_per_shard = 4096;
  return d;
}

class ClientBulk : public ClientTest {
 protected:
  ClientBulk() : ClientTest(roomy_dimensions()) {}

  static CreateRequest request_of(const Taken& message) {
    return message.view().as<CreateRequest>().value();
  }

  std::vector<AgentId> put_agents(std::size_t count) {
    std::vector<AgentId> ids;
    for (std::size_t i = 0; i < count; ++i)
      ids.push_back(shards_[i % 2].put_agent());
    return ids;
  }

  /// Answers calls with the caller's payload.
  static void echo(FakeShard& shard, const Taken& message) {
    shard.reply(message, Errc{}, message.view());
  }

  template <class T>
  static std::vector<Errc> codes_of(const std::vector<Result<T>>& results) {
    std::vector<Errc> codes;
    for (const Result<T>& result : results)
      codes.push_back(code_of(result));
    return codes;
  }

  Client client_ = attach();
  std::mutex mutex_;
};

// ---- create ----------------------------------------------------------------------------------

TEST_F(ClientBulk, ThousandsAreMadeWithFewMessages) {
  std::map<std::uint32_t, int> sizes;
  std::vector<AgentId> ids;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               ++sizes[request_of(message).count];
                               shard.make_all(message);
                             }};
    ids = client_.create("t", 1500).value();
  }
  EXPECT_EQ(std::set<AgentId>(ids.begin(), ids.end()).size(), 1500U);
  EXPECT_EQ(sizes, (std::map<std::uint32_t, int>{{64, 22}, {46, 2}}));
}

TEST_F(ClientBulk, SubscriptionsMakeMessagesSmaller) {
  const std::vector<std::string_view> patterns(16, "a.b");
  std::uint32_t largest = 0;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               largest = std::max(largest, request_of(message).count);
                               shard.make_all(message);
                             }};
    ASSERT_TRUE(client_.create("t", 100, {.subscribe = patterns}));
  }
  EXPECT_EQ(largest, 512U / 18U);
}

TEST_F(ClientBulk, TooMuchForOneTurnIsAskedForOneByOne) {
  std::map<std::uint32_t, int> sizes;
  {
    const ShardThread thread{
        shards_, [&](FakeShard& shard, const Taken& message) {
          const std::uint32_t count = request_of(message).count;
          ++sizes[count];
          if (count > 1) {
            const bool is_first = shard.endpoint() == 1;
            shard.reply(message, is_first ? Errc::too_many_changes : Errc::message_too_large);
          } else {
            shard.make_all(message);
          }
        }};
    EXPECT_EQ(client_.create("t", 60)->size(), 60U);
  }
  EXPECT_EQ(sizes, (std::map<std::uint32_t, int>{{30, 2}, {1, 60}}));
}

TEST_F(ClientBulk, TooMuchForOneTurnAloneIsRefused) {
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             if (message.kind == Kind::create) {
                               shard.reply(message, Errc::too_many_changes);
                             }
                           }};
  EXPECT_EQ(code_of(client_.create("t", 6)), Errc::too_many_changes);
}

TEST_F(ClientBulk, FewerIdsThanAskedForAreCorruptAndUndone) {
  std::set<AgentId> ended;
  {
    const ShardThread thread{
        shards_, [&](FakeShard& shard, const Taken& message) {
          if (message.kind != Kind::create) {
            for (const AgentId id : FakeShard::targets_of(message))
              ended.insert(id);
            shard.end_all(message);
            return;
          }
          const std::vector<AgentId> made{shard.put_agent(), shard.put_agent()};
          shard.reply(message, Errc{}, std::as_bytes(std::span{made}));
        }};
    EXPECT_EQ(code_of(client_.create("t", 10)), Errc::corrupt);
  }
  EXPECT_EQ(ended.size(), 4U);
  EXPECT_EQ(slot_of(client_).reserved_agents.load(), 0U);
}

TEST_F(ClientBulk, AnswersThatAreNoListOfAgentsAreCorrupt) {
  std::vector<std::byte> answer;
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             const std::lock_guard lock{mutex_};
                             shard.reply(message, Errc{}, std::span<const std::byte>{answer});
                           }};
  for (const std::size_t bytes : {0U, 7U, 9U, 65U * 8U}) {
    {
      const std::lock_guard lock{mutex_};
      answer.assign(bytes, std::byte{1});
    }
    EXPECT_EQ(code_of(client_.create("t", 1)), Errc::corrupt) << bytes;
  }
}

TEST_F(ClientBulk, AllAgentsOfALateAnswerAreEnded) {
  EXPECT_EQ(code_of(client_.create("t", 20, {}, milliseconds{1})), Errc::timed_out);
  for (FakeShard& shard : shards_) {
    for (const Taken& question : shard.take())
      ASSERT_TRUE(shard.make_all(question));
    ASSERT_EQ(shard.agents_made(), 10U);
  }
  std::set<AgentId> ended;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               if (message.kind == Kind::create) {
                                 shard.make_all(message);
                                 return;
                               }
                               const std::lock_guard lock{mutex_};
                               for (const AgentId id : FakeShard::targets_of(message))
                                 ended.insert(id);
                               shard.end_all(message);
                             }};
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(client_.create("t"));  // any call will do
      const std::lock_guard lock{mutex_};
      if (ended.size() >= 20) break;
    }
  }
  EXPECT_EQ(ended.size(), 20U);
}

TEST_F(ClientBulk, AParentIsToldIfItLives) {
  const AgentId parent = shards_[1].put_agent();
  std::uint64_t told = 0;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               told = request_of(message).parent;
                               shard.make_all(message);
                             }};
    ASSERT_TRUE(client_.create("t", 1, {.parent = parent}));
  }
  EXPECT_EQ(told, parent.value());
  shards_[1].end_agent(parent);
  EXPECT_EQ(code_of(client_.create("t", 1, {.parent = parent})), Errc::not_found);
  EXPECT_EQ(code_of(client_.create("t", 1, {.parent = client_.id()})), Errc::not_found);
}

// ---- stop ------------------------------------------------------------------------------------

TEST_F(ClientBulk, ManyAreStoppedWithFewMessages) {
  const std::vector<AgentId> ids = put_agents(300);
  int messages = 0;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               ++messages;
                               shard.end_all(message);
                             }};
    EXPECT_EQ(codes_of(client_.stop_agents(ids)), std::vector<Errc>(300));
  }
  EXPECT_EQ(messages, 2 * 3);
  for (const AgentId id : ids)
    EXPECT_FALSE(segment_.is_alive(id));
}

TEST_F(ClientBulk, EachStopHasItsOwnResult) {
  std::vector<AgentId> ids = put_agents(6);
  shards_[0].end_agent(ids[0]);
  ids.push_back(client_.id());
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             std::vector<Errc> codes;
                             for (const AgentId id : FakeShard::targets_of(message))
                               codes.push_back(id == ids[3] ? Errc::not_found : Errc{});
                             shard.reply_codes(message, codes);
                           }};
  EXPECT_EQ(codes_of(client_.stop_agents(ids)),
            (std::vector<Errc>{Errc::not_found, Errc{}, Errc{}, Errc::not_found, Errc{}, Errc{},
                               Errc::not_found}));
  EXPECT_TRUE(client_.stop_agents({}).empty());
}

TEST_F(ClientBulk, WhatCannotBeStoppedWithOthersIsStoppedAlone) {
  const std::vector<AgentId> ids = put_agents(8);
  std::map<std::uint32_t, int> alone;
  {
    const ShardThread thread{
        shards_, [&](FakeShard& shard, const Taken& message) {
          const auto targets = FakeShard::targets_of(message);
          if (message.kind == Kind::stop) {
            ++alone[shard.endpoint()];
            shard.reply(message, targets[0] == ids[4] ? Errc::handler_failed : Errc{});
          } else if (shard.endpoint() == 1) {
            shard.reply(message, Errc::schema_mismatch);  // the whole message
          } else {
            shard.reply_codes(message, {Errc{}, Errc::too_many_changes, Errc{}, Errc{}});
          }
        }};
    std::vector<Errc> expected(8);
    expected[4] = Errc::handler_failed;
    EXPECT_EQ(codes_of(client_.stop_agents(ids)), expected);
  }
  EXPECT_EQ(alone, (std::map<std::uint32_t, int>{{1, 4}, {2, 1}}));
}

TEST_F(ClientBulk, StopsWithoutAnAnswerHaveTimedOut) {
  const std::vector<AgentId> ids = put_agents(4);
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             if (shard.endpoint() == 1) shard.end_all(message);
                           }};
  EXPECT_EQ(codes_of(client_.stop_agents(ids, milliseconds{50})),
            (std::vector<Errc>{Errc{}, Errc::timed_out, Errc{}, Errc::timed_out}));
}

TEST_F(ClientBulk, AnAnswerForOthersIsCorrupt) {
  const std::vector<AgentId> ids = put_agents(4);
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             shard.reply_codes(message, std::vector<Errc>(3));
                           }};
  EXPECT_EQ(codes_of(client_.stop_agents(ids)), std::vector<Errc>(4, Errc::corrupt));
}

// ---- call ------------------------------------------------------------------------------------

TEST_F(ClientBulk, EveryAgentIsCalledOnceAndAnswersInItsPlace) {
  const std::vector<AgentId> ids = put_agents(200);
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             shard.reply(message, Errc{}, message.header.target);
                           }};
  const auto answers = client_.call_many(ids, "who").value();
  ASSERT_EQ(answers.size(), 200U);
  for (std::size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(answers[i].value().payload().as<std::uint64_t>().value(), ids[i].value());
}

TEST_F(ClientBulk, EachCallHasItsOwnError) {
  std::vector<AgentId> ids = put_agents(4);
  shards_[1].end_agent(ids[1]);
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             const bool fails = message.header.target == ids[2].value();
                             shard.reply(message, fails ? Errc::unknown_action : Errc{}, 1);
                           }};
  EXPECT_EQ(codes_of(client_.call_many(ids, "get").value()),
            (std::vector<Errc>{Errc{}, Errc::not_found, Errc::unknown_action, Errc{}}));
  EXPECT_EQ(code_of(client_.call_many(ids, "")), Errc::invalid_argument);
}

TEST_F(ClientBulk, EachStateIsUpdatedByAPayloadOfItsOwn) {
  std::vector<AgentId> ids = put_agents(200);
  ids[17] = AgentId{static_cast<EndpointId>(1), 9999, 1};
  const ShardThread thread{shards_,
                           [](FakeShard& shard, const Taken& message) { echo(shard, message); }};
  const std::vector<std::string> texts(200, "text");
  const auto answers = client_.update_states(ids, "get", [&](std::size_t index) -> PayloadRef {
    if (index % 2 == 0) return index * 3;
    return texts[index];
  });
  ASSERT_EQ(answers.value().size(), 200U);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& answer = answers.value()[i];
    if (i == 17) {
      EXPECT_EQ(code_of(answer), Errc::not_found);
    } else if (i % 2 == 0) {
      EXPECT_EQ(answer.value().payload().as<std::uint64_t>().value(), i * 3);
    } else {
      EXPECT_EQ(answer.value().payload().text(), "text");
    }
  }
}

TEST_F(ClientBulk, OneDeadlineEndsAllCalls) {
  const std::vector<AgentId> ids = put_agents(100);
  const ShardThread thread{shards_, [](FakeShard& shard, const Taken& message) {
                             if (shard.endpoint() == 2) echo(shard, message);
                           }};
  std::map<Errc, int> codes;
  const std::int64_t start = monotonic_ns();
  ASSERT_TRUE(client_.call_many(ids, "get", 5, milliseconds{100},
                                [&](std::size_t, auto& answer) { ++codes[code_of(answer)]; }));
  EXPECT_LT(since(start), std::chrono::seconds{10});
  EXPECT_EQ(codes, (std::map<Errc, int>{{Errc{}, 50}, {Errc::timed_out, 50}}));
}

// ---- send ------------------------------------------------------------------------------------

TEST_F(ClientBulk, WhatIsAcceptedIsCounted) {
  std::vector<AgentId> ids = put_agents(10);
  shards_[0].end_agent(ids[0]);
  EXPECT_EQ(client_.send_many(ids, "hello", "all").value(), 9U);
  EXPECT_EQ(shards_[0].take().size() + shards_[1].take().size(), 9U);
  const std::vector<AgentId> many(1000, ids[2]);
  const std::size_t accepted = client_.send_many(many, "hello", "all").value();
  EXPECT_LT(accepted, 1000U);
  EXPECT_EQ(shards_[0].take().size(), accepted);
  EXPECT_EQ(code_of(client_.send_many(ids, "")), Errc::invalid_argument);
}

TEST_F(ClientBulk, RoomIsWaitedFor) {
  const std::vector<AgentId> many(1000, shards_[0].put_agent());
  const ShardThread thread{shards_, [](FakeShard&, const Taken&) {}};
  EXPECT_EQ(client_.send_many(many, "hello", "all", {}, std::chrono::seconds{10}).value(), 1000U);
}

// ---- find ------------------------------------------------------------------------------------

TEST_F(ClientBulk, AgentsAreFoundWithoutAsking) {
  const std::vector<AgentId> ids = put_agents(5);
  const AgentList found = client_.find_agents({.limit = 2, .offset = 1});
  EXPECT_EQ(found.total, 5U);
  ASSERT_EQ(found.agents.size(), 2U);
  EXPECT_EQ(found.agents[0].id, ids[2]);
  EXPECT_EQ(found.agents[1].id, ids[4]);
  EXPECT_EQ(client_.count_agents(), 5U);
  EXPECT_EQ(client_.count_agents({.type = "never seen"}), 0U);
  EXPECT_TRUE(client_.find_agents({.offset = 5}).agents.empty());
}

}  // namespace
}  // namespace mabeam::shm
