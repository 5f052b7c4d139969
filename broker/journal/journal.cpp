#include "broker/journal/journal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <deque>

#include "broker/journal/body_cache.hpp"
#include "broker/journal/format.hpp"
#include "broker/journal/known_end.hpp"
#include "broker/journal/recovery.hpp"
#include "broker/journal/scrubber.hpp"
#include "broker/journal/segment_files.hpp"
#include "broker/journal/segment_keeper.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {
namespace {

constexpr std::uint32_t page_size = 4096;
/// A batch buffer that once grew beyond this is given back.
constexpr std::size_t batch_capacity_kept = 8U << 20U;

Result<void> check(const JournalOptions& options) {
  const auto size = options.segment_size_bytes;
  if (size < segment_capacity_min || size > segment_capacity_max || size % page_size != 0) {
    return fail("journal_options", "segment size must be 4 KiB to 1 GiB in steps of 4 KiB, not " + std::to_string(size) + " bytes");
  }
  if (options.spare_segments_max < SegmentKeeper::spares_wanted)
    return fail("journal_options", "at least 2 spare segments are needed");
  return {};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, StorageState state) {
  switch (state) {
    case StorageState::healthy:
      return out << "healthy";
    case StorageState::read_only:
      return out << "read_only";
    case StorageState::poisoned:
      return out << "poisoned";
  }
  return out << "unknown";
}

class Journal::Implementation {
 public:
  Implementation(Folder& folder, JournalOptions options)
      : folder_{folder}, options_{std::move(options)}, bodies_{folder, options_.body_cache_bytes}, scrubber_{folder} {}

  Result<Recovery> open(const Replay& replay, Checkpoint checkpoint);
  Result<void> close();

  Location append(std::string_view operations, std::span<const std::string_view> payload);
  [[nodiscard]] bool has_room(std::uint64_t size) const;
  [[nodiscard]] bool has_reserve(std::uint64_t size) const;
  [[nodiscard]] std::uint64_t max_record_size() const {
    return options_.segment_size_bytes / 2 - segment_header_size - 2 * record_header_size;
  }
  [[nodiscard]] std::string_view read(Location at, std::uint32_t size) const;

  Result<void> write();
  Result<void> sync();
  void truncate(std::uint32_t before_segment) { truncate_before_ = std::max(truncate_before_, before_segment); }
  void tick(Instant now);

  [[nodiscard]] std::vector<DurableSegment> hold();
  [[nodiscard]] Result<std::string> read_segment(std::uint32_t segment, std::uint64_t offset, std::uint32_t size) const;
  void release() { held_from_.reset(); }
  [[nodiscard]] std::optional<DamagedRecord> scrub(std::uint64_t size) { return scrubber_.step(size); }
  [[nodiscard]] std::uint64_t scrub_passes() const { return scrubber_.passes(); }

  [[nodiscard]] StorageState state() const;
  [[nodiscard]] std::string state_reason() const;
  [[nodiscard]] std::uint32_t oldest_segment() const { return segments_.empty() ? 0 : segments_.front().number; }
  [[nodiscard]] std::uint32_t active_segment() const { return active_.number; }
  [[nodiscard]] std::uint64_t last_sequence() const { return next_sequence_ - 1; }
  [[nodiscard]] std::uint64_t synced_sequence() const { return synced_sequence_; }
  [[nodiscard]] std::uint64_t size_bytes() const;

 private:
  struct Segment {
    std::uint32_t number = 0;
    std::uint32_t capacity = 0;
  };
  /// Where the next record goes.
  struct Active {
    std::uint32_t number = 0;
    std::uint32_t capacity = 0;
    std::uint32_t seed = 0;
    std::uint64_t position = 0;
    bool sealed = false;
  };
  /// Bytes for one segment that the kernel does not have yet.
  struct Batch {
    std::uint32_t segment = 0;
    std::uint64_t offset = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
    std::string bytes;
  };

  Result<void> lock();
  [[nodiscard]] Io<Unit> keep_end();
  void keep_checkpoint();
  [[nodiscard]] bool fits(std::uint64_t size) const;
  void append_checkpoint(std::uint64_t next_size);
  void append_to_batch(std::uint16_t flags, std::string_view operations, std::span<const std::string_view> payload);
  void roll_over();
  Batch& batch();
  Result<void> write(Batch& batch);
  Result<void> activate(const Batch& first);
  Result<void> sync_file();
  void carry_out_truncation();
  Failure<Error> poison(Error cause);
  Failure<Error> poison(std::string_view call, const std::string& name, Errno error) {
    return poison(storage_error(folder_, call, name, error));
  }
  [[nodiscard]] Failure<Error> poisoned() const { return fail_unknown("journal_poisoned", poison_->message); }

  // Constant after open().
  Folder& folder_;
  const JournalOptions options_;
  JournalIdentity identity_{};
  Checkpoint checkpoint_;
  std::unique_ptr<File> lock_;
  std::unique_ptr<SegmentKeeper> keeper_;

  // The chain as the engine sees it: changed by append().
  Active active_;
  std::uint64_t next_sequence_ = 1;
  std::deque<Batch> batches_;  // oldest first; the first one's buffer is reused
  std::deque<Segment> segments_;
  std::string checkpoint_index_;  // of a segment whose checkpoint is not known to be durable yet
  std::uint32_t checkpoint_index_segment_ = 0;

  // The chain as the kernel and the disk have it: changed by write() and sync().
  std::unique_ptr<File> file_;
  std::uint32_t file_segment_ = 0;
  std::uint32_t file_capacity_ = 0;
  std::uint64_t written_end_ = 0;  ///< of the last record, in its file
  std::uint64_t synced_end_ = 0;
  std::uint64_t written_sequence_ = 0;
  std::uint64_t synced_sequence_ = 0;
  std::uint32_t truncate_before_ = 0;
  std::optional<std::uint32_t> held_from_;  ///< a backup reads the segments from here on
  std::optional<Error> poison_;

  std::optional<Instant> retry_at_;
  mutable BodyCache bodies_;
  Scrubber scrubber_;
};

Result<Recovery> Journal::Implementation::open(const Replay& replay, Checkpoint checkpoint) {
  assert(!lock_);
  if (auto sound = check(options_); !sound) return Failure<Error>{sound.error()};
  if (auto locked = lock(); !locked) return Failure<Error>{locked.error()};
  auto recovered = recover_chain(folder_, options_, replay);
  if (!recovered) return Failure<Error>{recovered.error()};
  RecoveredChain& chain = *recovered;
  identity_ = chain.identity;
  checkpoint_ = std::move(checkpoint);
  for (const auto& segment : chain.segments) segments_.push_back({segment.number, segment.capacity});
  const auto& last = chain.segments.back();
  active_ = {last.number, last.capacity, record_seed(identity_, last.number), chain.position, chain.sealed};
  next_sequence_ = chain.next_sequence;
  if (REMUDA_MUTANT(78) && next_sequence_ > 1) --next_sequence_;
  written_sequence_ = synced_sequence_ = next_sequence_ - 1;
  auto file = folder_.open(segment_name(last.number), OpenMode::read_write);
  if (!file) return Failure<Error>{storage_error(folder_, "opening", segment_name(last.number), file.error())};
  file_ = std::move(*file);
  file_segment_ = last.number;
  file_capacity_ = last.capacity;
  written_end_ = synced_end_ = chain.position;
  if (chain.marked_sequence + 1 != next_sequence_) {
    if (const auto kept = keep_end(); !kept) return Failure<Error>{storage_error(folder_, "marking", mark_file_name, kept.error())};
  }

  keeper_ = std::make_unique<SegmentKeeper>(
      folder_, SegmentKeeper::Settings{options_.segment_size_bytes, options_.spare_segments_max, options_.background},
      chain.spares);
  if (auto started = keeper_->start(); !started) return Failure<Error>{started.error()};
  for (const auto number : chain.unindexed) keeper_->index(number);
  if (!chain.checkpoint_index.empty()) keeper_->index(last.number, std::move(chain.checkpoint_index));
  scrubber_.set_range(identity_, oldest_segment(), file_segment_);
  return std::move(chain.report);
}

Result<void> Journal::Implementation::lock() {
  auto file = folder_.open(lock_file_name, OpenMode::create);
  if (!file) return Failure<Error>{storage_error(folder_, "opening", lock_file_name, file.error())};
  const auto locked = (*file)->lock();
  if (!locked && locked.error().value == EWOULDBLOCK && !REMUDA_MUTANT(76)) {
    const auto content = read_fully(**file, 20);
    const std::string holder = content ? content->substr(0, content->find('\n')) : "";
    const bool named = !holder.empty() && std::all_of(holder.begin(), holder.end(), [](char c) { return c >= '0' && c <= '9'; });
    return fail("journal_locked", folder_.path() + " is in use by " + (named ? "process " + holder : "another process") +
                                      "; stop it first, or give this one a data folder of its own");
  }
  if (!locked && !REMUDA_MUTANT(76)) return Failure<Error>{storage_error(folder_, "lock", lock_file_name, locked.error())};
  static_cast<void>(write_fully(**file, 0, std::to_string(::getpid()) + "\n"));  // for people only: the lock is what counts
  lock_ = std::move(*file);
  return {};
}

Result<void> Journal::Implementation::close() {
  if (!keeper_) return {};
  auto synced = sync();
  if (REMUDA_MUTANT(77)) active_.sealed = true;
  if (synced && !active_.sealed && active_.position > segment_header_size) {
    // An empty record whose header says that all before it is durable: from now on, whatever is missing at the end is damage.
    // Not as a segment's first record: that is the checkpoint, and the segment before it says the same by its seal. Where only the
    // seal still has room, the seal says it.
    const bool room = fits(record_header_size);
    append_to_batch(room ? 0 : record_flag::seal, {}, {});
    active_.sealed = !room;
    synced = sync();
  }
  if (synced) {
    if (const auto kept = keep_end(); !kept) synced = poison("marking", mark_file_name, kept.error());
  }
  keeper_.reset();
  file_.reset();
  lock_.reset();
  return synced;
}

/// All that was appended is durable. A full disk keeps the mark of before, which is true as well.
Io<Unit> Journal::Implementation::keep_end() {
  if (REMUDA_MUTANT(131)) return Unit{};
  auto kept = keep_known_end(folder_, {identity_, active_.number, active_.capacity, next_sequence_});
  if (!kept && is_disk_full(kept.error())) return Unit{};
  return kept;
}

// --- appending ---

/// Every segment keeps room for its seal.
bool Journal::Implementation::fits(std::uint64_t size) const {
  return !active_.sealed && active_.position + size + record_header_size <= active_.capacity;
}

bool Journal::Implementation::has_room(std::uint64_t size) const {
  if (poison_ || keeper_->failed() || size > max_record_size()) return false;
  if (REMUDA_MUTANT(75)) return has_reserve(size);
  if (fits(record_size(size, 0))) return !keeper_->full() || keeper_->available() >= 1;
  return keeper_->full() ? keeper_->available() >= 2 : keeper_->wait_for_spare();
}

bool Journal::Implementation::has_reserve(std::uint64_t size) const {
  if (poison_ || keeper_->failed() || size > max_record_size()) return false;
  return fits(record_size(size, 0)) || keeper_->wait_for_spare();
}

Location Journal::Implementation::append(std::string_view operations, std::span<const std::string_view> payload) {
  assert(keeper_ && !operations.empty());
  std::uint64_t payload_size = 0;
  for (const auto piece : payload) payload_size += piece.size();
  const auto size = record_size(operations.size(), payload_size);
  if (operations.size() + payload_size > max_record_size()) {
    static_cast<void>(
        poison({"record_too_large", "a record of " + std::to_string(size) + " bytes was appended without asking for room", true}));
  }
  if (!fits(size)) roll_over();
  if (active_.position == segment_header_size && checkpoint_ && !REMUDA_MUTANT(79)) append_checkpoint(size);
  const std::uint32_t segment = active_.number;
  const std::uint64_t payload_at = active_.position + record_header_size + operations.size();
  append_to_batch(0, operations, payload);
  return {segment, static_cast<std::uint32_t>(payload_at)};
}

/// Starts the active segment with the checkpoint, ahead of a record of `next_size` bytes.
void Journal::Implementation::append_checkpoint(std::uint64_t next_size) {
  const std::string state = checkpoint_();
  if (state.empty()) return;
  if (state.size() > max_record_size()) {
    static_cast<void>(
        poison({"record_too_large", "the checkpoint of " + std::to_string(state.size()) + " bytes fills half a segment", true}));
  }
  // The two fit into every segment but a journal's first, which is small.
  if (!fits(record_size(state.size(), 0) + next_size)) roll_over();
  append_to_batch(record_flag::checkpoint, state, {});
  const std::string_view batch = batches_.back().bytes;
  const auto first = next_sequence_ - 1;
  checkpoint_index_ = make_checkpoint_index(encode({identity_, active_.number, active_.capacity, first}, FileForm::segment) +
                                            std::string{batch.substr(batch.size() - record_size(state.size(), 0))});
  checkpoint_index_segment_ = active_.number;
}

/// All else in the segment rests on its checkpoint: the index has it twice from now on.
void Journal::Implementation::keep_checkpoint() {
  if (checkpoint_index_.empty() || checkpoint_index_segment_ > file_segment_) return;
  if (checkpoint_index_segment_ == file_segment_) keeper_->index(file_segment_, std::move(checkpoint_index_));
  checkpoint_index_.clear();
}

void Journal::Implementation::append_to_batch(std::uint16_t flags, std::string_view operations,
                                              std::span<const std::string_view> payload) {
  Batch& target = batch();
  RecordHeader header;
  header.sequence = next_sequence_++;
  header.unsynced = static_cast<std::uint32_t>(std::min<std::uint64_t>(header.sequence - synced_sequence_, UINT32_MAX));
  header.flags = flags;
  const auto before = target.bytes.size();
  append_record(target.bytes, active_.seed, header, operations, payload);
  target.last_sequence = header.sequence;
  active_.position += target.bytes.size() - before;
}

Journal::Implementation::Batch& Journal::Implementation::batch() {
  if (!batches_.empty() && batches_.back().bytes.empty()) {  // the reused buffer
    batches_.back().segment = active_.number;
    batches_.back().offset = active_.position;
    batches_.back().first_sequence = next_sequence_;
  } else if (batches_.empty() || batches_.back().segment != active_.number) {
    batches_.push_back({active_.number, active_.position, next_sequence_, 0, {}});
  }
  return batches_.back();
}

void Journal::Implementation::roll_over() {
  if (!keeper_->promise()) {
    static_cast<void>(
        poison({"storage_full", "a record was appended without asking for room, and there is none in " + folder_.path(), true}));
  }
  if (!active_.sealed) append_to_batch(record_flag::seal, {}, {});
  const auto number = active_.number + 1;
  active_ = {number, options_.segment_size_bytes, record_seed(identity_, number), segment_header_size, false};
  segments_.push_back({number, options_.segment_size_bytes});
}

// --- writing ---

Result<void> Journal::Implementation::write() {
  if (poison_) return poisoned();
  if (keeper_->failed()) return poison(*keeper_->failure());
  for (auto& waiting : batches_) {
    if (waiting.bytes.empty()) continue;
    if (auto written = write(waiting); !written) return written;
  }
  while (batches_.size() > 1) batches_.pop_front();
  if (!batches_.empty()) {
    auto& buffer = batches_.front().bytes;
    buffer.clear();
    if (buffer.capacity() > batch_capacity_kept) buffer.shrink_to_fit();
  }
  return {};
}

Result<void> Journal::Implementation::write(Batch& waiting) {
  if (waiting.segment != file_segment_) {
    if (auto ready = activate(waiting); !ready) return ready;
  }
  // Zeros up to the page's end: the kernel then never has to read a page of a recycled file before it can write it.
  const std::uint64_t end = waiting.offset + waiting.bytes.size();
  const std::uint64_t padded = std::min<std::uint64_t>((end + page_size - 1) / page_size * page_size, file_capacity_);
  waiting.bytes.append(padded - end, '\0');
  if (const auto written = write_fully(*file_, waiting.offset, waiting.bytes); !written) {
    return poison("write", segment_name(waiting.segment), written.error());
  }
  written_end_ = end;
  written_sequence_ = waiting.last_sequence;
  return {};
}

/// A segment's file exists only once the segment before it is durable to its seal; so only the last one can have a torn tail.
Result<void> Journal::Implementation::activate(const Batch& first) {
  if (auto synced = REMUDA_MUTANT(74) ? Result<void>{} : sync_file(); !synced) return synced;
  const auto sealed = file_segment_;
  auto spare = keeper_->take();
  if (!spare) return poison(spare.error());
  auto file = folder_.open(*spare, OpenMode::read_write);
  if (!file) return poison("opening", *spare, file.error());
  std::string head = encode({identity_, first.segment, options_.segment_size_bytes, first.first_sequence}, FileForm::segment);
  head.resize(page_size, '\0');
  auto done = write_fully(**file, 0, head);
  if (done && !REMUDA_MUTANT(62)) done = (*file)->sync();
  if (done) done = folder_.rename(*spare, segment_name(first.segment));
  if (done && !REMUDA_MUTANT(60)) done = folder_.sync();
  if (!done) return poison("activation", segment_name(first.segment), done.error());
  file_ = std::move(*file);
  file_segment_ = first.segment;
  file_capacity_ = options_.segment_size_bytes;
  written_end_ = synced_end_ = segment_header_size;
  scrubber_.set_range(identity_, oldest_segment(), file_segment_);
  keeper_->index(sealed);
  return {};
}

Result<void> Journal::Implementation::sync() {
  if (auto written = write(); !written) return written;
  if (auto synced = sync_file(); !synced) return synced;
  keep_checkpoint();
  if (truncate_before_ > oldest_segment()) carry_out_truncation();
  return {};
}

Result<void> Journal::Implementation::sync_file() {
  if (synced_sequence_ == written_sequence_) return {};
  if (REMUDA_MUTANT(61)) return synced_sequence_ = written_sequence_, Result<void>{};
  if (const auto synced = file_->sync(); !synced && !REMUDA_MUTANT(69))
    return poison("fdatasync", segment_name(file_segment_), synced.error());
  synced_sequence_ = written_sequence_;
  synced_end_ = written_end_;
  return {};
}

void Journal::Implementation::carry_out_truncation() {
  std::vector<SegmentKeeper::Truncated> gone;
  if (REMUDA_MUTANT(71)) ++truncate_before_;
  const auto before = std::min(truncate_before_, held_from_.value_or(truncate_before_));
  while (segments_.size() > 1 && segments_.front().number < before) {
    gone.push_back({segments_.front().number, segments_.front().capacity});
    bodies_.forget(segments_.front().number);
    segments_.pop_front();
  }
  scrubber_.set_range(identity_, oldest_segment(), file_segment_);
  if (!gone.empty()) keeper_->recycle(std::move(gone));
}

void Journal::Implementation::tick(Instant now) {
  if (poison_ || !keeper_->full()) {
    retry_at_.reset();
  } else if (!retry_at_) {
    retry_at_ = now + options_.retry_interval;
  } else if (now >= *retry_at_) {
    retry_at_ = now + options_.retry_interval;
    keeper_->retry();
  }
}

// --- reading ---

std::string_view Journal::Implementation::read(Location at, std::uint32_t size) const {
  for (const auto& waiting : batches_) {
    if (waiting.segment != at.segment || at.offset < waiting.offset || waiting.bytes.empty()) continue;
    const auto offset = at.offset - waiting.offset;
    if (offset + size > waiting.bytes.size()) return {};
    return std::string_view{waiting.bytes}.substr(offset, size);
  }
  if (segments_.empty() || at.segment < segments_.front().number || at.segment > segments_.back().number) return {};
  return bodies_.read(at.segment, segments_[at.segment - segments_.front().number].capacity, at.offset, size);
}

// --- backup ---

std::vector<DurableSegment> Journal::Implementation::hold() {
  std::vector<DurableSegment> held;
  for (const auto& segment : segments_) {
    if (segment.number < file_segment_) held.push_back({segment.number, segment.capacity, segment.capacity});
  }
  held.push_back({file_segment_, file_capacity_, synced_end_});
  held_from_ = held.front().number;
  return held;
}

Result<std::string> Journal::Implementation::read_segment(std::uint32_t segment, std::uint64_t offset, std::uint32_t size) const {
  if (!held_from_ || segment < *held_from_ || segment > file_segment_) {
    return fail("no_such_segment", "segment " + std::to_string(segment) + " is not held for a backup");
  }
  const auto name = segment_name(segment);
  const auto file = folder_.open(name, OpenMode::read);
  if (!file) return Failure<Error>{storage_error(folder_, "opening", name, file.error())};
  auto bytes = read_range(**file, offset, size);
  if (!bytes) return Failure<Error>{storage_error(folder_, "reading", name, bytes.error())};
  return *std::move(bytes);
}

// --- state ---

Failure<Error> Journal::Implementation::poison(Error cause) {
  if (!poison_) poison_ = std::move(cause);
  return poisoned();
}

StorageState Journal::Implementation::state() const {
  if (poison_ || (keeper_ && keeper_->failed())) return StorageState::poisoned;
  return keeper_ && keeper_->full() && keeper_->available() < SegmentKeeper::spares_wanted ? StorageState::read_only
                                                                                           : StorageState::healthy;
}

std::string Journal::Implementation::state_reason() const {
  switch (state()) {
    case StorageState::healthy:
      break;
    case StorageState::read_only:
      return "no space for another segment in " + folder_.path() + ": free some, it resumes by itself";
    case StorageState::poisoned:
      return poison_ ? poison_->message : keeper_->failure()->message;
  }
  return {};
}

std::uint64_t Journal::Implementation::size_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& segment : segments_) sum += segment.capacity;
  return sum;
}

// --- the public face ---

Journal::Journal(Folder& folder, JournalOptions options)
    : implementation_{std::make_unique<Implementation>(folder, std::move(options))} {}
Journal::~Journal() = default;

Result<Recovery> Journal::open(const Replay& replay, Checkpoint checkpoint) {
  return implementation_->open(replay, std::move(checkpoint));
}
Result<void> Journal::close() {
  return implementation_->close();
}
Location Journal::append(std::string_view operations, std::span<const std::string_view> payload) {
  return implementation_->append(operations, payload);
}
bool Journal::has_room(std::uint64_t size) const {
  return implementation_->has_room(size);
}
std::string_view Journal::read(Location at, std::uint32_t size) const {
  return implementation_->read(at, size);
}
bool Journal::has_reserve(std::uint64_t size) const {
  return implementation_->has_reserve(size);
}
std::uint64_t Journal::max_record_size() const {
  return implementation_->max_record_size();
}
Result<void> Journal::write() {
  return implementation_->write();
}
Result<void> Journal::sync() {
  return implementation_->sync();
}
void Journal::truncate(std::uint32_t before_segment) {
  implementation_->truncate(before_segment);
}
std::optional<DamagedRecord> Journal::scrub(std::uint64_t size) {
  return implementation_->scrub(size);
}
std::uint64_t Journal::scrub_passes() const {
  return implementation_->scrub_passes();
}
void Journal::tick(Instant now) {
  implementation_->tick(now);
}
std::vector<DurableSegment> Journal::hold() {
  return implementation_->hold();
}
Result<std::string> Journal::read_segment(std::uint32_t segment, std::uint64_t offset, std::uint32_t size) const {
  return implementation_->read_segment(segment, offset, size);
}
void Journal::release() {
  implementation_->release();
}
StorageState Journal::state() const {
  return implementation_->state();
}
std::string Journal::state_reason() const {
  return implementation_->state_reason();
}
std::uint32_t Journal::oldest_segment() const {
  return implementation_->oldest_segment();
}
std::uint32_t Journal::active_segment() const {
  return implementation_->active_segment();
}
std::uint64_t Journal::last_sequence() const {
  return implementation_->last_sequence();
}
std::uint64_t Journal::synced_sequence() const {
  return implementation_->synced_sequence();
}
std::uint64_t Journal::size_bytes() const {
  return implementation_->size_bytes();
}

}  // namespace remuda::broker
