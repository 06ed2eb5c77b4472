// Replays a fuzz target's corpus: every file of a folder, or a single file that a fuzzer has left.
//
//   topics_corpus tests/fuzz/corpus/topics
//   topics_corpus crash-0123456789abcdef
#include "tests/fuzz/fuzzer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

using Path = std::filesystem::path;

std::vector<Path> files_in(const Path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator{path})
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// In a block of exactly its size: the address sanitizer sees every byte beyond.
bool replay(const Path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::vector<char> read{std::istreambuf_iterator<char>{file}, {}};
  if (!file) return false;
  std::vector<std::uint8_t> bytes(read.begin(), read.end());
  bytes.shrink_to_fit();
  std::fprintf(stderr, "%s\n", path.c_str());  // the last line tells which has failed
  (void)LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER|FILE\n", argv[0]);
    return 64;
  }
  const std::vector<Path> files = files_in(argv[1]);
  const bool is_read = std::all_of(files.begin(), files.end(), replay);
  std::printf("%zu inputs\n", files.size());
  return is_read && !files.empty() ? 0 : 1;
}
