// Stopping an agent with all that descend from it: in which order, how many a turn, and what a
// death in the middle changes.
#include "shm/spsc_ring.hpp"
#include "shm/verify.hpp"
#include "tests/worker/life_support.hpp"

#include <algorithm>
#include <set>

namespace mabeam::worker {
namespace {

using Ids = std::vector<AgentId>;

shm::StopRequest with_children(std::string_view reason = {}) {
  shm::StopRequest request{.with_children = 1,
                           .reason_length = static_cast<std::uint32_t>(reason.size())};
  std::copy(reason.begin(), reason.end(), request.reason.begin());
  return request;
}

class ShardChildren : public LifeTest {
 protected:
  explicit ShardChildren(std::uint32_t agents_per_shard = kAgentsPerShard)
      : LifeTest(agents_per_shard) {}

  void post_stop(AgentId id, std::uint32_t client = kFirstClient, std::int64_t deadline_ns = 0) {
    post(id, "stop", with_children(),
         {.kind = shm::Kind::stop, .client = client, .deadline_ns = deadline_ns});
  }

  [[nodiscard]] bool is_terminating(AgentId id) const {
    return segment_.agents(0).is_terminating(id);
  }

  std::vector<Errc> answers(std::uint32_t client = kFirstClient) {
    std::vector<Errc> codes;
    for (const Letter& letter : take(Priority::high, client))
      codes.push_back(letter.code);
    return codes;
  }

  [[nodiscard]] std::uint64_t live() const { return record().agents_live; }

  /// Leaves room for one goodbye in the ring to the first client.
  void fill_up_to_one() {
    const std::span<std::byte> bytes = segment_.ring(1, kFirstClient, Priority::normal);
    constexpr auto kSignal = static_cast<std::uint16_t>(shm::Kind::signal);
    constexpr std::uint32_t kGoodbye = sizeof(shm::MessageHeader) + 8;
    auto ring = shm::RingProducer::open(bytes).value();
    int room = 0;
    while (ring.claim(kGoodbye, kSignal))
      ++room;
    ring = shm::RingProducer::open(bytes).value();
    for (int i = 1; i < room; ++i)
      ASSERT_TRUE(ring.claim(kGoodbye, kSignal));
    ring.publish();
    adopt_anew();
  }

  void expect_whole() const {
    const VerifyView view = shm::verify_segment(segment_, true);
    EXPECT_EQ(view.damage_total, 0U) << (view.damage.empty() ? "" : view.damage.front().what);
  }

  AgentId root_ = create({.type = "breeder"}).value();
};

TEST_F(ShardChildren, EndBeforeTheirParents) {
  const Ids sons = breed(root_, "breeder", 2);
  const Ids grandsons = breed(sons[0], "breeder", 2);
  post_stop(root_);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(said("bye"), (Ids{sons[1], grandsons[1], grandsons[0], sons[0], root_}));
  EXPECT_EQ(live(), 0U);
  EXPECT_EQ(record().agents_stopped, 5U);
}

TEST_F(ShardChildren, StayWithoutTheFlag) {
  const Ids sons = breed(root_, "breeder", 2);
  ASSERT_EQ(stop(root_), Errc{});
  EXPECT_TRUE(segment_.is_alive(sons[0]));
  EXPECT_EQ(live(), 2U);
}

TEST_F(ShardChildren, OthersStay) {
  const AgentId other = create({.type = "breeder"}).value();
  const Ids sons = breed(root_, "breeder", 2);
  const Ids nephews = breed(other, "breeder", 2);
  post_stop(sons[0]);
  run();
  EXPECT_EQ(said("bye"), (Ids{sons[0]}));
  post_stop(root_);
  run();
  EXPECT_EQ(said("bye"), (Ids{sons[1], root_}));
  EXPECT_TRUE(segment_.is_alive(nephews[0]));
}

// The heir of the root's slot is nobody's parent, although the records name his slot.
TEST_F(ShardChildren, OfADeadParentAreNotItsHeirs) {
  const AgentId orphan = breed(root_, "breeder").front();
  ASSERT_EQ(stop(root_), Errc{});
  const AgentId heir = create({.type = "breeder"}).value();
  ASSERT_EQ(heir.slot(), root_.slot());
  adopt_anew();
  post_stop(heir);
  run();
  EXPECT_TRUE(segment_.is_alive(orphan));
  EXPECT_FALSE(segment_.is_alive(heir));
}

// One that descends from itself, as damage may have it.
TEST_F(ShardChildren, CircleOfAncestorsComesToAnEnd) {
  const AgentId son = breed(root_, "breeder").front();
  segment_.agents(0).record(root_.slot()).parent = son.value();
  adopt_anew();
  post_stop(root_);
  post_stop(son);
  run();
  EXPECT_EQ(live(), 0U);
  EXPECT_EQ(answers().size(), 2U);
}

TEST_F(ShardChildren, ChildThatDoesNotEndWithItsLastWordEndsWithout) {
  breed(root_, "martyr", 2);
  Moody::refuses_to_start = true;
  post_stop(root_);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(live(), 0U);
}

TEST_F(ShardChildren, RootThatDoesNotEndWithItsLastWordEndsWithout) {
  const AgentId martyr = create({.type = "martyr"}).value();
  ASSERT_EQ(ask(martyr, "make", Task{}).size(), 1U);
  Moody::refuses_to_start = true;
  post_stop(martyr);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(live(), 1U) << "the other root";
}

TEST_F(ShardChildren, WhatItsLastWordMakesLivesOn) {
  breed(root_, "martyr");
  post_stop(root_);
  run();
  EXPECT_EQ(live(), 1U);
}

// Of the two goodbyes one fits. What the sons did in the turn that found the request stays done,
// and what on_stop did is undone.
TEST_F(ShardChildren, EndThatIsPutOffLeavesTheTurnBeforeIt) {
  const Ids sons = breed(root_, "steady", 2);
  fill_up_to_one();
  for (const AgentId son : sons)
    post(son, "add", Task{.value = 1});
  post_stop(root_);
  run();
  ASSERT_TRUE(shard().is_waiting());
  ASSERT_TRUE(segment_.is_alive(sons[0]));
  EXPECT_EQ(state(sons[0]).all(), (std::vector<std::int64_t>{100, 1}));
  EXPECT_FALSE(segment_.is_alive(sons[1]));
  take(Priority::normal);
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(state(sons[0]).all(), (std::vector<std::int64_t>{100, 1, -1}));
}

TEST_F(ShardChildren, RequestThatIsNoneIsRefused) {
  shm::StopRequest request = with_children();
  request.reason_length = 48;
  post(root_, "stop", request, {.kind = shm::Kind::stop});
  request.reason_length = 0;
  request.with_children = 2;
  post(root_, "stop", request, {.kind = shm::Kind::stop});
  post(root_, "stop", "please", {.kind = shm::Kind::stop});
  run();
  EXPECT_EQ(answers(), (std::vector<Errc>(3, Errc::invalid_argument)));
  EXPECT_TRUE(segment_.is_alive(root_));
}

// ---- many ------------------------------------------------------------------------------------

class ShardManyChildren : public ShardChildren {
 protected:
  ShardManyChildren() : ShardChildren(1200) {}

  /// 1,000 in all: 4 sons with 249 sons each.
  void make_thousand() {
    for (const AgentId son : breed(root_, "breeder", 4))
      breed(son, "breeder", 249);
    ASSERT_EQ(live(), 1001U);
  }

  /// Runs until the shard rests, reading what it says. Most ends in one turn.
  std::uint64_t run_out(Ids& goodbyes) {
    std::uint64_t most = 0;
    for (int turns = 0; turns < 2000; ++turns) {
      const std::uint64_t before = live();
      if (turn() == 0) return most;
      most = std::max(most, before - live());
      for (const AgentId id : said("bye"))
        goodbyes.push_back(id);
    }
    ADD_FAILURE() << "the shard never came to rest";
    return most;
  }
};

TEST_F(ShardManyChildren, ThousandEndAtMostSixtyFourATurnEachOnce) {
  make_thousand();
  post_stop(root_);
  Ids goodbyes;
  EXPECT_EQ(run_out(goodbyes), 64U);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
  EXPECT_EQ(goodbyes.back(), root_);
  EXPECT_EQ(live(), 0U);
  expect_whole();
}

TEST_F(ShardManyChildren, OwnersThatDieAfterEachTurnEndEachOnce) {
  make_thousand();
  post_stop(root_);
  Ids goodbyes;
  for (int deaths = 0; live() != 0 && deaths < 100; ++deaths) {
    ASSERT_NE(turn(), 0U);
    expect_whole();
    for (const AgentId id : said("bye"))
      goodbyes.push_back(id);
    EXPECT_EQ(answers().size(), live() == 0 ? 1U : 0U);
    adopt_anew();
  }
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
}

TEST_F(ShardManyChildren, OwnersThatDieBeforeTheirWordsEndEachOnce) {
  make_thousand();
  post_stop(root_);
  Ids goodbyes;
  for (int deaths = 0; live() != 0 && deaths < 100; ++deaths) {
    commit_and_die();
    adopt_anew();
    for (const AgentId id : said("bye"))
      goodbyes.push_back(id);
  }
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
}

TEST_F(ShardManyChildren, ChainOfDescendantsEndsFromItsEnd) {
  Ids chain{root_};
  for (int i = 0; i < 200; ++i)
    chain.push_back(breed(chain.back(), "breeder").front());
  post_stop(root_);
  Ids goodbyes;
  run_out(goodbyes);
  std::reverse(chain.begin(), chain.end());
  EXPECT_EQ(goodbyes, chain);
}

TEST_F(ShardManyChildren, WhatIsBeingEndedTakesNoMessages) {
  make_thousand();
  post_stop(root_);
  ASSERT_EQ(turn(), 1U);
  ASSERT_TRUE(is_terminating(root_));
  EXPECT_FALSE(segment_.is_alive(root_));
  EXPECT_TRUE(segment_.exists(root_));
  post(root_, "tell", 1, {.client = kSecondClient});
  post(root_, "breeder", 1,
       {.kind = shm::Kind::request, .client = kSecondClient, .correlation = 9});
  Ids goodbyes;
  run_out(goodbyes);
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::no_agent);
  EXPECT_EQ(answers(kSecondClient), (std::vector<Errc>{Errc::not_found}));
  EXPECT_EQ(goodbyes.size(), 1001U) << "it has made no more";
}

TEST_F(ShardManyChildren, WhatIsBeingEndedHearsNoEvents) {
  make_thousand();
  const AgentId father = create({.type = "steady", .subscribe = {"job.*"}}).value();
  const shm::AgentTable table = segment_.agents(0);
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
    if (table.record(slot).parent == root_.value()) table.record(slot).parent = father.value();
  }
  adopt_anew();
  post_stop(father);
  ASSERT_EQ(turn(), 1U);
  ASSERT_TRUE(is_terminating(father));
  emit("job.a", 7, kSecondClient);
  Ids goodbyes;
  run_out(goodbyes);
  EXPECT_FALSE(segment_.exists(father));
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(state(father).all(), (std::vector<std::int64_t>{100, -1})) << "what it left behind";
}

// A caller whose time was up asks again; both are answered when the last one is gone.
TEST_F(ShardManyChildren, SecondRequestJoinsTheFirst) {
  make_thousand();
  post_stop(root_);
  ASSERT_EQ(turn(), 1U);
  post_stop(root_, kSecondClient);
  Ids goodbyes;
  run_out(goodbyes);
  const std::vector<Errc> first = answers(kFirstClient);
  const std::vector<Errc> second = answers(kSecondClient);
  ASSERT_EQ(first.size() + second.size(), 2U);
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_TRUE(first[0] == Errc{} || second[0] == Errc{});
}

TEST_F(ShardManyChildren, EndThatHasBegunDoesNotExpire) {
  make_thousand();
  const std::int64_t soon_ns = shm::monotonic_ns() + 20'000'000;
  post_stop(root_, kFirstClient, soon_ns);
  ASSERT_EQ(turn(), 1U);
  ASSERT_TRUE(is_terminating(root_));
  while (shm::monotonic_ns() <= soon_ns) {
  }
  Ids goodbyes;
  run_out(goodbyes);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc{}}));
  EXPECT_EQ(live(), 0U);
}

// 64 goodbyes do not fit, so they are said one a turn; and nobody is lost while nobody reads.
TEST_F(ShardManyChildren, FullRingHoldsTheEndUp) {
  make_thousand();
  post_stop(root_);
  run();
  ASSERT_TRUE(shard().is_waiting());
  EXPECT_GT(live(), 0U);
  Ids goodbyes = said("bye");
  EXPECT_EQ(goodbyes.size() + live(), 1001U);
  run_out(goodbyes);
  EXPECT_EQ(goodbyes.size(), 1001U);
  EXPECT_EQ(std::set<AgentId>(goodbyes.begin(), goodbyes.end()).size(), 1001U);
}

TEST_F(ShardManyChildren, EndThatKillsEveryOwnerGoesOnWithoutLastWords) {
  make_thousand();
  post_stop(root_);
  const auto ring = shm::RingConsumer::open(segment_.ring(kFirstClient, 1, Priority::normal));
  const std::uint64_t witness =
      shm::Witness::pack(shm::Witness::What::message, kFirstClient,
                         static_cast<std::uint32_t>(Priority::normal), 0, ring.value().position());
  ASSERT_EQ(turn(), 1U);
  for (std::uint32_t i = 0; i < limits_.max_attempts; ++i) {
    segment_.turn(0).witness.store(witness);
    adopt_anew();
  }
  said("bye");
  Ids goodbyes;
  run_out(goodbyes);
  EXPECT_TRUE(goodbyes.empty());
  EXPECT_EQ(live(), 0U);
  EXPECT_EQ(answers(), (std::vector<Errc>{Errc::handler_failed}));
  ASSERT_EQ(burials().size(), 1U);
  EXPECT_EQ(burials().front().reason, shm::DeadReason::poison);
  EXPECT_EQ(record().blamed_count, 0U);
}

}  // namespace
}  // namespace mabeam::worker
