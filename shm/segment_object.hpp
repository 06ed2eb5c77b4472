// The object of a segment in /dev/shm, as one who locks it or removes it holds it open.
#pragma once

#include <string>

namespace mabeam::shm {

/// Takes the lock that a supervisor holds (segment.hpp), if it is free.
bool try_lock(int fd);

/// True while the name leads to the object that is open here.
bool is_still_named(int fd, const std::string& path);

}  // namespace mabeam::shm
