// Invocation: how this program was started, so that it, or another that has taken its place in the
// file system since, can be run in the same way.
#pragma once

#include <string>
#include <vector>

namespace mabeam::supervisor {

struct Invocation {
  std::string program;                 ///< a path, as it was called: a link in it stays a link
  std::vector<std::string> arguments;  ///< the program's name first

  /// What main() was called with. The path is found now, while it still leads to this program.
  static Invocation of(int argc, const char* const* argv);
};

}  // namespace mabeam::supervisor
