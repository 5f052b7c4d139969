#include "nodes/wild_rydes/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "nodes/wild_rydes/store.hpp"

namespace remuda::rides {

FileLock::FileLock(const std::string& path) : file_{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)} {
  if (file_ < 0) throw StoreError{"cannot open " + path + ": " + std::strerror(errno)};
}

FileLock::~FileLock() {
  ::close(file_);
}

bool FileLock::try_lock() {
  if (!held_) held_ = ::flock(file_, LOCK_EX | LOCK_NB) == 0;
  return held_;
}

}  // namespace remuda::rides
