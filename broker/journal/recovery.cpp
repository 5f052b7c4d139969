#include "broker/journal/recovery.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "broker/journal/known_end.hpp"
#include "broker/journal/segment_files.hpp"
#include "broker/journal/segment_scan.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {
namespace {

/// The first segment is small so that a new queue node starts at once; the others are prepared ahead.
constexpr std::uint32_t first_segment_capacity_max = 4U << 20U;

JournalIdentity random_identity() {
  std::random_device source;
  JournalIdentity identity{};
  std::generate(identity.begin(), identity.end(), [&] { return static_cast<std::uint8_t>(source()); });
  return identity;
}

class ChainRecovery {
 public:
  ChainRecovery(Folder& folder, const JournalOptions& options, const Journal::Replay& replay)
      : folder_{folder}, options_{options}, replay_{replay} {}

  Result<RecoveredChain> run() {
    if (auto done = sort_files(); !done) return Failure<Error>{done.error()};
    if (numbers_.empty()) {
      if (auto done = create_first_segment(); !done) return Failure<Error>{done.error()};
    } else {
      if (auto done = read_headers(); !done) return Failure<Error>{done.error()};
      if (auto done = read_mark(); !done) return Failure<Error>{done.error()};
      for (std::size_t i = 0; i < headers_.size(); ++i) {
        if (auto done = recover_segment(i); !done) return Failure<Error>{done.error()};
      }
    }
    if (mark_lost_) {
      chain_.report.lost.push_back(
          {place(mark_file_name), 0, segment_header_size, chain_.next_sequence, chain_.next_sequence - 1, true});
    }
    // Names that a crash left unsynced must not depend on luck from here on.
    if (const auto synced = folder_.sync(); !synced) return io_failure("fsync", "", synced.error());
    chain_.report.segments = static_cast<std::uint32_t>(chain_.segments.size());
    chain_.report.last_sequence = chain_.next_sequence - 1;
    if (const auto doubt = folder_.warning(); !doubt.empty()) warn(folder_.path() + " is on " + doubt);
    return std::move(chain_);
  }

 private:
  // --- what is there ---

  Result<void> sort_files() {
    const auto names = folder_.list();
    if (!names) return io_failure("listing", "", names.error());
    std::vector<std::string> useless;
    bool marked = false;
    for (const auto& name : *names) {
      const auto [kind, number] = parse_file_name(name);
      if (kind == FileKind::segment) numbers_.push_back(number);
      if (kind == FileKind::index) indexes_.insert(number);
      if (kind == FileKind::mark) marked = true;
      if (kind == FileKind::spare && is_usable_spare(name)) {
        chain_.spares.push_back(number);
      } else if (kind == FileKind::spare || kind == FileKind::unfinished) {
        useless.push_back(name);
      }
    }
    std::sort(numbers_.begin(), numbers_.end());
    std::sort(chain_.spares.begin(), chain_.spares.end());
    if (numbers_.empty() && (!chain_.spares.empty() || !indexes_.empty() || marked)) {
      return damaged(segment_name(1), "spares, indexes or a mark are there, but no segment: the segments were removed", 0);
    }
    for (std::size_t i = 1; i < numbers_.size(); ++i) {
      if (numbers_[i] != numbers_[i - 1] + 1) return damaged(segment_name(numbers_[i - 1] + 1), "the segment is missing", 0);
    }
    for (const auto number : indexes_) {
      if (!std::binary_search(numbers_.begin(), numbers_.end(), number)) useless.push_back(index_name(number));
    }
    while (chain_.spares.size() > std::max<std::size_t>(options_.spare_segments_max, 2)) {
      useless.push_back(spare_name(chain_.spares.back()));
      chain_.spares.pop_back();
    }
    for (const auto& name : useless) {
      if (const auto removed = folder_.remove(name); !removed) return io_failure("removal", name, removed.error());
    }
    return {};
  }

  bool is_usable_spare(const std::string& name) {
    const auto file = folder_.open(name, OpenMode::read);
    if (!file) return false;
    const auto size = (*file)->size();
    return size && *size == options_.segment_size_bytes;
  }

  /// Made under another name and renamed when whole: a first segment without a valid header can only be damage.
  Result<void> create_first_segment() {
    chain_.identity = options_.identity ? *options_.identity : random_identity();
    const SegmentHeader header{chain_.identity, 1, std::min(options_.segment_size_bytes, first_segment_capacity_max), 1};
    const auto name = unfinished_name(segment_name(1));
    auto file = create_preallocated(folder_, name, header.capacity);
    if (!file) return io_failure("creation", name, file.error());
    auto done = write_zeros(**file, 0, header.capacity);
    if (done) done = write_fully(**file, 0, encode(header, FileForm::segment));
    if (done) done = (*file)->sync();
    if (done) done = folder_.rename(name, segment_name(1));
    if (!done) return io_failure("preparation", name, done.error());
    chain_.segments.push_back({1, header.capacity});
    chain_.position = segment_header_size;
    return {};
  }

  Result<void> read_headers() {
    std::map<std::uint32_t, Error> unreadable;
    for (const auto number : numbers_) {
      const auto name = segment_name(number);
      auto file = folder_.open(name, OpenMode::read);
      if (!file) return io_failure("opening", name, file.error());
      const auto bytes = read_fully(**file, segment_header_size);
      if (!bytes) return io_failure("reading", name, bytes.error());
      auto header = decode_segment_header(*bytes, FileForm::segment);
      if (header && header->number != number) {
        header = fail("journal_damaged", "its header says segment " + std::to_string(header->number));
      }
      if (!header && header.error().code == "journal_version")
        return fail("journal_version", place(name) + ": " + header.error().message);
      if (!header) {
        unreadable.emplace(number, header.error());
        if (options_.salvage) header = header_in_index(number);
      }
      headers_.push_back(header ? *header : SegmentHeader{});
    }
    const auto known = std::find_if(headers_.begin(), headers_.end(), [](const SegmentHeader& h) { return h.number != 0; });
    if (!unreadable.empty() && (!options_.salvage || known == headers_.end())) {
      return damaged(segment_name(unreadable.begin()->first), unreadable.begin()->second.message, 0);
    }
    chain_.identity = known->identity;
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      constexpr std::uint64_t identity_at = 16;
      const auto name = segment_name(numbers_[i]);
      if (headers_[i].number != 0 && headers_[i].identity != chain_.identity) {
        return damaged(name, "it belongs to another journal", identity_at);
      }
    }
    for (const auto& [number, error] : unreadable) broken_headers_.insert(number);
    return {};
  }

  Result<SegmentHeader> header_in_index(std::uint32_t number) {
    const auto bytes = read_index(number, segment_header_size);
    auto header = decode_segment_header(bytes ? *bytes : std::string{}, FileForm::index);
    if (header && header->number != number) return fail("journal_damaged", "it is the index of another segment");
    return header;
  }

  std::optional<std::string> read_index(std::uint32_t number, std::uint64_t size) {
    const auto file = folder_.open(index_name(number), OpenMode::read);
    if (!file) return std::nullopt;
    auto bytes = read_fully(**file, size);
    if (!bytes) return std::nullopt;
    return *std::move(bytes);
  }

  /// What an earlier start or stop knew to be durable. Without a mark (a restored backup, an older program) nothing is known.
  Result<void> read_mark() {
    const auto mark = read_known_end(folder_);
    if (!mark) return io_failure("reading", mark_file_name, mark.error());
    const bool foreign = mark->end && mark->end->identity != chain_.identity;
    if (!options_.salvage && mark->damaged) return damaged(mark_file_name, "it is unreadable", 0);
    if (!options_.salvage && foreign) return damaged(mark_file_name, "it belongs to another journal", 0);
    mark_lost_ = mark->damaged || foreign;
    if (mark->end && !foreign && !REMUDA_MUTANT(132)) chain_.marked_sequence = mark->end->first_sequence - 1;
    return {};
  }

  // --- one segment ---

  Result<void> recover_segment(std::size_t i) {
    SegmentHeader& header = headers_[i];
    const auto name = segment_name(numbers_[i]);
    const bool last = i + 1 == headers_.size();
    auto file = folder_.open(name, last || options_.salvage ? OpenMode::read_write : OpenMode::read);
    if (!file) return io_failure("opening", name, file.error());
    if (auto whole = restore_frame(**file, header, i); !whole) return whole;
    if (i > 0 && header.first_sequence != chain_.next_sequence) {
      constexpr std::uint64_t first_sequence_at = 32;
      return damaged(name,
                     "it starts with record " + std::to_string(header.first_sequence) + ", the segment before it ends with " +
                         std::to_string(chain_.next_sequence - 1),
                     first_sequence_at);
    }
    chain_.next_sequence = header.first_sequence;
    chain_.segments.push_back({header.number, header.capacity});
    // A salvage reads every payload: what is damaged is given up once, and not found again by whoever asks for it.
    if (!last && !options_.salvage && replay_index(header)) return {};

    auto bytes = read_fully(**file, header.capacity);
    if (!bytes) return io_failure("reading", name, bytes.error());
    if (bytes->size() < header.capacity) return damaged(name, "the file became shorter while it was read", bytes->size());
    if (options_.salvage) {
      if (auto healed = heal(**file, name, header, *bytes); !healed) return healed;
    }
    ScanState state;
    state.next_sequence = header.first_sequence;
    const std::uint32_t seed = record_seed(header.identity, header.number);
    while (true) {
      scan_records(*bytes, FileForm::segment, seed, state, [&](const ScannedRecord& record) { replay(header.number, record); });
      if (state.sealed) break;
      auto remnants = look_behind(*bytes, seed, state);
      if (last && state.next_sequence <= chain_.marked_sequence) remnants.damage = true;
      const bool room_for_seal = state.position + record_header_size <= header.capacity;
      if (last && !remnants.damage && room_for_seal) {
        if (auto done = settle_tail(**file, name, *bytes, state, remnants); !done) return done;
        break;
      }
      const Gap gap{header.number, last, last ? chain_.marked_sequence + 1 : headers_[i + 1].first_sequence};
      if (auto covered = cover_damage(**file, *bytes, seed, state, remnants, gap); !covered) return covered;
    }
    if (last) note_what_was_cut_off(name, *bytes, state);
    if (last && state.sealed) {
      if (auto there = expect_no_successor(header.number, state); !there) return there;
      if (auto done = settle_tail(**file, name, *bytes, state, {}); !done) return done;
    }
    chain_.position = state.position;
    chain_.sealed = state.sealed;
    chain_.next_sequence = state.next_sequence;
    if (state.sealed) {
      chain_.unindexed.push_back(header.number);
    } else if (options_.salvage || !indexes_.contains(header.number)) {
      chain_.checkpoint_index = make_checkpoint_index(*bytes);
    }
    return {};
  }

  /// A last segment that is sealed has no successor, unless the mark knows of records behind it.
  Result<void> expect_no_successor(std::uint32_t number, const ScanState& state) {
    if (state.next_sequence > chain_.marked_sequence) return {};
    const auto name = segment_name(number + 1);
    if (!options_.salvage) return damaged(name, "the segment is missing, though it held what was durable once", 0);
    chain_.report.lost.push_back({place(name), 0, 0, state.next_sequence, chain_.marked_sequence});
    return {};
  }

  /// Header and size as they were when the first record was written; only salvage repairs them.
  Result<void> restore_frame(File& file, SegmentHeader& header, std::size_t i) {
    const auto name = segment_name(numbers_[i]);
    const auto size = file.size();
    if (!size) return io_failure("sizing", name, size.error());
    cut_at_.reset();
    if (broken_headers_.contains(numbers_[i])) {
      if (header.number == 0) {
        const auto bytes = read_fully(file, segment_capacity_max);
        if (!bytes) return io_failure("reading", name, bytes.error());
        const auto capacity = std::clamp<std::uint64_t>(*size / segment_capacity_min * segment_capacity_min, segment_capacity_min,
                                                        segment_capacity_max);
        const auto first =
            read_record_head(*bytes, segment_header_size, record_seed(chain_.identity, numbers_[i]), FileForm::segment);
        const auto first_sequence = i > 0 ? chain_.next_sequence : (first ? first->header.sequence : 1);
        header = {chain_.identity, numbers_[i], static_cast<std::uint32_t>(capacity), first_sequence};
      }
      warn("the header of " + place(name) + " was damaged and is written anew");
      auto done = write_fully(file, 0, encode(header, FileForm::segment));
      if (done) done = file.sync();
      if (!done) return io_failure("repair", name, done.error());
    }
    if (*size >= header.capacity) return {};
    if (!options_.salvage) {
      return damaged(name, "the file ends here, its header says " + std::to_string(header.capacity) + " bytes", *size);
    }
    cut_at_ = *size;
    auto grown = file.allocate(header.capacity);
    if (grown) grown = file.sync();
    if (!grown) return io_failure("allocation", name, grown.error());
    return {};
  }

  /// Replays a sealed segment from its index. False, with nothing replayed, when there is none or it is not whole.
  bool replay_index(const SegmentHeader& header) {
    const auto bytes = read_index(header.number, header.capacity);
    const auto usable = [&] {
      if (!bytes) return false;
      const auto own = decode_segment_header(*bytes, FileForm::index);
      return own && *own == header;
    };
    if (!usable()) return false;
    const std::uint32_t seed = record_seed(header.identity, header.number);
    ScanState checked;
    checked.next_sequence = header.first_sequence;
    scan_records(*bytes, FileForm::index, seed, checked, [](const ScannedRecord&) {});
    const bool whole = checked.sealed && checked.position == bytes->size() && checked.segment_position <= header.capacity;
    if (!whole && !REMUDA_MUTANT(72)) return false;
    ScanState state;
    state.next_sequence = header.first_sequence;
    scan_records(*bytes, FileForm::index, seed, state, [&](const ScannedRecord& record) { replay(header.number, record); });
    chain_.next_sequence = state.next_sequence;
    return true;
  }

  void replay(std::uint32_t segment, const ScannedRecord& record) {
    if ((record.header.flags & record_flag::lost) != 0) ++chain_.report.gaps;
    const bool meaningless = (record.header.flags & record_flag::lost) != 0 || record.operations.empty();
    if (meaningless) return;
    ++chain_.report.records;
    if (replay_) replay_(record.header.sequence, record.operations, {segment, static_cast<std::uint32_t>(record.payload_at)});
  }

  // --- the tail ---

  /// Makes durable what was replayed but may so far only stand in the page cache (after a failed sync the kernel shows data that
  /// never reached the disk), and erases what stands behind it, lest it pass for a continuation one day.
  Result<void> settle_tail(File& file, const std::string& name, const std::string& bytes, const ScanState& state,
                           const Remnants& remnants) {
    const std::uint64_t doubtful = state.unsynced.empty() ? state.position : state.unsynced.front().second;
    if (REMUDA_MUTANT(67)) return {};
    auto done = write_fully(file, doubtful, std::string_view{bytes}.substr(doubtful, state.position - doubtful));
    if (done && remnants.end > state.position) {
      chain_.report.cut_bytes = remnants.end - state.position;
      warn("cut " + std::to_string(chain_.report.cut_bytes) + " bytes of an unfinished, never confirmed write at the end of " +
           place(name));
      if (!REMUDA_MUTANT(68)) done = write_zeros(file, state.position, remnants.end);
    }
    if (done) done = file.sync();
    if (!done) return io_failure("rewriting the tail", name, done.error());
    return {};
  }

  // --- damage ---

  /// A sealed segment has its operations twice.
  Result<void> heal(File& file, const std::string& name, const SegmentHeader& header, std::string& bytes) {
    const auto index = read_index(header.number, header.capacity);
    const auto healed = index ? heal_from_index(*index, header, bytes) : 0;
    if (healed == 0) return {};
    auto done = write_fully(file, 0, bytes);
    if (done) done = file.sync();
    if (!done) return io_failure("repair", name, done.error());
    warn(std::to_string(healed) + " damaged records of " + place(name) + " are restored from its index");
    return {};
  }

  /// Where the last segment's file was cut short, records may have stood that nobody knows of; unless zeros behind the last one
  /// tell that no other was begun.
  void note_what_was_cut_off(const std::string& name, const std::string& bytes, const ScanState& state) {
    if (!cut_at_ || state.sealed) return;
    const auto behind = std::string_view{bytes}.substr(state.position, record_header_size);
    const bool was_end =
        *cut_at_ >= state.position + record_header_size && behind.find_first_not_of('\0') == std::string_view::npos;
    if (was_end) return;
    chain_.report.lost.push_back(
        {place(name), *cut_at_, bytes.size() - *cut_at_, state.next_sequence, state.next_sequence - 1, true});
  }

  /// Where an unreadable stretch lies, and the sequence known to come behind it.
  struct Gap {
    std::uint32_t segment = 0;
    bool last = false;
    std::uint64_t next_sequence = 0;  ///< 0: not known
  };

  /// Without `salvage`, refuses. With it, covers the unreadable stretch with a `lost` record, on disk and in `bytes`, so that this
  /// and every later start reads on behind it.
  Result<void> cover_damage(File& file, std::string& bytes, std::uint32_t seed, const ScanState& state, const Remnants& remnants,
                            const Gap& gap) {
    const auto name = segment_name(gap.segment);
    const auto refusal = [&](const std::string& why) { return damaged(name, why, state.position); };
    const std::string unreadable = "record " + std::to_string(state.next_sequence) + " is unreadable, though it was durable once";
    if (!options_.salvage) return refusal(unreadable);

    RecordHeader lost;
    lost.flags = record_flag::lost;
    std::uint64_t end = 0;
    if (remnants.resume) {
      end = remnants.resume->first;
      lost.sequence = remnants.resume->second.sequence - 1;
    } else if (gap.last) {
      end = std::max(remnants.end, state.position + record_header_size);
      lost.sequence = std::max(remnants.highest_sequence, gap.next_sequence - 1);
    } else {
      end = bytes.size();
      lost.sequence = gap.next_sequence - std::min<std::uint64_t>(gap.next_sequence, 1);
      lost.flags |= record_flag::seal;
    }
    if (!remnants.resume && end + record_header_size > bytes.size()) {  // no room for another record, nor for a seal
      end = bytes.size();
      lost.flags |= record_flag::seal;
    }
    const bool coverable = end >= state.position + record_header_size && lost.sequence >= state.next_sequence;
    if (!coverable) return refusal(unreadable + ", and there is no place to go on from");
    // Its index would bring back what is given up.
    if (const auto removed = folder_.remove(index_name(gap.segment)); !removed && removed.error().value != ENOENT) {
      return io_failure("removal", index_name(gap.segment), removed.error());
    }
    if (const auto synced = folder_.sync(); !synced) return io_failure("fsync", "", synced.error());

    const std::string_view hole =
        std::string_view{bytes}.substr(state.position + record_header_size, end - state.position - record_header_size);
    std::string cover;
    append_record(cover, seed, lost, {}, std::array{hole});
    std::copy_n(cover.begin(), record_header_size, bytes.begin() + static_cast<std::ptrdiff_t>(state.position));
    auto done = write_fully(file, state.position, std::string_view{cover}.substr(0, record_header_size));
    if (done) done = file.sync();
    if (!done) return io_failure("salvage", name, done.error());
    chain_.report.lost.push_back({place(name), state.position, end - state.position, state.next_sequence, lost.sequence});
    return {};
  }

  std::string place(const std::string& name) const { return name.empty() ? folder_.path() : folder_.path() + "/" + name; }
  void warn(std::string sentence) { chain_.report.warnings.push_back(std::move(sentence)); }

  Failure<Error> damaged(const std::string& name, const std::string& why,
                         std::optional<std::uint64_t> offset = std::nullopt) const {
    const std::string advice =
        options_.salvage
            ? ". Restore the folder from a backup."
            : ". Restore the folder from a backup; or copy it, then start once with --salvage to go on without what is lost.";
    return fail("journal_damaged", place(name) + (offset ? ": offset " + std::to_string(*offset) : "") + ": " + why + advice);
  }
  Failure<Error> io_failure(std::string_view call, const std::string& name, Errno error) const {
    return {storage_error(folder_, call, name, error)};
  }

  Folder& folder_;
  const JournalOptions& options_;
  const Journal::Replay& replay_;
  std::vector<std::uint32_t> numbers_;
  std::vector<SegmentHeader> headers_;  // one per number; number 0 where unreadable
  std::set<std::uint32_t> indexes_;
  std::set<std::uint32_t> broken_headers_;  // of segments that are salvaged
  std::optional<std::uint64_t> cut_at_;     // size of the segment's file before it was grown again
  bool mark_lost_ = false;
  RecoveredChain chain_;
};

}  // namespace

Result<RecoveredChain> recover_chain(Folder& folder, const JournalOptions& options, const Journal::Replay& replay) {
  return ChainRecovery{folder, options, replay}.run();
}

}  // namespace remuda::broker
