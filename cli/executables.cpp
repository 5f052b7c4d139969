#include "cli/executables.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "cli/supervisor/spawner.hpp"

extern char** environ;

namespace remuda::cli {

namespace fs = std::filesystem;
using supervisor::FileDescriptor;

namespace {

constexpr std::size_t description_size_max = std::size_t{1} << 20;
constexpr std::chrono::seconds description_patience{5};

/// Runs `path --describe` with its output in a pipe. -1: it could not be started.
pid_t start_description(const std::string& path, FileDescriptor& output) {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) return -1;
  output = FileDescriptor{fds[0]};
  const FileDescriptor writer{fds[1]};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string program = path;
  std::string argument = "--describe";
  std::array<char*, 3> argv{program.data(), argument.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

std::optional<std::string> finish_description(pid_t pid, const FileDescriptor& output,
                                              std::chrono::steady_clock::time_point deadline) {
  std::string text;
  bool complete = false;
  while (text.size() <= description_size_max) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd item{output.get(), POLLIN, 0};
    const int ready = left > 0 ? poll(&item, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    std::array<char, 16384> buffer{};
    const ssize_t size = read(output.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    complete = size == 0;
    if (size <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  if (!complete) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (!complete || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return text;
}

Result<std::string> checked(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || access(path.c_str(), X_OK) != 0) {
    return fail("no_such_executable", fmt::format("{} is not an executable file", path));
  }
  const bool owner_is_trusted = status.st_uid == 0 || status.st_uid == geteuid();
  // Many systems give every user a group of their own and let it write: that changes nothing for anybody else.
  const bool others_may_write = (status.st_mode & S_IWOTH) != 0 || ((status.st_mode & S_IWGRP) != 0 && status.st_gid != getegid());
  if (!owner_is_trusted || others_may_write) {
    return fail("unsafe_executable", fmt::format("{} can be changed by other users; remedy: chmod go-w {}", path, path));
  }
  return path;
}

}  // namespace

std::string own_path() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).string();
}

Executables::Executables(std::vector<std::string> folders, std::string launch_folder)
    : folders_{std::move(folders)}, launch_folder_{std::move(launch_folder)} {}

Executables Executables::of_this_process(std::string launch_folder) {
  std::vector<std::string> folders;
  if (const char* path = std::getenv("REMUDA_PATH")) {
    std::istringstream parts{path};
    for (std::string folder; std::getline(parts, folder, ':');) {
      if (!folder.empty()) folders.push_back(fs::absolute(folder).string());
    }
  }
  folders.push_back(fs::path{own_path()}.parent_path().string());
  return Executables{std::move(folders), std::move(launch_folder)};
}

Result<std::string> Executables::find(const std::string& exec) const {
  if (exec.starts_with('/')) return checked(exec);
  if (exec.find('/') != std::string::npos)
    return checked(fs::absolute(fs::path{launch_folder_} / exec).lexically_normal().string());
  std::string searched;
  for (const std::string& folder : folders_) {
    const std::string path = folder + "/" + exec;
    std::error_code error;
    if (fs::exists(path, error)) return checked(path);
    searched += (searched.empty() ? "" : ", ") + folder;
  }
  return fail("no_such_executable",
              fmt::format("no executable '{}' in {}; set REMUDA_PATH to the folder it is in", exec, searched));
}

std::vector<std::string> Executables::known() const {
  std::vector<std::string> names;
  for (const std::string& folder : folders_) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{folder, error}) {
      if (entry.is_regular_file(error) && access(entry.path().c_str(), X_OK) == 0)
        names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void Executables::prefetch(const std::vector<std::string>& execs) {
  struct Running {
    std::string exec;
    FileDescriptor output;
    pid_t pid;
  };
  std::vector<Running> running;
  const auto deadline = std::chrono::steady_clock::now() + description_patience;
  for (const std::string& exec : execs) {
    if (!descriptions_.emplace(exec, std::nullopt).second) continue;
    const Result<std::string> path = find(exec);
    FileDescriptor output;
    const pid_t pid = path ? start_description(*path, output) : -1;
    if (pid > 0) running.push_back({exec, std::move(output), pid});
  }
  for (const Running& asked : running) descriptions_[asked.exec] = finish_description(asked.pid, asked.output, deadline);
}

std::optional<std::string> Executables::describe(const std::string& exec) {
  prefetch({exec});
  return descriptions_[exec];
}

}  // namespace remuda::cli
