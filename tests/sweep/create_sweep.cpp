// Creating agents: the worker is killed after every instruction of a turn that makes one, named and
// subscribed, or seven at once, each with metadata. In the end each of them is there, once, and has
// said so once.
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"

#include <set>

namespace {

using namespace mabeam;
using testing::Arrived;
using testing::SweepStage;

constexpr std::string_view kNoted = R"({"of":"a sweep"})";

/// Says that it was born, and to whom.
struct Child {
  static constexpr AgentType type{.name = "child"};

  struct State {
    std::int64_t births = 0;
  };

  Result<> on_start(Context& context, State& state) const {
    ++state.births;
    return context.send(testing::client_id(testing::kSink), "born", context.self().value());
  }
};

std::string check_born(const SweepStage& stage, std::size_t count, std::string_view name) {
  std::set<std::int64_t> born;
  for (const Arrived& message : stage.take(testing::kSink)) {
    if (!born.insert(message.value()).second) return "one was born twice";
  }
  if (born.size() != count) return std::to_string(born.size()) + " were born";
  const std::vector<Arrived> replies = stage.take(testing::kAsker);
  if (replies.size() != 1 || replies.front().code != Errc{}) return "there is no single answer";
  for (std::size_t i = 0; i < count; ++i) {
    const AgentId id{static_cast<std::uint64_t>(replies.front().value(i))};
    if (born.erase(static_cast<std::int64_t>(id.value())) != 1) return "another one was answered";
    if (!stage.segment().is_alive(id)) return "one that was answered is not there";
    if (stage.state<Child::State>(id).births != 1) return "its state is not that of one birth";
    if (!name.empty() && stage.segment().find_agent(name) != id) return "it has not its name";
    if (stage.noted(id) != kNoted) return "what is noted of it is not";
  }
  const std::uint64_t live = stage.segment().live_agents();
  return live == count ? "" : std::to_string(live) + " agents live";
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t kBatch = 7;  // as many as have metadata
  SweepStage one{kTypes<Child>};
  const std::string name = testing::name_on(0);
  const std::array<std::string_view, 2> patterns{"a.b", "a.*"};
  const std::array<std::string_view, 1> capabilities{"walk"};
  one.post_create(
      "child",
      {.name = name, .subscribe = patterns, .capabilities = capabilities, .metadata = kNoted});
  one.freeze();
  SweepStage many{kTypes<Child>};
  many.post_create("child", {.metadata = kNoted}, kBatch);
  many.freeze();
  return testing::sweep_main(
      argc, argv, "create",
      {{.name = "one agent", .sweep = one.sweep_turns([&] { return check_born(one, 1, name); })},
       {.name = "a batch",
        .sweep = many.sweep_turns([&] { return check_born(many, kBatch, {}); })}});
}
