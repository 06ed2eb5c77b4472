// The main function of a sweep: runs every case, prints a line for each and one for all.
//
//   name_sweep [--stride N] [--kills N] [--expect-broken]
//
//   --stride N        examines each N-th instruction only (1)
//   --kills N         that many real SIGKILLs a case, spread over it (6); 0: after every
//   instruction
//   --expect-broken   succeeds only if something is found broken: the program holds a mutant
#pragma once

#include "tests/support/instruction_sweep.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mabeam::testing {

struct SweepArguments {
  std::uint64_t stride = 1;
  std::uint64_t kills = 6;
  bool expects_broken = false;
};

/// Nothing, and a line on standard error, if there is a word that it does not know: exit with 64.
std::optional<SweepArguments> parse_sweep_arguments(int argc, char** argv);

struct SweepCase {
  std::string name;
  Sweep sweep;
  std::uint64_t least_points = 500;  ///< fewer: it did not sweep what it says
  /// Parent, after the whole operation: what it should have come to and has not. None: nothing.
  std::function<std::string()> at_end = {};
};

/// Adds up what several sweeps came to.
class SweepTally {
 public:
  void add(const std::string& name, const SweepResult& result);
  void add_broken(const std::string& name, const std::string& what);
  /// Prints the last line. The exit status of the program.
  [[nodiscard]] int finish(const std::string& subject, const SweepArguments& arguments) const;

 private:
  SweepResult all_;
};

/// Sweeps a case, then kills in it. Returns about how many instructions it has.
std::uint64_t run_case(const SweepCase& each, const SweepArguments& arguments, SweepTally& tally);

/// The whole main function.
int sweep_main(int argc, char** argv, const std::string& subject,
               const std::vector<SweepCase>& cases);

}  // namespace mabeam::testing
