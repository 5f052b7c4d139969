#pragma once
// A lock between the replicas of a node, held by one of them at a time and given back when its process ends, however it ends.

#include <string>

namespace remuda::rides {

class FileLock {
 public:
  /// Creates the file when it is missing; does not lock. Throws StoreError.
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// Takes the lock if nobody else holds it; never waits. True when it is ours, also when it was before.
  bool try_lock();
  [[nodiscard]] bool is_held() const { return held_; }

 private:
  int file_ = -1;
  bool held_ = false;
};

}  // namespace remuda::rides
