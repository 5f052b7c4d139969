#include "broker/engine/deduplication.hpp"

#include <algorithm>
#include <utility>

#include "common/mutant.hpp"
namespace remuda::broker {

std::optional<std::uint32_t> DeduplicationWindow::number_of(const DeduplicationKey& key) const {
  return index_.find(hash(key), [&](std::uint32_t number) { return entry(number).key == key; });
}

std::optional<Sequence> DeduplicationWindow::find(const DeduplicationKey& key) const {
  const auto number = number_of(key);
  if (REMUDA_MUTANT(100)) return std::nullopt;
  return number ? std::optional{entry(*number).sequence} : std::nullopt;
}

void DeduplicationWindow::remember(const DeduplicationKey& key, Sequence sequence, std::int64_t time_ms, std::uint32_t segment) {
  const auto number = base_ + static_cast<std::uint32_t>(entries_.size());
  if (const auto before = number_of(key)) {
    index_.replace(hash(key), *before, number);  // the older entry stays until its time, found by nobody
  } else {
    index_.insert(hash(key), number);
  }
  append(key, sequence, time_ms, segment);
}

void DeduplicationWindow::append(const DeduplicationKey& key, Sequence sequence, std::int64_t time_ms, std::uint32_t segment) {
  entries_.push_back({key, sequence});
  const bool fits =
      !runs_.empty() && runs_.back().time_ms == time_ms && runs_.back().segment == segment && runs_.back().count < run_max;
  if (!fits) runs_.push_back({time_ms, segment, 0});
  ++runs_.back().count;
  ledger_.refer(Location{segment, 0}, entry_size_bytes);
}

void DeduplicationWindow::forget_accepted_until(std::int64_t time_ms) {
  while (!runs_.empty() && runs_.front().time_ms <= time_ms) {
    const Run run = runs_.front();
    runs_.pop_front();
    for (std::uint32_t i = 0; i < run.count; ++i) {
      index_.erase(hash(entries_.front().key), base_);
      entries_.pop_front();
      ++base_;
      ledger_.release(Location{run.segment, 0}, entry_size_bytes);
    }
  }
}

void DeduplicationWindow::restart(std::int64_t last_ms, std::int64_t now_ms) {
  forget_old(last_ms);
  if (REMUDA_MUTANT(103)) forget_accepted_until(INT64_MAX);
  const auto is_over = [&](const Run& run) { return run.time_ms <= last_ms - length_ms; };
  if (std::any_of(runs_.begin(), runs_.end(), is_over)) {
    // In a log that was copied forward they do not all stand in the order of their age.
    index_.clear();
    base_ = 0;
    auto next = std::exchange(entries_, {});
    for (const Run& run : std::exchange(runs_, {})) {
      for (std::uint32_t i = 0; i < run.count; ++i, next.pop_front()) {
        ledger_.release(Location{run.segment, 0}, entry_size_bytes);
        if (!is_over(run)) remember(next.front().key, next.front().sequence, now_ms, run.segment);
      }
    }
  }
  for (Run& run : runs_) run.time_ms = now_ms;
}

DeduplicationWindow::Aged DeduplicationWindow::find_in_segment(std::uint32_t segment) const {
  std::size_t first = 0;
  for (const Run& run : runs_) {
    if (run.segment == segment) {
      const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first);
      return {run.time_ms, {begin, begin + run.count}};
    }
    first += run.count;
  }
  return {};
}

void DeduplicationWindow::moved_forward(std::span<const Entry> entries, std::int64_t time_ms, std::uint32_t segment) {
  if (entries.empty()) return;
  if (const auto number = number_of(entries.front().key)) {
    std::size_t first = 0;
    for (Run& run : runs_) {
      if (first != *number - base_ || run.count != entries.size()) {
        first += run.count;
        continue;
      }
      for (std::uint32_t i = 0; i < run.count; ++i) {
        ledger_.refer(Location{segment, 0}, entry_size_bytes);
        ledger_.release(Location{run.segment, 0}, entry_size_bytes);
      }
      run.segment = segment;
      return;
    }
  }
  for (const Entry& each : entries) {
    if (!number_of(each.key)) remember(each.key, each.sequence, time_ms, segment);
  }
}

}  // namespace remuda::broker
