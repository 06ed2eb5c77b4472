// Stopping a tree: the worker is killed after every instruction of the turns that end an agent, its
// two children and their four. In the end all of them are gone, each has said goodbye once, after
// its children, and nobody else is.
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

class Family {
 public:
  Family() {
    members_.push_back(stage_.create("member"));
    for (std::size_t parent = 0; parent < 3; ++parent) {
      for (int i = 0; i < 2; ++i) {
        members_.push_back(stage_.create("member", {.parent = members_[parent]}));
        parent_of_[members_.back()] = members_[parent];
      }
    }
    stranger_ = stage_.create("member");
    const shm::StopRequest request{.with_children = 1};
    stage_.post(members_.front(), "stop", request, shm::Kind::stop);
    stage_.freeze();
  }

  testing::Sweep sweep() {
    return stage_.sweep_turns([this] { return check(); });
  }

 private:
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
    return stage_.record().agents_stopped == members_.size() ? "" : "the count is wrong";
  }

  SweepStage stage_{kTypes<Member>};
  std::vector<AgentId> members_;  // the root, its children, theirs
  std::map<AgentId, AgentId> parent_of_;
  AgentId stranger_;
};

}  // namespace

int main(int argc, char** argv) {
  Family family;
  return testing::sweep_main(argc, argv, "stop with children",
                             {{.name = "a tree of seven", .sweep = family.sweep()}});
}
