#include "worker/modules.hpp"

#include <dlfcn.h>

namespace mabeam::worker {

Result<std::span<const TypeDescriptor>> load_module(const std::string& path, std::string& error) {
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    error = ::dlerror();  // NOLINT(concurrency-mt-unsafe): a worker has one thread
    return fail(Errc::not_found);
  }
  using Entry = const ModuleInfo* (*)();
  const auto entry = reinterpret_cast<Entry>(::dlsym(handle, "mabeam_module"));
  if (entry == nullptr) {
    error = path + ": is no mabeam module: it has no MABEAM_MODULE(...)";
    return fail(Errc::invalid_argument);
  }
  const ModuleInfo* info = entry();
  if (info == nullptr || info->abi != kModuleAbi) {
    error = path + ": was built with other mabeam headers; build it again";
    return fail(Errc::incompatible);
  }
  return info->types;
}

}  // namespace mabeam::worker
