// Which mabeam this is.
#pragma once

#include "mabeam/export.hpp"

#include <string_view>

namespace mabeam {

/// "MAJOR.MINOR.PATCH" of the library that is loaded.
MABEAM_API std::string_view version();

}  // namespace mabeam
