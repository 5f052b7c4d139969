#include "cli/supervisor/program_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

namespace remuda::supervisor {

namespace fs = std::filesystem;

std::optional<FileIdentity> file_identity(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

Result<std::string> program_of(int pid, const std::string& path, const std::optional<FileIdentity>& started,
                               const std::string& copy) {
  const std::string running = fmt::format("/proc/{}/exe", pid);
  const bool is_interpreted = file_identity(running) != started;
  if (!started || is_interpreted || file_identity(path) == started) return path;
  std::error_code error;
  fs::create_directories(fs::path{copy}.parent_path(), error);
  // Beside it first: whoever runs an earlier copy keeps it.
  const std::string fresh = copy + ".new";
  fs::remove(fresh, error);
  error.clear();
  fs::copy_file(running, fresh, error);
  if (!error) fs::permissions(fresh, fs::perms::owner_all, error);
  if (!error) fs::rename(fresh, copy, error);
  if (error) return fail("failed", fmt::format("cannot keep the program that runs as {}: {}", copy, error.message()));
  return copy;
}

}  // namespace remuda::supervisor
