// Several agents in one message: all are made or none, each is ended or not, and a death in the
// middle shows nothing of it.
#include "shm/turn_words.hpp"
#include "tests/worker/shard_support.hpp"

#include <algorithm>
#include <functional>
#include <set>

namespace mabeam::worker {
namespace {

using Codes = std::vector<Errc>;

std::function<void()> at_start;  // what a starting Watched does

struct Watched {
  static constexpr AgentType type{.name = "watched"};
  using State = Memory;

  Result<> on_start(Context&, State&) const {
    at_start();
    return {};
  }
};

/// Fills most of a ring when it starts and when it ends, and takes no notice of refusals.
struct Wordy {
  static constexpr AgentType type{.name = "wordy"};
  using State = Memory;

  static void say(Context& context) {
    const std::vector<std::byte> words(kQuarterRing);
    for (int i = 0; i < 3; ++i)
      (void)context.send(client_id(kFirstClient), "word", std::span{words});
  }

  Result<> on_start(Context& context, State&) const {
    say(context);
    return {};
  }

  Result<> on_stop(Context& context, State&) const {
    say(context);
    return {};
  }
};

class ShardBulk : public ShardTest {
 protected:
  ShardBulk() { adopt(0, 2, kAll).value(); }

  static std::vector<AgentId> ids_in(const Letter& letter) {
    std::vector<AgentId> ids(letter.payload.size() / sizeof(AgentId));
    std::memcpy(ids.data(), letter.payload.data(), ids.size() * sizeof(AgentId));
    return ids;
  }

  std::vector<AgentId> create_many(Wish wish) {
    post_create(wish);
    run(wish.shard);
    return ids_in(take(Priority::high).at(0));
  }

  Errc refusal(const Wish& wish) {
    const Result<AgentId> made = create(wish);
    return made ? Errc{} : made.error().code;
  }

  void post_stop(const std::vector<AgentId>& ids) {
    post({EndpointId{1}, 0, 0}, "stop", std::as_bytes(std::span{ids}),
         {.kind = shm::Kind::stop_many});
  }

  static Codes codes_in(const Letter& letter) {
    Codes codes(letter.payload.size() / sizeof(Errc));
    std::memcpy(codes.data(), letter.payload.data(), codes.size() * sizeof(Errc));
    return codes;
  }

  Codes stop_many(const std::vector<AgentId>& ids) {
    post_stop(ids);
    run();
    return codes_in(take(Priority::high).at(0));
  }

  using Bytes = std::vector<std::byte>;

  [[nodiscard]] Bytes copy() const { return {segment_.bytes().begin(), segment_.bytes().end()}; }

  void put_back(const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), segment_.bytes().begin());
  }

  /// What a death between COMMIT and APPLY leaves of the turn that led from `before` to `after`.
  void unapply(const Bytes& before, const Bytes& after) {
    put_back(before);
    const shm::SegmentWords words{segment_, 0};
    const std::uint64_t turn = segment_.turn(0).committed.load() + 1;
    put_back(after);
    const shm::RedoList list = segment_.turn(0).lists[turn & 1U];
    ASSERT_EQ(list.turn, turn);
    put_back(before);
    std::vector<std::pair<shm::Word*, std::uint64_t>> old;
    for (std::uint32_t i = 0; i < list.count; ++i) {
      shm::Word* word = words.resolve(list.entries[i]).value();
      old.emplace_back(word, word->load());
    }
    put_back(after);
    for (const auto& [word, value] : old)
      word->store(value);
    segment_.turn(0).applied.store(turn - 1);
    ASSERT_EQ(segment_.turn(0).committed.load(), turn);
  }

  [[nodiscard]] std::uint64_t living() const {
    std::uint64_t count = 0;
    for (std::uint32_t slot = 0; slot < kAgentsPerShard; ++slot) {
      const auto word = segment_.agents(0).record(slot).slot_word.load();
      if (shm::SlotWord::unpack(word).lifecycle != 0) ++count;
    }
    return count;
  }

  static constexpr std::span<const TypeDescriptor> kAll =
      kTypes<Puppet, BigPuppet, Named, Stillborn, Watched, Wordy>;
};

TEST_F(ShardBulk, OneMessageMakesManyInOneTurn) {
  post_create({.count = kAgentsPerShard});
  EXPECT_EQ(turn(), 1U);
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  const std::vector<AgentId> ids = ids_in(replies.front());
  ASSERT_EQ(ids.size(), kAgentsPerShard);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end())) << "in the order in which they were made";
  EXPECT_EQ(std::set<AgentId>(ids.begin(), ids.end()).size(), ids.size());
  for (const AgentId id : ids)
    EXPECT_TRUE(segment_.is_alive(id));
  EXPECT_EQ(record().agents_live, kAgentsPerShard);
  EXPECT_EQ(record().agents_created, kAgentsPerShard);
}

TEST_F(ShardBulk, OneMoreThanThereIsRoomForMakesNone) {
  const AgentId first = create().value();
  EXPECT_EQ(refusal({.count = kAgentsPerShard}), Errc::too_many_agents);
  EXPECT_EQ(living(), 1U);
  EXPECT_EQ(record().agents_created, 1U);
  const std::vector<AgentId> ids = create_many({.count = kAgentsPerShard - 1});
  ASSERT_EQ(ids.size(), kAgentsPerShard - 1);
  EXPECT_EQ(ids.front().slot(), first.slot() + 1);
  for (const AgentId id : ids)
    EXPECT_EQ(id.generation(), 1U) << "no slot was given out before";
}

TEST_F(ShardBulk, SubscriptionsAreThereForAllOrNoneIsMade) {
  EXPECT_EQ(refusal({.subscribe = {"a", "b"}, .count = 3}), Errc::subscriptions_full);
  EXPECT_EQ(living(), 0U);
  EXPECT_EQ(subscriptions_used(), 0U);
  const std::vector<AgentId> ids = create_many({.subscribe = {"job.*", "b"}, .count = 2});
  EXPECT_EQ(subscriptions_used(), kSubscriptions);
  emit("job.a", 7);
  run();
  for (const AgentId id : ids)
    EXPECT_EQ(state(id).sum, 7);
  EXPECT_EQ(stop_many(ids), (Codes{Errc{}, Errc{}}));
  EXPECT_EQ(subscriptions_used(), 0U);
}

TEST_F(ShardBulk, EntriesOfTheEndedAreGivenOutAgain) {
  for (std::int64_t round = 1; round <= 5; ++round) {
    const std::vector<AgentId> ids = create_many({.subscribe = {"job.*"}, .count = kSubscriptions});
    ASSERT_EQ(ids.size(), kSubscriptions);
    emit("job.a", round);
    run();
    for (const AgentId id : ids)
      EXPECT_EQ(state(id).all(), (std::vector<std::int64_t>{round}));
    ASSERT_EQ(stop(ids[1]), Errc{});
    ASSERT_EQ(stop_many({ids[3], ids[0], ids[2]}), Codes(3));
    ASSERT_EQ(subscriptions_used(), 0U);
  }
}

TEST_F(ShardBulk, OneThatRefusesToStartUndoesAll) {
  EXPECT_EQ(refusal({.type = "stillborn", .count = 3}), Errc::schema_mismatch);
  EXPECT_EQ(living(), 0U);
  EXPECT_TRUE(take(Priority::normal).empty());
}

TEST_F(ShardBulk, WrongCountsAreRefused) {
  for (const std::uint32_t count : {0U, 65U, 1U << 20U, ~0U}) {
    EXPECT_EQ(refusal({.count = count}), Errc::invalid_argument) << count;
  }
  const std::uint32_t home = shm::shard_of_name("bob", 2);
  EXPECT_EQ(refusal({.type = "named", .name = "bob", .shard = home, .count = 2}),
            Errc::invalid_argument);
  EXPECT_EQ(living(), 0U);
  EXPECT_FALSE(segment_.find_agent("bob"));
}

TEST_F(ShardBulk, ParentIsKeptIfItLives) {
  const AgentId parent = create({.shard = 1}).value();
  const std::vector<AgentId> ids = create_many({.count = 2, .parent = parent});
  for (const AgentId id : ids)
    EXPECT_EQ(segment_.agents(0).profile(id.slot()).parent, parent.value());
  EXPECT_EQ(segment_.agents(1).profile(parent.slot()).parent, 0U);
  const AgentId stale{parent.endpoint(), parent.slot(), parent.generation() + 1};
  for (const AgentId nobody : {stale, client_id(kFirstClient), AgentId{~std::uint64_t{0}}})
    EXPECT_EQ(refusal({.parent = nobody}), Errc::not_found);
  EXPECT_EQ(living(), 2U);
}

TEST_F(ShardBulk, DeathUnderAStartLeavesNoneAndThenAllOnce) {
  Bytes killed;
  int starts = 0;
  at_start = [&] {
    if (++starts == 3) killed = copy();
  };
  post_create({.type = "watched", .count = 5});
  run();
  ASSERT_EQ(starts, 5);
  put_back(killed);
  ASSERT_TRUE(adopt(0, 3, kAll));
  EXPECT_EQ(living(), 0U);
  EXPECT_EQ(record().blamed_count, 1U) << "the message was running";
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(ids_in(replies.front()).size(), 5U);
  EXPECT_EQ(living(), 5U);
  EXPECT_EQ(record().agents_created, 5U);
}

TEST_F(ShardBulk, DeathAfterTheCommitLeavesAllOnce) {
  post_create({.subscribe = {"job.*"}, .count = 4});
  run();  // the first wish to listen ends a turn
  ASSERT_EQ(take(Priority::high).size(), 1U);
  ASSERT_EQ(stop_many({{EndpointId{1}, 0, 1}, {EndpointId{1}, 1, 1}, {EndpointId{1}, 2, 1}}),
            Codes(3));
  post_create({.subscribe = {"job.*"}, .count = 3});
  const Bytes before = copy();
  ASSERT_EQ(turn(), 1U);
  unapply(before, copy());
  EXPECT_EQ(living(), 1U) << "not visible before it is applied";
  ASSERT_TRUE(adopt(0, 3, kAll));
  EXPECT_EQ(living(), 4U);
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(record().agents_live, 4U);
  EXPECT_EQ(record().agents_created, 7U);
  for (const AgentId id : ids_in(replies.front()))
    EXPECT_EQ(id.generation(), 2U);
  EXPECT_EQ(subscriptions_used(), 4U);
  EXPECT_EQ(refusal({.subscribe = {"a"}}), Errc::subscriptions_full);
}

TEST_F(ShardBulk, EveryStopIsAnsweredInOrder) {
  const std::vector<AgentId> ids = create_many({.count = 4});
  const AgentId elsewhere = create({.shard = 1}).value();
  const AgentId stale{ids[2].endpoint(), ids[2].slot(), ids[2].generation() + 1};
  EXPECT_EQ(
      stop_many({ids[3], stale, elsewhere, ids[0], ids[3], AgentId{~std::uint64_t{0}}}),
      (Codes{Errc{}, Errc::not_found, Errc::not_found, Errc{}, Errc::not_found, Errc::not_found}));
  EXPECT_EQ(living(), 2U);
  EXPECT_TRUE(segment_.is_alive(ids[1]) && segment_.is_alive(ids[2]));
  EXPECT_TRUE(segment_.is_alive(elsewhere));
  EXPECT_EQ(record().agents_stopped, 2U);
  EXPECT_EQ(create_many({.count = 6}).size(), 6U) << "their slots are free, each once";
}

TEST_F(ShardBulk, EachSaysItsLastWord) {
  EXPECT_EQ(stop_many(create_many({.type = "named", .count = 3})), Codes(3));
  const std::vector<Letter> letters = take(Priority::normal);
  EXPECT_EQ(std::count_if(letters.begin(), letters.end(),
                          [](const Letter& letter) { return letter.name == "bye"; }),
            3);
}

// Undoing such a stop would need a pre-image of each.
TEST_F(ShardBulk, AgentsThatTheTurnHasTouchedAreEndedAlone) {
  const std::vector<AgentId> ids = create_many({.count = 3});
  post(ids[0], "add", Task{.value = 5});
  post(ids[2], "add", Task{.value = 6});
  post_stop(ids);
  EXPECT_EQ(turn(), 3U);
  EXPECT_EQ(codes_in(take(Priority::high).at(0)),
            (Codes{Errc::too_many_changes, Errc{}, Errc::too_many_changes}));
  EXPECT_EQ(living(), 2U);
  EXPECT_EQ(state(ids[0]).sum, 5);
  EXPECT_EQ(stop(ids[0]), Errc{});
}

TEST_F(ShardBulk, WhatEndsWithItsTreeIsAskedForAlone) {
  const std::vector<AgentId> ids = create_many({.count = 2});
  const shm::SlotWord ending{ids[1].generation(),
                             static_cast<std::uint8_t>(Lifecycle::terminating)};
  segment_.agents(0).record(ids[1].slot()).slot_word.store(ending.pack());
  EXPECT_EQ(stop_many(ids), (Codes{Errc{}, Errc::too_many_changes}));
  EXPECT_TRUE(segment_.exists(ids[1]));
}

TEST_F(ShardBulk, WordsThatFitOnlyAloneAreNotLost) {
  EXPECT_EQ(refusal({.type = "wordy", .count = 2}), Errc::message_too_large);
  EXPECT_EQ(living(), 0U);
  EXPECT_TRUE(take(Priority::normal).empty());
  std::vector<AgentId> ids;
  for (int i = 0; i < 2; ++i) {
    ids.push_back(create({.type = "wordy"}).value());
    EXPECT_EQ(take(Priority::normal).size(), 3U);
  }
  post_stop(ids);
  run();
  EXPECT_EQ(take(Priority::high).at(0).code, Errc::message_too_large);
  EXPECT_EQ(living(), 2U);
  EXPECT_TRUE(take(Priority::normal).empty());
  for (const AgentId id : ids) {
    EXPECT_EQ(stop(id), Errc{});
    EXPECT_EQ(take(Priority::normal).size(), 3U);
  }
}

TEST_F(ShardBulk, ListsThatAreNoneAreRefused) {
  const AgentId agent = create().value();
  const std::vector<AgentId> many(65, agent);
  post_stop(many);
  post_stop({});
  post({EndpointId{1}, 0, 0}, "stop", "1234567", {.kind = shm::Kind::stop_many});
  run();
  const std::vector<Letter> replies = take(Priority::high);
  ASSERT_EQ(replies.size(), 3U);
  for (const Letter& reply : replies)
    EXPECT_EQ(reply.code, Errc::invalid_argument);
  EXPECT_TRUE(segment_.is_alive(agent));
}

TEST_F(ShardBulk, TheMostOfOneMessageAreAnswered) {
  const std::vector<AgentId> ids(64, create().value());
  Codes expected(64, Errc::not_found);
  expected[0] = Errc{};
  EXPECT_EQ(stop_many(ids), expected);
}

}  // namespace
}  // namespace mabeam::worker
