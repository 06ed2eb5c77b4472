#include "bench/unique_name.hpp"

#include <string>

#include <unistd.h>

namespace mabeam::bench {

std::string unique_name() {
  static int count = 0;
  return "bench-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

}  // namespace mabeam::bench
