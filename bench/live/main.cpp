// live: what a running runtime does under a blow, or at full speed. The runtime is MABEAM_NAME's.
//
//   live restarts 200, hangs 60, limits 10, moves 200, takeovers 10, rates 10000
#include "bench/live/live.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace mabeam::bench {
namespace {

struct Command {
  std::string_view name;
  void (*run)(Live& live, std::uint64_t number);
};

constexpr std::array kCommands{Command{"restarts", restarts},   Command{"hangs", hangs},
                               Command{"limits", limits},       Command{"moves", moves},
                               Command{"takeovers", takeovers}, Command{"rates", rates}};

int run(std::string_view word, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc{} && end == text.data() + text.size() && number != 0;
  const char* const name = std::getenv("MABEAM_NAME");  // NOLINT(concurrency-mt-unsafe)
  for (const Command& command : kCommands) {
    if (command.name != word || !is_number || name == nullptr) continue;
    Live live{name};
    command.run(live, number);
    return 0;
  }
  std::fprintf(stderr,
               "usage: MABEAM_NAME=N live restarts|hangs|limits|moves|takeovers|rates NUMBER\n");
  return 64;
}

}  // namespace
}  // namespace mabeam::bench

int main(int argc, char** argv) {
  return argc == 3 ? mabeam::bench::run(argv[1], argv[2]) : mabeam::bench::run("", "");
}
