#include "broker/journal/scrubber.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "broker/journal/segment_files.hpp"

namespace remuda::broker {
namespace {

/// A field of a record's header, before it is known to be one.
std::uint32_t field(std::string_view header, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, header.data() + at, sizeof value);  // little-endian machines only: crc32c.cpp asserts it
  return value;
}

}  // namespace

std::optional<DamagedRecord> Scrubber::step(std::uint64_t size) {
  auto damage = read_on(size);
  // Of a segment that went meanwhile the file may be another's already.
  if (damage && damage->segment < oldest_) return std::nullopt;
  return damage;
}

std::optional<DamagedRecord> Scrubber::read_on(std::uint64_t size) {
  if (const std::uint32_t oldest = oldest_; segment_ < oldest) {  // the beginning, or truncated meanwhile
    segment_ = oldest;
    file_.reset();
  }
  if (segment_ >= active_) {
    ++passes_;
    segment_ = 0;
    return std::nullopt;
  }
  if (!file_) {
    if (auto damage = open()) return damage;
  }
  const auto seed = record_seed(identity_, segment_);
  const auto read = [&](std::uint64_t wanted) { return read_range(*file_, position_, std::min(wanted, capacity_ - position_)); };
  auto bytes = read(std::max<std::uint64_t>(size, record_header_size));
  if (!bytes) return give_up();
  if (bytes->size() >= record_header_size) {
    // A record larger than a step is read whole.
    const auto whole = record_size(field(*bytes, 4), field(*bytes, 16));
    if (whole > bytes->size() && whole <= capacity_ - position_) bytes = read(whole);
    if (!bytes) return give_up();
  }
  for (std::uint64_t at = 0; true;) {
    const auto record = read_record_head(*bytes, at, seed, FileForm::segment);
    if (!record && at > 0) return std::nullopt;  // the piece ends within it: the next step begins with it
    if (!record) return give_up();
    if (!payload_intact(*bytes, at, record->header)) {
      const auto damage = damaged(record->size);
      position_ += record->size;
      return damage;
    }
    at += record->size;
    position_ += record->size;
    if ((record->header.flags & record_flag::seal) != 0) {
      ++segment_;
      file_.reset();
      return std::nullopt;
    }
  }
}

std::optional<DamagedRecord> Scrubber::open() {
  position_ = 0;
  capacity_ = segment_header_size;
  auto opened = folder_.open(segment_name(segment_), OpenMode::read);
  if (!opened) return give_up();
  file_ = *std::move(opened);
  const auto bytes = read_range(*file_, 0, segment_header_size);
  if (!bytes) return give_up();
  const auto header = decode_segment_header(*bytes, FileForm::segment);
  if (!header || header->identity != identity_ || header->number != segment_) return give_up();
  position_ = segment_header_size;
  capacity_ = header->capacity;
  return std::nullopt;
}

/// Without a record's head nobody knows where the next one begins.
DamagedRecord Scrubber::give_up() {
  auto damage = damaged(UINT32_MAX - position_);
  ++segment_;
  file_.reset();
  return damage;
}

DamagedRecord Scrubber::damaged(std::uint64_t size) const {
  return {folder_.path() + "/" + segment_name(segment_), segment_, position_, size};
}

}  // namespace remuda::broker
