#pragma once
// The file calls that durability depends on, one to one, so that tests can put a memory file system in their place that loses
// unsynced data and fails any call. One Folder is one directory; names are plain file names inside it, never paths.
// Nothing here retries, interprets or repairs: that is the journal's business.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace remuda::broker {

/// The errno of a failed call.
struct Errno {
  int value = 0;
  friend bool operator==(Errno, Errno) = default;
  friend std::ostream& operator<<(std::ostream& out, Errno error);
};
/// The outcome of one file call.
template <class T>
using Io = Result<T, Errno>;

/// One open file. Closed when destroyed (a lock with it).
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// pwrite: may write less than asked, may fail with EINTR.
  [[nodiscard]] virtual Io<std::size_t> write(std::uint64_t offset, std::string_view bytes) = 0;
  /// pread: may read less than asked, 0 at the end, may fail with EINTR.
  [[nodiscard]] virtual Io<std::size_t> read(std::uint64_t offset, std::span<char> into) const = 0;
  /// fdatasync. After a failure nobody knows what the disk holds: never call it again on this file.
  [[nodiscard]] virtual Io<Unit> sync() = 0;
  /// fallocate: the first `size` bytes exist and have space reserved; new ones read as zeros.
  [[nodiscard]] virtual Io<Unit> allocate(std::uint64_t size) = 0;
  [[nodiscard]] virtual Io<std::uint64_t> size() const = 0;
  /// A shared read-only view of the first `size` bytes, which shows later writes. Lives as long as this File. A page that cannot be
  /// read, because the disk fails or the file was cut short, shows zeros.
  [[nodiscard]] virtual Io<std::string_view> map(std::uint64_t size) = 0;
  /// Gives back the memory of the view, which stays valid: it is read again when it is looked at.
  virtual void drop_mapped() = 0;
  /// flock(LOCK_EX | LOCK_NB), held until this File is destroyed. EWOULDBLOCK when another holder lives.
  [[nodiscard]] virtual Io<Unit> lock() = 0;
};

enum class OpenMode : std::uint8_t {
  read,              ///< must exist
  read_write,        ///< must exist
  create,            ///< created when absent (0600)
  create_exclusive,  ///< must not exist (0600)
};

/// One directory and the files in it.
class Folder {
 public:
  Folder() = default;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  virtual ~Folder() = default;

  [[nodiscard]] virtual Io<std::unique_ptr<File>> open(const std::string& name, OpenMode mode) = 0;
  /// Replaces `to` when it exists. Durable only after sync().
  [[nodiscard]] virtual Io<Unit> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Io<Unit> remove(const std::string& name) = 0;
  /// fsync of the directory: makes creations, renames and removals durable.
  [[nodiscard]] virtual Io<Unit> sync() = 0;
  /// Names of the regular files, in any order.
  [[nodiscard]] virtual Io<std::vector<std::string>> list() const = 0;
  /// Where this is, for messages to people.
  [[nodiscard]] virtual std::string path() const = 0;
  /// Why a sync here may not mean what it says (tmpfs, overlay, network), or empty.
  [[nodiscard]] virtual std::string warning() const = 0;
};

/// The directory `path` on the machine's disk; created (0700) when absent, its parents too.
/// Errors: `folder_unusable` (not a directory, not ours, or writable by others), definite.
Result<std::unique_ptr<Folder>> open_folder(const std::string& path);

}  // namespace remuda::broker
