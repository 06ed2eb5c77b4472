#include "bench/alternate.hpp"

#include "bench/quantile.hpp"
#include "bench/two_processes.hpp"

#include <chrono>

namespace mabeam::bench {
namespace {

using std::chrono::steady_clock;

/// Where the two processes wait for each other; each counts its own meetings.
class Meeting {
 public:
  explicit Meeting(std::atomic<std::uint64_t>& arrived) : arrived_(arrived) {}

  void meet() {
    target_ += 2;
    arrived_.fetch_add(1);
    while (arrived_.load() < target_) {
    }
  }

 private:
  std::atomic<std::uint64_t>& arrived_;
  std::uint64_t target_ = 0;
};

double measure(const Way& way, Meeting& meeting) {
  meeting.meet();
  const auto began = steady_clock::now();
  const double nanoseconds = way.parent();
  meeting.meet();
  const std::chrono::duration<double> seconds = steady_clock::now() - began;
  return way.messages == 0 ? nanoseconds : static_cast<double>(way.messages) / seconds.count();
}

void report(benchmark::State& state, const std::vector<Way>& ways,
            const std::vector<std::vector<double>>& values) {
  for (std::size_t w = 0; w < ways.size(); ++w) {
    const Way& way = ways[w];
    state.counters[way.name + (way.messages == 0 ? "_ns" : "_per_s")] = median(values[w]);
    if (w == 0) continue;
    std::vector<double> ratios;
    for (std::size_t round = 0; round < values[w].size(); ++round)
      ratios.push_back(values[w][round] / values[0][round]);
    state.counters[way.name + "_ratio"] = median(ratios);
  }
}

}  // namespace

void alternate(benchmark::State& state, const std::vector<Way>& ways, std::size_t rounds) {
  const Shared<std::atomic<std::uint64_t>> arrived;
  std::vector<std::vector<double>> values(ways.size());
  const double seconds = run_pair(
      [&] {
        Meeting meeting{*arrived};
        for (std::size_t round = 0; round <= rounds; ++round) {
          for (std::size_t w = 0; w < ways.size(); ++w) {
            const double value = measure(ways[w], meeting);
            if (round != 0) values[w].push_back(value);  // the first one warms up
          }
        }
      },
      [&] {
        Meeting meeting{*arrived};
        for (std::size_t round = 0; round <= rounds; ++round) {
          for (const Way& way : ways) {
            meeting.meet();
            way.child();
            meeting.meet();
          }
        }
      });
  state.SetIterationTime(seconds);
  report(state, ways, values);
}

}  // namespace mabeam::bench
