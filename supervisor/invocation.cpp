#include "supervisor/invocation.hpp"

#include <filesystem>
#include <system_error>

namespace mabeam::supervisor {

namespace fs = std::filesystem;

// A name without a slash was found by PATH, and what is not this program was made up.
Invocation Invocation::of(int argc, const char* const* argv) {
  Invocation invocation;
  invocation.arguments.assign(argv, argv + argc);
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const fs::path called = argc > 0 ? argv[0] : "";
  const bool is_path = called.string().find('/') != std::string::npos;
  invocation.program = is_path && fs::equivalent(called, self, error)
                           ? fs::absolute(called, error).string()
                           : self.string();
  if (invocation.arguments.empty()) invocation.arguments.push_back(invocation.program);
  return invocation;
}

}  // namespace mabeam::supervisor
