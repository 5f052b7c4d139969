#include "nodes/data_lake_ingestion/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "nodes/wild_rydes/store.hpp"

namespace remuda::rides {

namespace {

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : file_{::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)} {}
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] bool ok() const { return file_ >= 0; }
  [[nodiscard]] int get() const { return file_; }

 private:
  int file_;
};

[[noreturn]] void fail_file(const std::string& path, std::string_view what) {
  throw StoreError{std::string{what} + " " + path + ": " + std::strerror(errno)};
}

void sync_folder(const std::string& path) {
  const Descriptor folder{path, O_RDONLY | O_DIRECTORY};
  if (!folder.ok() || ::fsync(folder.get()) != 0) fail_file(path, "cannot sync");
}

/// A new folder is durable once the one that holds it is synced.
void make_folders(const std::filesystem::path& path) {
  if (path.empty() || std::filesystem::exists(path)) return;
  make_folders(path.parent_path());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail_file(path, "cannot make");
  sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

void write_whole(const std::string& path, std::string_view content) {
  const Descriptor file{path, O_WRONLY | O_CREAT | O_TRUNC};
  if (!file.ok()) fail_file(path, "cannot create");
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_file(path, "cannot write");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) fail_file(path, "cannot sync");
}

}  // namespace

void write_durably(const std::string& folder, const std::string& name, std::string_view content) {
  make_folders(folder);
  const std::string path = folder + "/" + name;
  const std::string temporary = folder + "/." + name + ".tmp";
  try {
    write_whole(temporary, content);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_file(path, "cannot rename to");
  } catch (const StoreError&) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(folder);
}

}  // namespace remuda::rides
