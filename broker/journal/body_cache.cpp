#include "broker/journal/body_cache.hpp"

#include <algorithm>

#include "broker/journal/segment_files.hpp"

namespace remuda::broker {
namespace {

/// What the kernel maps around a page that is read (fault_around_bytes).
constexpr std::uint64_t piece_size = 64U << 10U;

}  // namespace

std::string_view BodyCache::read(std::uint32_t segment, std::uint32_t capacity, std::uint32_t offset, std::uint32_t size) {
  if (segment != last_segment_) {
    last_ = open(segment, capacity);
    last_segment_ = last_ == segments_.end() ? 0 : segment;
    last_piece_ = UINT64_MAX;
    if (last_ == segments_.end()) return {};
    last_->second.last_use = ++uses_;
  }
  Segment& from = last_->second;
  if (std::uint64_t{offset} + size > from.view.size()) return {};
  const std::uint64_t first = offset / piece_size;
  const std::uint64_t last = (std::uint64_t{offset} + size) / piece_size;
  if (first != last_piece_ || last != last_piece_) touch(from, first, last);
  return from.view.substr(offset, size);
}

BodyCache::Segments::iterator BodyCache::open(std::uint32_t segment, std::uint32_t capacity) {
  if (const auto known = segments_.find(segment); known != segments_.end()) return known;
  auto file = folder_.open(segment_name(segment), OpenMode::read);
  if (!file) return segments_.end();
  const auto view = (*file)->map(capacity);
  if (!view) return segments_.end();
  Segment opened{*std::move(file), *view, std::vector<bool>(view->size() / piece_size + 1), 0, 0};
  return segments_.emplace(segment, std::move(opened)).first;
}

void BodyCache::touch(Segment& segment, std::uint64_t first, std::uint64_t last) {
  last_piece_ = last;
  const auto comes = [&] {
    std::uint64_t pieces = 0;
    for (auto piece = first; piece <= last; ++piece) pieces += segment.touched[piece] ? 0 : 1;
    return pieces * piece_size;
  };
  while (size_ > 0 && comes() > 0 && size_ + comes() > budget_) drop_least_used(segment);
  for (auto piece = first; piece <= last; ++piece) {
    if (segment.touched[piece]) continue;
    segment.touched[piece] = true;
    segment.size += piece_size;
    size_ += piece_size;
  }
}

/// The segment that is being read goes last: then what has been read of it goes.
void BodyCache::drop_least_used(const Segment& reading) {
  Segment* least = nullptr;
  for (auto& [number, segment] : segments_) {
    if (segment.size == 0 || &segment == &reading) continue;
    if (least == nullptr || segment.last_use < least->last_use) least = &segment;
  }
  Segment& dropped = least != nullptr ? *least : last_->second;
  dropped.file->drop_mapped();
  std::fill(dropped.touched.begin(), dropped.touched.end(), false);
  size_ -= dropped.size;
  dropped.size = 0;
}

void BodyCache::forget(std::uint32_t segment) {
  const auto known = segments_.find(segment);
  if (known == segments_.end()) return;
  size_ -= known->second.size;
  if (segment == last_segment_) last_segment_ = 0;
  segments_.erase(known);
}

}  // namespace remuda::broker
