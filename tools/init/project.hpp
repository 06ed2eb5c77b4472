// The project that `mabeam init` begins: one agent, its test, and what builds and runs them.
#pragma once

#include "tools/cli/failure.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mabeam::tools::init {

struct File {
  std::string name;
  std::string text;
};

/// The name of an agent type, of a runtime and of a C++ program at once: a to z, 0 to 9 and _, the
/// first a letter, at most 32, and not one that is built in. Errors: usage.
Outcome<std::string> type_name(std::string_view text);

/// The same, of what a folder is called: "Job-Queue" is job_queue. Errors: usage.
Outcome<std::string> type_name_of(const std::filesystem::path& folder);

/// The files of a project whose agent type has that name.
std::vector<File> project(std::string_view type);

/// Puts the files there; makes the folder if there is none. Errors: refused: it is not empty, or
/// cannot be written.
Outcome<Exit> write(const std::filesystem::path& folder, const std::vector<File>& files);

}  // namespace mabeam::tools::init
