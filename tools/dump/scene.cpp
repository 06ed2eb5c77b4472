#include "tools/dump/scene.hpp"

#include "tools/cli/human.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mabeam::tools {

namespace {

constexpr std::size_t kLettersShown = 10;

void note_unreadable(Scene& scene) {
  const PostMortem& past = scene.past;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count != 0) scene.unreadable.push_back(human_count(count) + " " + std::string{what});
  };
  add(past.recorder.damaged, "facts are damaged");
  add(past.recorder.torn, "facts were not written to their ends");
  add(past.damaged_backtraces, "backtraces are damaged");
  add(past.damaged_rings, "rings have damaged headers");
  add(static_cast<std::uint64_t>(std::count_if(past.waiting.begin(), past.waiting.end(),
                                               [](const auto& ring) { return ring.is_damaged; })),
      "rings do not parse to their ends");
  add(scene.letters.damaged, "logs of dead letters do not parse to their ends");
}

/// Those of so long before the newest, by the clock that nobody sets.
void keep_last(std::vector<FactView>& facts, std::chrono::nanoseconds last) {
  std::int64_t newest = 0;
  for (const FactView& fact : facts)
    newest = std::max(newest, fact.monotonic_ns);
  std::erase_if(facts,
                [&](const FactView& fact) { return fact.monotonic_ns < newest - last.count(); });
}

}  // namespace

Scene look_at_scene(const Observer& observer, std::chrono::nanoseconds last) {
  Scene scene{.runtime = observer.runtime(),
              .past = observer.post_mortem(),
              .letters = observer.dead_letters({.limit = kLettersShown}),
              .places = {},
              .last = last,
              .unreadable = {}};
  note_unreadable(scene);
  keep_last(scene.past.recorder.facts, last);
  Symboliser symboliser;
  for (const BacktraceView& backtrace : scene.past.backtraces) {
    auto& places = scene.places.emplace_back();
    for (std::size_t frame = 0; frame < backtrace.frames.size(); ++frame)
      places.push_back(symboliser.find(backtrace, frame));
  }
  return scene;
}

std::string signal_text(std::int32_t signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : std::string{"SIG"} + name;
}

}  // namespace mabeam::tools
