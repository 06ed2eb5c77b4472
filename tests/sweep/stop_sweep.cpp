// Stopping a tree over two shards: the worker is killed after every instruction of the turns that
// end the agents of its shard, tell the other whom, and are told. In the end all of them are gone,
// each has said goodbye once, after its children on its own shard, and nobody else is.
#include "shm/registry.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

#include <map>

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepStage;

/// Says goodbye.
struct Member {
  static constexpr AgentType type{.name = "member"};

  struct State {
    std::int64_t pulse = 0;
  };

  Result<> on_stop(Context& context, State&) const {
    return context.send(testing::client_id(testing::kSink), "bye", context.self().value());
  }
};

/// An agent of either shard, two children and their four: one of each two on the other shard.
class Family {
 public:
  /// Where the root is. Only what is done on shard 0 is swept: if it is on shard 1, that has ended
  /// its part, and told so.
  explicit Family(std::uint32_t shard) {
    add({}, shard);
    for (std::size_t parent = 0; parent < 3; ++parent) {
      for (std::uint32_t child = 0; child < 2; ++child)
        add(members_[parent], child);
    }
    stranger_ = stage_.create("member");
    const shm::StopRequest request{.with_children = 1};
    stage_.post(members_.front(), "stop", request, shm::Kind::stop);
    if (shard == 1) {
      testing::SweepOwner owner{stage_.segment(), stage_.types(), 1};
      owner.adopt(1).value();
      owner.run();
    }
    stage_.freeze();
  }

  testing::Sweep sweep() {
    return stage_.sweep_turns([this] { return check(); });
  }

 private:
  // A name decides the shard.
  void add(AgentId parent, std::uint32_t shard) {
    std::string name;
    do {
      name = "member-" + std::to_string(++names_);
    } while (shm::shard_of_name(name, testing::kShards) != shard);
    members_.push_back(stage_.create("member", {.name = name, .parent = parent}));
    if (parent.endpoint() == members_.back().endpoint()) parent_of_[members_.back()] = parent;
  }

  [[nodiscard]] std::string check() const {
    std::map<AgentId, std::size_t> said;
    for (const Arrived& message : stage_.take(testing::kSink)) {
      if (!said.emplace(message.source, said.size()).second) return "one has said goodbye twice";
    }
    for (const AgentId member : members_) {
      if (stage_.segment().exists(member)) return "one of the tree still lives";
      if (!said.contains(member)) return "one has not said goodbye";
    }
    for (const auto& [child, parent] : parent_of_) {
      if (said.at(child) > said.at(parent)) return "a parent has ended before its child";
    }
    if (said.size() != members_.size()) return "a stranger has said goodbye";
    if (!stage_.segment().is_alive(stranger_)) return "a stranger was stopped";
    const std::vector<Arrived> replies = stage_.take(testing::kAsker);
    if (replies.size() != 1 || replies.front().code != Errc{}) return "there is no single answer";
    const std::uint64_t stopped = stage_.record(0).agents_stopped + stage_.record(1).agents_stopped;
    return stopped == members_.size() ? "" : "the count is wrong";
  }

  SweepStage stage_{kTypes<Member>};
  std::vector<AgentId> members_;          // the root, its children, theirs
  std::map<AgentId, AgentId> parent_of_;  // of those on one shard
  AgentId stranger_;
  int names_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Family here{0};
  Family there{1};
  return testing::sweep_main(
      argc, argv, "stop with children",
      {{.name = "a tree over two shards, from its root", .sweep = here.sweep()},
       {.name = "a tree over two shards, once told", .sweep = there.sweep()}});
}
