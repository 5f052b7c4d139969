#include "cli/supervisor/log_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace remuda::supervisor {

namespace fs = std::filesystem;

LogWriter::LogWriter(std::string folder, std::uint64_t rotate_at) : folder_{std::move(folder)}, rotate_at_{rotate_at} {
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  fs::permissions(folder_, fs::perms::owner_all, ignored);
}

void LogWriter::write(const LogRecord& record) {
  const std::string name = record.replica == 0 ? record.node : fmt::format("{}.{}", record.node, record.replica);
  const std::string path = folder_ + "/" + name + ".log";
  File& file = files_[name];
  if (file.fd.is_open() && file.size >= rotate_at_) {
    file.fd.reset();
    if (rename(path.c_str(), (path + ".1").c_str()) != 0) ++lost_;
  }
  if (!file.fd.is_open()) {
    file.fd = FileDescriptor{open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    struct stat status {};
    if (file.fd.is_open() && fstat(file.fd.get(), &status) == 0) file.size = static_cast<std::uint64_t>(status.st_size);
  }
  const std::string line = to_json_line(record) + '\n';
  const ssize_t written = file.fd.is_open() ? ::write(file.fd.get(), line.data(), line.size()) : -1;
  if (written != static_cast<ssize_t>(line.size())) ++lost_;
  if (written > 0) file.size += static_cast<std::uint64_t>(written);
}

bool LogFilter::matches(const LogRecord& record) const {
  if (record.level < level) return false;
  if (since && record.time < *since) return false;
  const auto named = [&](const std::string& name) {
    return name == record.node || name == fmt::format("{}/{}", record.node, record.replica);
  };
  if (!nodes.empty() && std::none_of(nodes.begin(), nodes.end(), named)) return false;
  return !pattern || std::regex_search(record.text, *pattern);
}

void LogReader::read_file(const std::string& path, std::uint64_t offset, const LogFilter& filter, std::vector<LogRecord>& records,
                          std::uint64_t& end) {
  std::ifstream in{path, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(offset));
  std::string line;
  end = offset;
  while (std::getline(in, line)) {
    if (in.eof()) break;  // no newline yet: the writer is in the middle of it
    end += line.size() + 1;
    std::optional<LogRecord> record = from_json_line(line);
    if (record && filter.matches(*record)) records.push_back(std::move(*record));
  }
}

std::vector<LogRecord> LogReader::read(const LogFilter& filter) {
  positions_.clear();
  std::vector<LogRecord> records;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder_, error}) {
    if (entry.path().extension() != ".1") continue;
    std::uint64_t end = 0;
    read_file(entry.path(), 0, filter, records, end);
  }
  std::vector<LogRecord> current = read_new(filter);
  records.insert(records.end(), std::make_move_iterator(current.begin()), std::make_move_iterator(current.end()));
  std::stable_sort(records.begin(), records.end(), [](const LogRecord& a, const LogRecord& b) { return a.time < b.time; });
  return records;
}

std::vector<LogRecord> LogReader::read_new(const LogFilter& filter) {
  std::vector<LogRecord> records;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder_, error}) {
    if (entry.path().extension() != ".log") continue;
    const std::string path = entry.path();
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) continue;
    Position& position = positions_[path];
    if (position.inode != 0 && position.inode != status.st_ino) {
      // It was rotated since: the end of the old file is in `.1`.
      std::uint64_t ignored = 0;
      read_file(path + ".1", position.offset, filter, records, ignored);
      position = Position{};
    }
    position.inode = status.st_ino;
    read_file(path, position.offset, filter, records, position.offset);
  }
  std::stable_sort(records.begin(), records.end(), [](const LogRecord& a, const LogRecord& b) { return a.time < b.time; });
  return records;
}

int LogReader::watch() {
  if (!watch_.is_open()) {
    watch_ = FileDescriptor{inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (watch_.is_open() && inotify_add_watch(watch_.get(), folder_.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
      watch_.reset();
  }
  return watch_.get();
}

void LogReader::drain_watch() {
  std::array<char, 4096> buffer{};
  while (watch_.is_open() && ::read(watch_.get(), buffer.data(), buffer.size()) > 0) {}
}

}  // namespace remuda::supervisor
