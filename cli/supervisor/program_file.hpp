#pragma once
// The file that a process was started from, and that file again when it has been replaced on disk meanwhile.

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/result.hpp"

namespace remuda::supervisor {

/// Which file it is, whatever it is called.
struct FileIdentity {
  dev_t device = 0;
  ino_t number = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
/// Nothing when there is no such file.
[[nodiscard]] std::optional<FileIdentity> file_identity(const std::string& path);

/// The path of a program that is the one that process `pid` was started from: `path` itself if it is still that file, `started`, or if
/// the process runs by an interpreter. Else a copy of what the process runs is written to `copy`. Errors: `failed`.
[[nodiscard]] Result<std::string> program_of(int pid, const std::string& path, const std::optional<FileIdentity>& started,
                                             const std::string& copy);

}  // namespace remuda::supervisor
