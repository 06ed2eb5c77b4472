// ClientCalls: correlations, credits and the table behind them.
#include "shm/client_calls.hpp"

#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

namespace mabeam::shm {
namespace {

class ClientCallTable : public ClientTest {
 protected:
  ClientCallTable() { EXPECT_TRUE(calls_.open()); }

  void answer(std::uint64_t correlation, std::uint32_t shard, const PayloadRef& payload = {}) {
    MessageHeader header;
    header.correlation = correlation;
    header.target = endpoint_.id().value();
    header.content = static_cast<std::uint32_t>(payload.content());
    ASSERT_TRUE(shards_[shard - 1].put(endpoint_.index(), header, Errc{}, payload));
    calls_.poll(shard);
  }

  ClientEndpoint endpoint_{segment_, claim_client_endpoint(segment_, 0).value()};
  ClientTracer tracer_{segment_, endpoint_};
  ClientCalls calls_{segment_, endpoint_, tracer_};
};

TEST_F(ClientCallTable, ACallIsAnsweredOnce) {
  const std::uint64_t call = calls_.begin(Kind::request, 1);
  EXPECT_FALSE(calls_.is_answered(call));
  EXPECT_EQ(code_of(calls_.take(call)), Errc::timed_out);
  answer(call, 1, 5);
  ASSERT_TRUE(calls_.is_answered(call));
  EXPECT_EQ(calls_.take(call)->payload().as<int>(), 5);
  EXPECT_FALSE(calls_.is_answered(call));
  EXPECT_EQ(code_of(calls_.take(call)), Errc::timed_out);
}

TEST_F(ClientCallTable, CorrelationsAreNeverZeroAndNeverTheSame) {
  std::set<std::uint64_t> all;
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t call = calls_.begin(Kind::request, 1 + static_cast<std::uint32_t>(i % 2));
    EXPECT_NE(call, 0U);
    EXPECT_TRUE(all.insert(call).second);
  }
}

TEST_F(ClientCallTable, ThousandsMayBeOpenAtOnce) {
  std::vector<std::uint64_t> open;
  for (int i = 0; i < 3000; ++i)
    open.push_back(calls_.begin(Kind::request, 2));
  for (const std::uint64_t call : open)
    answer(call, 2, call);
  for (const std::uint64_t call : open) {
    ASSERT_EQ(calls_.take(call)->payload().as<std::uint64_t>(), call);
  }
}

TEST_F(ClientCallTable, CreditsAreOfEachShard) {
  int given = 0;
  while (calls_.has_credit(1)) {
    calls_.begin(Kind::request, 1);
    ++given;
  }
  EXPECT_EQ(given, 4096 / 256);
  EXPECT_TRUE(calls_.has_credit(2));
}

TEST_F(ClientCallTable, CreditsComeBack) {
  std::vector<std::uint64_t> open;
  while (calls_.has_credit(1))
    open.push_back(calls_.begin(Kind::request, 1));
  calls_.forget(open[0]);
  EXPECT_TRUE(calls_.has_credit(1));
  open[0] = calls_.begin(Kind::request, 1);
  EXPECT_FALSE(calls_.has_credit(1));
  calls_.abandon(open[1]);
  EXPECT_TRUE(calls_.has_credit(1));
  open[1] = calls_.begin(Kind::request, 1);
  answer(open[2], 1);
  EXPECT_TRUE(calls_.has_credit(1));
  EXPECT_TRUE(calls_.take(open[2]));
  calls_.forget(open[2]);
  calls_.begin(Kind::request, 1);
  EXPECT_FALSE(calls_.has_credit(1));
}

TEST_F(ClientCallTable, AnAbandonedCreateIsRemembered) {
  const std::uint64_t create = calls_.begin(Kind::create, 2);
  const std::uint64_t request = calls_.begin(Kind::request, 2);
  calls_.abandon(create);
  calls_.abandon(request);
  const AgentId made{EndpointId{2}, 5, 1};
  answer(create, 2, made.value());
  answer(request, 2, 5);
  ASSERT_EQ(calls_.orphans().size(), 1U);
  EXPECT_EQ(calls_.orphans()[0], made);
  EXPECT_EQ(endpoint_.slot().refused.load(), 2U);
  answer(create, 2, made.value());
  EXPECT_EQ(calls_.orphans().size(), 1U);
}

TEST_F(ClientCallTable, TheAbandonedGiveWayToNewCalls) {
  for (int i = 0; i < 100'000; ++i)
    calls_.abandon(calls_.begin(Kind::create, 1));
  const std::uint64_t call = calls_.begin(Kind::request, 1);
  answer(call, 1, 1);
  EXPECT_TRUE(calls_.take(call));
}

}  // namespace
}  // namespace mabeam::shm
