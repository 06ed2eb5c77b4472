// Writes manual pages, completions and the reference of the configuration into a folder. Run by the
// build; never installed.
#include "tools/commands.hpp"
#include "tools/completion/scripts.hpp"

#include "packaging/generate/pages.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  using namespace mabeam;
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " FOLDER\n";
    return 64;
  }

  struct Page {
    const char* name;
    std::string text;
  };

  const std::array pages{
      Page{"mabeam.1", packaging::command_manual()},
      Page{"mabeam-supervisor.8", packaging::supervisor_manual()},
      Page{"mabeam.toml.5", packaging::configuration_manual()},
      Page{"configuration.md", packaging::configuration_page()},
      Page{"bash/mabeam", tools::completion::bash(tools::commands())},
      Page{"bash/mabeam-supervisor", packaging::supervisor_bash()},
      Page{"zsh/_mabeam", tools::completion::zsh(tools::commands())},
      Page{"zsh/_mabeam-supervisor", packaging::supervisor_zsh()},
  };
  for (const Page& page : pages) {
    const std::filesystem::path path = std::filesystem::path(argv[1]) / page.name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path);
    file << page.text << std::flush;
    if (!file) {
      std::cerr << "cannot write " << path << '\n';
      return 73;
    }
  }
}
