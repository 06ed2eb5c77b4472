// FakeGroups: a tree of folders with the files of control groups, which do nothing.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <stdlib.h>

namespace mabeam::tests {

class FakeGroups {
 public:
  FakeGroups() {
    std::string pattern = std::filesystem::temp_directory_path() / "mabeam-groups-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }

  FakeGroups(const FakeGroups&) = delete;
  FakeGroups& operator=(const FakeGroups&) = delete;

  ~FakeGroups() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Makes a folder with these files. Returns its path.
  std::string add(const std::string& name, const std::map<std::string, std::string>& files) const {
    const std::string folder = path_ + "/" + name;
    std::filesystem::create_directories(folder);
    for (const auto& [file, text] : files)
      std::ofstream{folder + "/" + file} << text;
    return folder;
  }

  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream stream{path_ + "/" + file};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }

 private:
  std::string path_;
};

}  // namespace mabeam::tests
