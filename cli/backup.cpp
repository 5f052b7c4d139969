#include "cli/backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "common/crc32c.hpp"

namespace remuda::cli {

namespace {

constexpr std::string_view manifest_name = "MANIFEST";
constexpr std::string_view first_line = "remuda-backup 1";
constexpr std::size_t piece_size = 1U << 20U;
constexpr std::uint64_t capacity_max = 1U << 30U;  // of a segment: a hostile manifest must not fill the disk

Failure<Error> failed(const std::string& what) {
  return fail("failed", what + ": " + std::generic_category().message(errno));
}
Failure<Error> damaged(const std::string& path, const std::string& why) {
  return fail("backup_damaged", path + ": " + why + "; take another backup");
}

/// A new file of ours, closed when it goes.
class NewFile {
 public:
  explicit NewFile(const std::string& path)
      : path_{path}, fd_{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR)} {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  Result<void> write(std::string_view bytes) {
    if (fd_ < 0) return failed(path_);
    while (!bytes.empty()) {
      const auto written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return failed(path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }
  /// Zeros up to `size`, which take no space, then onto stable storage.
  Result<void> finish(std::uint64_t size) {
    if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(size)) != 0 || ::fsync(fd_) != 0) return failed(path_);
    return {};
  }

 private:
  std::string path_;
  int fd_;
};

Result<void> sync_folder(const std::string& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed(folder);
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (!synced) return failed(folder);
  return {};
}

/// A new folder that nobody else can enter, or one that is empty.
Result<void> make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return failed(folder);
  std::error_code problem;
  const bool empty = std::filesystem::is_empty(folder, problem);
  if (problem) return fail("failed", folder + ": " + problem.message());
  if (!empty) return fail("failed", folder + " is not empty; name a folder that does not exist yet");
  return {};
}

std::string text_of(const Manifest& manifest) {
  std::string text = fmt::format("{}\nbroker {}\ntaken_ms {}\n", first_line, manifest.broker, manifest.taken_ms);
  for (const auto& file : manifest.files) {
    text += fmt::format("file {} size_bytes {} capacity_bytes {} crc32c {:08x}\n", file.name, file.size_bytes, file.capacity_bytes,
                        file.crc32c);
  }
  return text + fmt::format("end crc32c {:08x}\n", crc32c(text));
}

/// Names of the journal's own making only: no path, nothing else.
bool is_segment_name(std::string_view name) {
  constexpr std::string_view prefix = "segment-";
  constexpr std::string_view suffix = ".log";
  if (name.size() != prefix.size() + 10 + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix)) return false;
  const auto digits = name.substr(prefix.size(), 10);
  return std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<Manifest> read_manifest(const std::string& folder) {
  const std::string path = folder + "/" + std::string{manifest_name};
  std::ifstream file{path, std::ios::binary};
  if (!file) return damaged(path, "is missing: this is no backup, or one that was not finished");
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  const auto last = text.rfind("end crc32c ");
  if (last == std::string::npos || text.substr(last) != fmt::format("end crc32c {:08x}\n", crc32c(text.substr(0, last)))) {
    return damaged(path, "its own checksum is wrong");
  }
  Manifest manifest;
  std::istringstream lines{text.substr(0, last)};
  std::string line;
  std::getline(lines, line);
  if (line != first_line) return damaged(path, "was written by another version of remuda");
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    std::string word;
    words >> word;
    if (word == "broker") {
      words >> manifest.broker;
    } else if (word == "taken_ms") {
      words >> manifest.taken_ms;
    } else {
      BackupFile entry;
      std::string label;
      words >> entry.name >> label >> entry.size_bytes >> label >> entry.capacity_bytes >> label >> std::hex >> entry.crc32c;
      const bool possible = entry.size_bytes <= entry.capacity_bytes && entry.capacity_bytes <= capacity_max;
      if (word != "file" || !words || !possible || !is_segment_name(entry.name)) return damaged(path, "is not understood: " + line);
      manifest.files.push_back(entry);
    }
  }
  if (manifest.files.empty()) return damaged(path, "names no file");
  return manifest;
}

/// Reads a file of a backup whole, giving each piece to `take`, and compares it with its line of the manifest.
Result<void> read_file(const std::string& folder, const BackupFile& entry,
                       const std::function<Result<void>(std::string_view)>& take) {
  const std::string path = folder + "/" + entry.name;
  std::ifstream file{path, std::ios::binary};
  if (!file) return damaged(path, "is missing");
  std::string piece(piece_size, '\0');
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const std::string_view bytes{piece.data(), static_cast<std::size_t>(file.gcount())};
    if (bytes.empty()) break;
    size += bytes.size();
    crc = crc32c(bytes, crc);
    if (auto taken = take(bytes); !taken) return taken;
  }
  if (file.bad()) return damaged(path, "cannot be read");
  if (size != entry.size_bytes) return damaged(path, fmt::format("has {} bytes, not {}", size, entry.size_bytes));
  if (crc != entry.crc32c) return damaged(path, "its checksum is wrong");
  return {};
}

}  // namespace

std::uint64_t Manifest::size_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.size_bytes;
  return sum;
}

std::string segment_file_name(std::uint32_t number) {
  return fmt::format("segment-{:010}.log", number);
}

Result<BackupWriter> BackupWriter::create(const std::string& folder) {
  if (auto made = make_folder(folder); !made) return Failure<Error>{made.error()};
  return BackupWriter{folder};
}

Result<void> BackupWriter::add(const std::string& name, std::uint64_t size_bytes, std::uint64_t capacity_bytes,
                               const std::function<Result<std::string>(std::uint64_t offset)>& read) {
  BackupFile entry{name, 0, capacity_bytes, 0};
  NewFile file{folder_ + "/" + name};
  while (entry.size_bytes < size_bytes) {
    auto piece = read(entry.size_bytes);
    if (!piece) return Failure<Error>{piece.error()};
    if (piece->empty()) return fail("failed", name + " ends before its end");
    piece->resize(std::min<std::uint64_t>(piece->size(), size_bytes - entry.size_bytes));
    if (auto written = file.write(*piece); !written) return written;
    entry.size_bytes += piece->size();
    entry.crc32c = crc32c(*piece, entry.crc32c);
  }
  if (auto done = file.finish(entry.size_bytes); !done) return done;
  files_.push_back(entry);
  return {};
}

Result<Manifest> BackupWriter::finish(const std::string& broker, std::int64_t taken_ms) {
  const Manifest manifest{broker, taken_ms, files_};
  const std::string text = text_of(manifest);
  const std::string path = folder_ + "/" + std::string{manifest_name};
  NewFile file{path + ".tmp"};
  auto done = file.write(text);
  if (done) done = file.finish(text.size());
  if (done) done = sync_folder(folder_);
  if (!done) return Failure<Error>{done.error()};
  if (::rename((path + ".tmp").c_str(), path.c_str()) != 0) return failed(path);
  done = sync_folder(folder_);
  if (done) done = sync_folder(std::filesystem::path{folder_}.parent_path());
  if (!done) return Failure<Error>{done.error()};
  return manifest;
}

Result<Manifest> verify_backup(const std::string& folder) {
  auto manifest = read_manifest(folder);
  if (!manifest) return manifest;
  for (const auto& entry : manifest->files) {
    const auto whole = read_file(folder, entry, [](std::string_view) { return Result<void>{}; });
    if (!whole) return Failure<Error>{whole.error()};
  }
  return manifest;
}

Result<Manifest> restore_backup(const std::string& folder, const std::string& target) {
  const std::string data = target.substr(0, target.find_last_not_of('/') + 1);  // DATA/ is DATA
  auto manifest = verify_backup(folder);
  if (!manifest) return manifest;
  // Under another name until it is whole: a broker would take half of a journal for all of it.
  const std::string unfinished = data + ".restoring";
  auto done = make_folder(data);
  if (done) done = make_folder(unfinished);
  for (const auto& entry : manifest->files) {
    if (!done) break;
    NewFile file{unfinished + "/" + entry.name};
    done = read_file(folder, entry, [&](std::string_view bytes) { return file.write(bytes); });
    if (done) done = file.finish(entry.capacity_bytes);
  }
  if (done) done = sync_folder(unfinished);
  if (!done) return Failure<Error>{done.error()};
  if (::rename(unfinished.c_str(), data.c_str()) != 0) return failed(data);
  done = sync_folder(std::filesystem::path{data}.parent_path());
  if (!done) return Failure<Error>{done.error()};
  return manifest;
}

}  // namespace remuda::cli
