// Folder and File as system calls. Every name is opened relative to the folder's descriptor, so renaming the folder under us,
// symbolic links and path tricks change nothing.

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "broker/journal/files.hpp"
#include "broker/journal/unreadable_pages.hpp"

namespace remuda::broker {
namespace {

Failure<Errno> last_error() {
  return {Errno{errno}};
}

Io<Unit> outcome(int returned) {
  if (returned != 0) return last_error();
  return Unit{};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

class RealFile final : public File {
 public:
  explicit RealFile(int fd) : fd_{fd} {}
  ~RealFile() override {
    if (mapping_ == nullptr) return;
    forget_unreadable_pages(mapping_);
    ::munmap(mapping_, mapped_);
  }

  Io<std::size_t> write(std::uint64_t offset, std::string_view bytes) override {
    const auto written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) return last_error();
    return static_cast<std::size_t>(written);
  }
  Io<std::size_t> read(std::uint64_t offset, std::span<char> into) const override {
    const auto count = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0) return last_error();
    return static_cast<std::size_t>(count);
  }
  Io<Unit> sync() override { return outcome(::fdatasync(fd_.get())); }
  Io<Unit> allocate(std::uint64_t size) override {
    if (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) == 0) return Unit{};
    if (errno != EOPNOTSUPP) return last_error();
    // File systems without fallocate: space is then taken by writing the zeros, which whoever prepares a segment does anyway.
    struct stat now {};
    if (::fstat(fd_.get(), &now) != 0) return last_error();
    if (static_cast<std::uint64_t>(now.st_size) >= size) return Unit{};
    return outcome(::ftruncate(fd_.get(), static_cast<off_t>(size)));
  }
  Io<std::uint64_t> size() const override {
    struct stat now {};
    if (::fstat(fd_.get(), &now) != 0) return last_error();
    return static_cast<std::uint64_t>(now.st_size);
  }
  Io<std::string_view> map(std::uint64_t size) override {
    if (mapping_ == nullptr) {
      void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd_.get(), 0);
      if (mapping == MAP_FAILED) return last_error();  // NOLINT(performance-no-int-to-ptr): the system's macro
      mapping_ = mapping;
      mapped_ = size;
      show_unreadable_pages_as_zeros(mapping, size);
    }
    return std::string_view{static_cast<const char*>(mapping_), std::min<std::size_t>(size, mapped_)};
  }
  void drop_mapped() override {
    if (mapping_ != nullptr) ::madvise(mapping_, mapped_, MADV_DONTNEED);
  }
  Io<Unit> lock() override { return outcome(::flock(fd_.get(), LOCK_EX | LOCK_NB)); }

 private:
  Descriptor fd_;
  void* mapping_ = nullptr;
  std::size_t mapped_ = 0;
};

/// The file systems on which a sync promises less than it says. Numbers: statfs(2), linux/magic.h.
std::string doubt_about(const struct statfs& system) {
  switch (static_cast<std::uint64_t>(system.f_type)) {
    case 0x01021994:
      return "tmpfs: nothing here survives a restart of the machine";
    case 0x858458F6:
      return "ramfs: nothing here survives a restart of the machine";
    case 0x794C7630:
      return "overlay: the layer below decides whether syncs are kept; use a volume";
    case 0x6969:
      return "NFS: locks and syncs depend on the server; use a local disk";
    case 0xFF534D42:
    case 0xFE534D42:
      return "SMB: locks and syncs depend on the server; use a local disk";
    case 0x65735546:
      return "FUSE: syncs depend on the program behind it";
    case 0x01021997:
      return "9p: syncs depend on the host behind it";
    default:
      return {};
  }
}

class RealFolder final : public Folder {
 public:
  RealFolder(int fd, std::string path) : fd_{fd}, path_{std::move(path)} {}

  Io<std::unique_ptr<File>> open(const std::string& name, OpenMode mode) override {
    int flags = O_CLOEXEC | O_NOFOLLOW | (mode == OpenMode::read ? O_RDONLY : O_RDWR);
    if (mode == OpenMode::create) flags |= O_CREAT;
    if (mode == OpenMode::create_exclusive) flags |= O_CREAT | O_EXCL;
    const int fd = ::openat(fd_.get(), name.c_str(), flags, S_IRUSR | S_IWUSR);
    if (fd < 0) return last_error();
    return std::unique_ptr<File>{std::make_unique<RealFile>(fd)};
  }
  Io<Unit> rename(const std::string& from, const std::string& to) override {
    return outcome(::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()));
  }
  Io<Unit> remove(const std::string& name) override { return outcome(::unlinkat(fd_.get(), name.c_str(), 0)); }
  Io<Unit> sync() override { return outcome(::fsync(fd_.get())); }
  Io<std::vector<std::string>> list() const override {
    const int copy = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return last_error();
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::fdopendir(copy), &::closedir};
    if (!folder) {
      ::close(copy);
      return last_error();
    }
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr) break;
      struct stat about {};
      if (::fstatat(fd_.get(), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode))
        names.emplace_back(entry->d_name);
    }
    if (errno != 0) return last_error();
    return names;
  }
  std::string path() const override { return path_; }
  std::string warning() const override {
    struct statfs system {};
    if (::fstatfs(fd_.get(), &system) != 0) return {};
    return doubt_about(system);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, Errno error) {
  return out << std::generic_category().message(error.value);
}

namespace {

/// A new directory survives a power cut only once its parent is synced.
void sync_parent(const std::filesystem::path& folder) {
  const auto parent = folder.has_parent_path() ? folder.parent_path() : std::filesystem::path{"."};
  const Descriptor fd{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() >= 0) static_cast<void>(::fsync(fd.get()));  // a parent that we may not sync is not ours to vouch for
}

}  // namespace

Result<std::unique_ptr<Folder>> open_folder(const std::string& path) {
  const auto unusable = [&](const std::string& why) { return fail("folder_unusable", path + ": " + why); };
  const std::filesystem::path wanted{path};
  std::error_code problem;
  if (wanted.has_parent_path()) std::filesystem::create_directories(wanted.parent_path(), problem);
  if (::mkdir(path.c_str(), S_IRWXU) == 0) {
    sync_parent(wanted);
  } else if (errno != EEXIST) {
    return unusable(std::generic_category().message(errno));
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return unusable(std::generic_category().message(errno));
  auto folder = std::make_unique<RealFolder>(fd, path);
  struct stat about {};
  if (::fstat(fd, &about) != 0) return unusable(std::generic_category().message(errno));
  if (about.st_uid != ::geteuid()) return unusable("belongs to another user; give each user a data folder of their own");
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) return unusable("others may write to it; run: chmod go-w '" + path + "'");
  return std::unique_ptr<Folder>{std::move(folder)};
}

}  // namespace remuda::broker
