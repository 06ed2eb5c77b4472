// Descendants, and a client that waits until they are gone; shards are played by hand.
#include "shm/descendants.hpp"

#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Ids = std::vector<AgentId>;

class DescendantsTest : public ClientTest {
 protected:
  AgentId put(std::size_t shard, AgentId parent = {}) {
    const AgentId id = shards_[shard].put_agent();
    set_parent(id, parent);
    return id;
  }

  void set_parent(AgentId id, AgentId parent) const {
    segment_.agents(static_cast<std::uint32_t>(id.endpoint()) - 1).profile(id.slot()).parent =
        parent.value();
  }

  [[nodiscard]] Ids of(AgentId id) const {
    Ids found = descendants_of(segment_, id);
    std::sort(found.begin(), found.end());
    return found;
  }

  Client client_ = attach();
  AgentId root_ = put(0);
  AgentId stranger_ = put(1);
};

TEST_F(DescendantsTest, AreFoundOnAllShards) {
  EXPECT_TRUE(of(root_).empty());
  Ids family{put(0, root_), put(1, root_)};
  family.push_back(put(0, family[1]));
  family.push_back(put(1, family[1]));
  family.push_back(put(1, family[2]));
  put(0, stranger_);
  std::sort(family.begin(), family.end());
  EXPECT_EQ(of(root_), family);
}

TEST_F(DescendantsTest, OfWhoIsGoneOrHasAnotherGenerationAreNone) {
  const AgentId son = put(1, root_);
  const AgentId grandson = put(0, son);
  shards_[1].end_agent(son);
  EXPECT_TRUE(of(root_).empty());
  EXPECT_EQ(of(son), (Ids{grandson}));
  EXPECT_TRUE(of(AgentId{son.endpoint(), son.slot(), son.generation() + 1}).empty());
}

TEST_F(DescendantsTest, InACircleAreFoundOnce) {
  const AgentId son = put(1, root_);
  set_parent(root_, son);
  EXPECT_EQ(of(root_), (Ids{son}));
  set_parent(stranger_, stranger_);
  EXPECT_TRUE(of(stranger_).empty());
}

TEST_F(DescendantsTest, AreWaitedForWhenTheAnswerIsThere) {
  const AgentId son = put(1, root_);
  bool was_there = false;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               shard.end_agent(root_);
                               shard.reply(message);
                               std::this_thread::sleep_for(milliseconds{5});
                               was_there = segment_.exists(son);
                               shards_[1].end_agent(son);
                             }};
    EXPECT_TRUE(client_.stop(root_, {.children = true}, seconds{20}));
    EXPECT_FALSE(segment_.exists(son));
  }
  EXPECT_TRUE(was_there);
}

TEST_F(DescendantsTest, ThatStayCostTheWholeTimeout) {
  put(1, root_);
  const ShardThread thread{shards_,
                           [](FakeShard& shard, const Taken& message) { shard.reply(message); }};
  EXPECT_EQ(code_of(client_.stop(root_, {.children = true}, milliseconds{30})), Errc::timed_out);
  EXPECT_TRUE(client_.stop(root_, StopOptions{}, seconds{20})) << "nobody waits for them now";
}

TEST_F(DescendantsTest, AreNotWaitedForWhereNothingWasEnded) {
  put(1, root_);
  const ShardThread thread{
      shards_, [](FakeShard& shard, const Taken& message) { shard.reply(message, Errc::closed); }};
  EXPECT_EQ(code_of(client_.stop(root_, {.children = true}, seconds{20})), Errc::closed);
}

}  // namespace
}  // namespace mabeam::shm
