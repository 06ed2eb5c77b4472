#include "shm/segment_object.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace mabeam::shm {

bool try_lock(int fd) {
  struct flock lock {};

  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool is_still_named(int fd, const std::string& path) {
  struct stat open {};

  struct stat named {};

  return ::fstat(fd, &open) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

}  // namespace mabeam::shm
