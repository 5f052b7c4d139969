#include "common/keys/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/descriptor.hpp"

namespace remuda::keys {

namespace {

constexpr mode_t others = S_IRWXG | S_IRWXO;
constexpr std::size_t file_size_max = std::size_t{1} << 20U;

Failure<Error> unsafe(const std::string& path, const std::string& what, const std::string& remedy) {
  return fail("unsafe_keys", path + ": " + what + "; " + remedy);
}
Failure<Error> system_failure(const std::string& path) {
  return fail("failed", path + ": " + std::strerror(errno));
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Whoever may write in the folder may put a file of ours from elsewhere in the place of this one. With the sticky bit only owners may.
Result<void> check_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return errno == ENOENT ? Result<void>{} : Result<void>{system_failure(folder)};
  if (info.st_uid != geteuid() && info.st_uid != 0)
    return unsafe(folder, "belongs to another user", "keep " + path + " in a folder of your own");
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (info.st_mode & S_ISVTX) == 0)
    return unsafe(folder, "others may write in it, where a secret is kept", "`chmod go-w " + folder + "`");
  return {};
}

}  // namespace

Result<std::string> read_secret(const std::string& path, const SecretAdvice& advice) {
  if (auto safe = check_folder(path); !safe) return Failure{safe.error()};
  const Descriptor in{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
  if (!in.is_open()) {
    if (errno == ENOENT) return fail("no_keys", "there is no " + path + "; " + advice.missing);
    if (errno == ELOOP) return unsafe(path, "is a link", "put the file itself there");
    return system_failure(path);
  }
  struct stat info {};
  if (::fstat(in.get(), &info) != 0) return system_failure(path);
  if (!S_ISREG(info.st_mode) || info.st_uid != geteuid()) return unsafe(path, "is no file of yours", "use a file of your own");
  if ((info.st_mode & others) != 0)
    return unsafe(path, "others may read it", "`chmod 600 " + path + "`" + (advice.seen.empty() ? "" : ", and " + advice.seen));
  std::string text;
  std::array<char, 4096> part{};
  ssize_t size = 0;
  while ((size = ::read(in.get(), part.data(), part.size())) > 0 && text.size() < file_size_max)
    text.append(part.data(), static_cast<std::size_t>(size));
  if (size < 0) return system_failure(path);
  return text;
}

Result<void> write_secret(const std::string& path, std::string_view text) {
  const std::string draft = path + ".new";
  ::unlink(draft.c_str());
  const Descriptor out{::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (!out.is_open()) return system_failure(draft);
  if (::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(out.get()) != 0)
    return system_failure(draft);
  if (::rename(draft.c_str(), path.c_str()) != 0) return system_failure(path);
  const std::string folder_path = folder_of(path);
  const Descriptor folder{::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder.is_open() || ::fsync(folder.get()) != 0) return system_failure(folder_path);
  return {};
}

std::uint64_t version_of_file(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return 0;
  constexpr std::uint64_t nanoseconds = 1'000'000'000;
  return static_cast<std::uint64_t>(info.st_mtim.tv_sec) * nanoseconds + static_cast<std::uint64_t>(info.st_mtim.tv_nsec) +
         info.st_ino;
}

}  // namespace remuda::keys
