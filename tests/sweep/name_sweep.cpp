// Entering a name: two clients ask for an agent of the same name, and the worker is killed after
// every instruction of it. There is one owner in the end, never two and never none, and whoever
// looks meanwhile finds nobody or the one whom everybody finds from then on. The same where the
// name changes hands: its owner stops, and another gets it.
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

#include <algorithm>
#include <string>

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepStage;

const std::string kName = testing::name_on(0);  // NOLINT(cert-err58-cpp): a test ends then

struct Bearer {
  static constexpr AgentType type{.name = "bearer"};

  struct State {
    std::int64_t pulse = 0;
  };
};

class Contest {
 public:
  /// Both ask for the name; or its owner, which there is, is stopped and then one asks.
  explicit Contest(bool has_owner) : has_owner_(has_owner) {
    stage_.create("bearer");
    if (has_owner) {
      owner_ = stage_.create("bearer", {.name = kName});
      stage_.post(owner_, "stop", {}, shm::Kind::stop);
    } else {
      stage_.post_create("bearer", {.name = kName}, 1, testing::kSink);
    }
    stage_.post_create("bearer", {.name = kName});
    stage_.freeze();
  }

  testing::Sweep sweep() {
    testing::Sweep sweep = stage_.sweep_turns([this] { return check(); });
    sweep.reset = [this] {
      stage_.reset();
      seen_ = {};
      wrong_.clear();
    };
    sweep.meanwhile = [this] { look(); };
    return sweep;
  }

 private:
  /// What somebody else finds at this moment.
  void look() {
    const Result<AgentId> found = stage_.segment().find_agent(kName);
    if (!found || *found == owner_) return;
    if (!stage_.segment().is_alive(*found)) wrong_ = "one that does not live was found";
    if (seen_ && *found != seen_) wrong_ = "two owners were found";
    seen_ = *found;
  }

  [[nodiscard]] std::string check() {
    if (!wrong_.empty()) return wrong_;
    const Result<AgentId> found = stage_.segment().find_agent(kName);
    if (!found) return "the name has no owner";
    if (*found == owner_) return "the name is still that of the one who stopped";
    if (seen_ && *found != seen_) return "the name has another owner than was found before";
    std::vector<Arrived> answers = stage_.take(testing::kAsker);
    for (const Arrived& answer : stage_.take(testing::kSink))
      answers.push_back(answer);
    if (answers.size() != 2) return "there are not two answers";
    const auto refused = std::count_if(answers.begin(), answers.end(), [](const Arrived& answer) {
      return answer.code == Errc::name_taken;
    });
    if (refused != (has_owner_ ? 0 : 1)) return "the name was given out twice, or not at all";
    const auto told = std::any_of(answers.begin(), answers.end(), [&](const Arrived& answer) {
      return answer.code == Errc{} && answer.value() == static_cast<std::int64_t>(found->value());
    });
    if (!told) return "nobody was told who got the name";
    if (stage_.segment().live_agents() != 2) return "there are not two agents";
    return hand_on(*found);
  }

  /// The name is free when its owner ends, and can be given out again: nothing is left of it.
  std::string hand_on(AgentId owner) {
    stage_.post(owner, "stop", {}, shm::Kind::stop);
    if (!stage_.run(1001)) return "a shard could not be adopted";
    if (stage_.segment().find_agent(kName)) return "the name outlives its owner";
    if (std::string broken = stage_.fault(); !broken.empty()) return broken;
    stage_.post_create("bearer", {.name = kName});
    if (!stage_.run(1002)) return "a shard could not be adopted";
    return stage_.segment().find_agent(kName) ? "" : "the name is never given out again";
  }

  SweepStage stage_{kTypes<Bearer>};
  const bool has_owner_;
  AgentId owner_;  // who had the name at first
  AgentId seen_;   // who was found since
  std::string wrong_;
};

}  // namespace

int main(int argc, char** argv) {
  Contest two{false};
  Contest heir{true};
  return testing::sweep_main(argc, argv, "name insert",
                             {{.name = "two ask for it", .sweep = two.sweep()},
                              {.name = "it changes hands", .sweep = heir.sweep()}});
}
