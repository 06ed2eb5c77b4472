// Symboliser: which function and line an address of a backtrace is, by the symbols and the debug
// information of the module's file, if that is still the one that crashed (its build id).
#pragma once

#include "mabeam/post_mortem.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace mabeam::tools {

/// Where a frame is. Whatever is not known is empty.
struct FramePlace {
  std::string function;  ///< as it is written in C++
  std::uint64_t offset = 0;
  std::string file;
  int line = 0;
  std::string trouble;  ///< why nothing more is known: "the file is another build"
};

class Symboliser {
 public:
  Symboliser();
  ~Symboliser();
  Symboliser(const Symboliser&) = delete;
  Symboliser& operator=(const Symboliser&) = delete;

  /// `frame`: which of the backtrace's. Only regular files are opened, and none is fetched.
  FramePlace find(const BacktraceView& backtrace, std::size_t frame);

 private:
  struct Module;
  Module& module_of(const ModuleView& view);

  std::map<std::string, std::unique_ptr<Module>> modules_;  // by path and build id
};

}  // namespace mabeam::tools
