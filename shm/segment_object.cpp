#include "shm/segment_object.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace mabeam::shm {

std::string object_name(std::string_view runtime) {
  return "mabeam-" + std::string{runtime};
}

std::string path_of(const std::string& object) {
  return "/dev/shm/" + object;
}

Error error_of(const boost::interprocess::interprocess_exception& error) {
  const int os = error.get_native_error();
  switch (os) {
    case ENOENT:
      return {Errc::not_found, 0, os};
    case EEXIST:
      return {Errc::name_taken, 0, os};
    case EACCES:
    case EPERM:
    case ELOOP:
      return {Errc::bad_permissions, 0, os};
    case ENOSPC:
      return {Errc::no_room, 0, os};
    default:
      return {Errc::system, 0, os};
  }
}

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
