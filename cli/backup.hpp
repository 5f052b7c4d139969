#pragma once
// A backup of a broker on disk: the segments of its journal, and a MANIFEST, written last, that names each with its size and
// checksum. A folder without a MANIFEST is no backup; one whose files differ from it is refused by the name of the file.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace remuda::cli {

struct BackupFile {
  std::string name;
  std::uint64_t size_bytes = 0;
  std::uint64_t capacity_bytes = 0;  ///< zeros up to here have to follow
  std::uint32_t crc32c = 0;          ///< of the first `size_bytes`
};

struct Manifest {
  std::string broker;
  std::int64_t taken_ms = 0;  ///< Unix time
  std::vector<BackupFile> files;
  [[nodiscard]] std::uint64_t size_bytes() const;
};

/// Writes a backup file by file. Everything is on stable storage when finish() has returned, and only then is it a backup.
class BackupWriter {
 public:
  /// Creates the folder (0700), or takes one that is empty. Errors: `failed`.
  static Result<BackupWriter> create(const std::string& folder);

  /// `read(offset)` gives the bytes from there on, at most up to `size_bytes`, never none. Errors: those of `read`, or `failed`.
  Result<void> add(const std::string& name, std::uint64_t size_bytes, std::uint64_t capacity_bytes,
                   const std::function<Result<std::string>(std::uint64_t offset)>& read);
  Result<Manifest> finish(const std::string& broker, std::int64_t taken_ms);

 private:
  explicit BackupWriter(std::string folder) : folder_{std::move(folder)} {}
  std::string folder_;
  std::vector<BackupFile> files_;
};

/// The file of a segment, as the broker's journal calls it.
[[nodiscard]] std::string segment_file_name(std::uint32_t number);

/// Reads every byte of a backup. Errors: `backup_damaged`, naming the file; `failed`.
Result<Manifest> verify_backup(const std::string& folder);

/// Makes a broker's data folder of a backup. `data` must not exist, or be empty; it appears complete or not at all.
/// Errors: as verify_backup().
Result<Manifest> restore_backup(const std::string& folder, const std::string& data);

}  // namespace remuda::cli
