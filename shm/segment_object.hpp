// The object of a segment in /dev/shm, as one who locks it or removes it holds it open.
#pragma once

#include "mabeam/result.hpp"

#include <boost/interprocess/exceptions.hpp>

#include <string>
#include <string_view>

namespace mabeam::shm {

/// What the segment of a runtime is called, and where that lies.
std::string object_name(std::string_view runtime);
std::string path_of(const std::string& object);

/// Of something of Boost.Interprocess's that can be mapped; -1: it is not open.
template <class Object>
int descriptor(const Object& object) {
  return object.get_mapping_handle().handle;
}

/// What Boost throws, as our error.
Error error_of(const boost::interprocess::interprocess_exception& error);

/// Takes the lock that a supervisor holds (segment.hpp), if it is free.
bool try_lock(int fd);

/// True while the name leads to the object that is open here.
bool is_still_named(int fd, const std::string& path);

}  // namespace mabeam::shm
