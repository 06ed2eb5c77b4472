// Modules: agent types in shared objects, loaded when the worker starts.
#pragma once

#include "mabeam/agent.hpp"
#include "mabeam/result.hpp"

#include <span>
#include <string>

namespace mabeam::worker {

/// Loads a module and returns its types; it stays loaded. `error` says what is wrong with it.
/// Errors: not_found (it cannot be loaded), invalid_argument (no module), incompatible (built with
/// other headers).
Result<std::span<const TypeDescriptor>> load_module(const std::string& path, std::string& error);

}  // namespace mabeam::worker
