#include "tests/support/sweep_main.hpp"

#include <charconv>
#include <cstdio>
#include <string_view>

namespace mabeam::testing {

std::optional<SweepArguments> parse_sweep_arguments(int argc, char** argv) {
  SweepArguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--expect-broken") {
      arguments.expects_broken = true;
      continue;
    }
    const bool is_stride = word == "--stride";
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if ((!is_stride && word != "--kills") || value.empty() || error != std::errc{} ||
        end != value.data() + value.size() || (is_stride && number == 0)) {
      std::fprintf(stderr, "usage: %s [--stride N] [--kills N] [--expect-broken]\n", argv[0]);
      return std::nullopt;
    }
    (is_stride ? arguments.stride : arguments.kills) = number;
    ++i;
  }
  return arguments;
}

void SweepTally::add(const std::string& name, const SweepResult& result) {
  std::printf("%s: %s", name.c_str(), summary(result).c_str());
  if (result.distinct != 0) {
    std::printf(", %llu states", static_cast<unsigned long long>(result.distinct));
  }
  std::printf("\n");
  if (!result.first_broken.empty()) std::printf("  %s\n", result.first_broken.c_str());
  all_.kill_points += result.kill_points;
  all_.recovered += result.recovered;
  all_.broken += result.broken;
  all_.seconds += result.seconds;
}

void SweepTally::add_broken(const std::string& name, const std::string& what) {
  ++all_.broken;
  std::printf("%s: %s\n", name.c_str(), what.c_str());
}

int SweepTally::finish(const std::string& subject, const SweepArguments& arguments) const {
  std::printf("%s: %s\n", subject.c_str(), summary(all_).c_str());
  if (!arguments.expects_broken) return all_.broken == 0 ? 0 : 1;
  std::printf("the mutant was %s\n", all_.broken != 0 ? "caught" : "NOT CAUGHT");
  return all_.broken != 0 ? 0 : 1;
}

std::uint64_t run_case(const SweepCase& each, const SweepArguments& arguments, SweepTally& tally) {
  const SweepResult swept = run_sweep(each.sweep, {.stride = arguments.stride});
  tally.add(each.name + ", stopped after every instruction", swept);
  const std::string wrong = each.at_end && swept.broken == 0 ? each.at_end() : "";
  if (!wrong.empty()) tally.add_broken(each.name, wrong);
  const std::uint64_t instructions = swept.kill_points * arguments.stride;
  if (swept.broken != 0 || arguments.expects_broken) return instructions;
  if (instructions < each.least_points) {
    tally.add_broken(each.name, "it has too few instructions to be what it says");
  }
  tally.add(each.name + ", killed by SIGKILL",
            run_kills(each.sweep, instructions, arguments.kills));
  return instructions;
}

int sweep_main(int argc, char** argv, const std::string& subject,
               const std::vector<SweepCase>& cases) {
  const std::optional<SweepArguments> arguments = parse_sweep_arguments(argc, argv);
  if (!arguments) return 64;
  SweepTally tally;
  for (const SweepCase& each : cases)
    run_case(each, *arguments, tally);
  return tally.finish(subject, *arguments);
}

}  // namespace mabeam::testing
