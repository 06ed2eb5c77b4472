#include "mabeam/version.hpp"

#ifndef MABEAM_VERSION
#define MABEAM_VERSION "0.1.0"
#endif

namespace mabeam {

std::string_view version() {
  return MABEAM_VERSION;
}

}  // namespace mabeam
