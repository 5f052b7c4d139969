#include "broker/journal/known_end.hpp"

#include <cerrno>

#include "broker/journal/segment_files.hpp"

namespace remuda::broker {

Io<Unit> keep_known_end(Folder& folder, const SegmentHeader& end) {
  const std::string name = unfinished_name(mark_file_name);
  auto file = folder.open(name, OpenMode::create);
  if (!file) return Failure<Errno>{file.error()};
  auto done = write_fully(**file, 0, encode(end, FileForm::mark));
  if (done) done = (*file)->sync();
  if (done) done = folder.rename(name, mark_file_name);
  if (done) return folder.sync();
  static_cast<void>(folder.remove(name));  // else swept at the next start
  return done;
}

Io<KnownEnd> read_known_end(Folder& folder) {
  const auto file = folder.open(mark_file_name, OpenMode::read);
  if (!file && file.error().value == ENOENT) return KnownEnd{};
  if (!file) return Failure<Errno>{file.error()};
  const auto bytes = read_fully(**file, segment_header_size + 1);
  if (!bytes) return Failure<Errno>{bytes.error()};
  const auto end = decode_segment_header(*bytes, FileForm::mark);
  if (!end || bytes->size() != segment_header_size) return KnownEnd{std::nullopt, true};
  return KnownEnd{*end, false};
}

}  // namespace remuda::broker
