// Families over two shards: children of agents of one shard on the other, and both shards run.
#pragma once

#include "tests/worker/children_support.hpp"

#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace mabeam::worker {

class FarChildren : public ShardChildren {
 protected:
  explicit FarChildren(std::uint32_t agents_per_shard = 16) : ShardChildren(agents_per_shard) {}

  /// Children of `parent` on that shard.
  Ids beget(AgentId parent, std::uint32_t shard, std::uint32_t count = 1,
            std::string_view type = "breeder") {
    Ids made;
    while (made.size() < count) {
      const auto some = std::min(count - static_cast<std::uint32_t>(made.size()), 64U);
      post_create({.type = type, .shard = shard, .count = some, .parent = parent});
      run(shard);
      const std::vector<Letter> replies = take(Priority::high);
      if (replies.size() != 1 || replies.front().payload.size() != some * sizeof(AgentId)) {
        throw std::runtime_error("the agents were not made");
      }
      const auto* ids = reinterpret_cast<const AgentId*>(replies.front().payload.data());
      made.insert(made.end(), ids, ids + some);
    }
    take(Priority::normal);
    return made;
  }

  AgentId beget_one(AgentId parent, std::uint32_t shard, std::string_view type = "breeder") {
    return beget(parent, shard, 1, type).front();
  }

  /// As a shard tells the other whose parents have ended. `source` is its endpoint.
  void tell(const std::vector<std::uint64_t>& ids, const shm::StopChildrenRequest& request,
            std::uint32_t source = 1) {
    std::vector<std::byte> payload(sizeof request + ids.size() * sizeof(std::uint64_t));
    std::memcpy(payload.data(), &request, sizeof request);
    if (!ids.empty()) {
      std::memcpy(payload.data() + sizeof request, ids.data(), ids.size() * sizeof ids[0]);
    }
    const EndpointId target = source == 2 ? EndpointId{1} : EndpointId{2};
    post({target, 0, 0}, "x", std::span<const std::byte>{payload},
         {.kind = shm::Kind::stop_children, .client = source});
  }

  /// A turn of each until none takes anything, reading what they say. `after(shard)` follows each
  /// turn.
  template <class After>
  void run_all(After&& after) {
    for (int idle = 0, turns = 0; idle < 4; ++turns) {
      ASSERT_LT(turns, 20'000) << "the shards never came to rest";
      const std::uint32_t index = static_cast<std::uint32_t>(turns) % 2;
      idle = turn(index) == 0 ? idle + 1 : 0;
      hear();
      after(index);
    }
  }

  void run_all() {
    run_all([](std::uint32_t) {});
  }

  void hear() {
    for (const AgentId id : said("bye"))
      goodbyes_.push_back(id);
  }

  /// Everybody of these is gone and has said goodbye once; nobody else has.
  void expect_ended(const Ids& family) {
    EXPECT_EQ(goodbyes_.size(), family.size());
    const std::set<AgentId> heard(goodbyes_.begin(), goodbyes_.end());
    for (const AgentId id : family) {
      EXPECT_FALSE(segment_.exists(id)) << to_string(id);
      EXPECT_TRUE(heard.contains(id)) << to_string(id);
    }
    expect_whole();
  }

  [[nodiscard]] bool is_ending(AgentId id) const {
    return segment_.agents(static_cast<std::uint32_t>(id.endpoint()) - 1).is_terminating(id);
  }

  Ids goodbyes_;
};

}  // namespace mabeam::worker
