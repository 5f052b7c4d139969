#pragma once
// The queue node's memory on disk: an append-only chain of segments of records. Refuses to know what a record means.
// One thread owns a Journal; a helper thread inside only prepares, recycles and indexes files. The format, and why each sync stands
// where it stands, is in JOURNAL.md.
//
//   auto folder = open_folder(path);                 // every turn of the loop:
//   Journal journal{**folder, {}};                   //   engine.apply(...)      -> append()
//   QueueEngine engine{journal};                     //   journal.sync()         (or write(), when no reply claims durability)
//   journal.open(replay, checkpoint);                //   send the replies; truncate(oldest needed); tick(now)

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/log.hpp"
#include "broker/journal/backup_source.hpp"
#include "broker/journal/files.hpp"
#include "common/clock.hpp"
#include "common/result.hpp"

namespace remuda::broker {

struct JournalOptions {
  /// Size of a segment file: 4 KiB to 1 GiB, a multiple of 4 KiB. A record may fill at most half of one (see max_record_size()).
  std::uint32_t segment_size_bytes = 64U << 20U;
  /// Spare segments kept for reuse after a truncation; more than that are given back to the file system. At least 2.
  std::uint32_t spare_segments_max = 4;
  /// While the disk is full, how often tick() tries again to prepare a segment.
  Duration retry_interval = std::chrono::milliseconds{500};
  /// Continue past damage, reporting what was lost, instead of refusing to start. A person decides this, never a program.
  bool salvage = false;
  /// Memory for bodies that were read from segments; the rest of them is given back to the kernel.
  std::uint64_t body_cache_bytes = std::uint64_t{256} << 20U;
  /// Prepare, recycle and index segments on a helper thread. False does it inside the calls, in a fixed order, for tests.
  bool background = true;
  /// Identity of a journal that is created now; random when absent.
  std::optional<std::array<std::uint8_t, 16>> identity = std::nullopt;
};

/// What became of the disk (RELIABILITY: healthy <-> read_only; any -> poisoned, for good).
enum class StorageState : std::uint8_t {
  healthy,    ///< all records are welcome
  read_only,  ///< no space for payloads: has_room() is false; records without payload still fit into a reserve
  poisoned,   ///< a write or sync failed: nobody knows what the disk holds; confirm nothing and exit
};
std::ostream& operator<<(std::ostream& out, StorageState state);

/// A stretch of the journal that salvage gave up.
struct LostRecords {
  std::string file;
  std::uint64_t offset = 0;          ///< of the first unreadable byte
  std::uint64_t size_bytes = 0;      ///< how much was skipped
  std::uint64_t first_sequence = 0;  ///< records `first_sequence` to `last_sequence` are gone
  std::uint64_t last_sequence = 0;
  bool open_ended = false;  ///< nobody knows whether records after `last_sequence` are gone, too
};

/// A record that the disk no longer gives back as it was written.
struct DamagedRecord {
  std::string file;
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;      ///< where it begins, or where the unreadable stretch does
  std::uint64_t size_bytes = 0;  ///< how far it reaches at most: to the end of the segment when its own header is damaged
};

/// What open() found.
struct Recovery {
  std::uint64_t records = 0;        ///< given to `replay`
  std::uint64_t last_sequence = 0;  ///< 0: an empty journal
  std::uint32_t segments = 0;
  std::uint64_t cut_bytes = 0;        ///< of an unfinished, never confirmed tail
  std::vector<LostRecords> lost;      ///< only with `salvage`
  std::uint64_t gaps = 0;             ///< given up by this or an earlier salvage: what stands behind them may rest on them
  std::vector<std::string> warnings;  ///< sentences for the log: file system that lies about syncs, indexes rebuilt, tail cut
};

class Journal final : public Log, public BackupSource {
 public:
  /// Called once per record, in order, during open(). `operations` lives only for the call; `payload` is where the payload starts.
  using Replay = std::function<void(std::uint64_t sequence, std::string_view operations, Location payload)>;
  /// The small state (queues, counters, sessions) as the operations of one record: pulled by append() before the first record of
  /// each segment, so that replay may start there. Empty = no such record. At most half a segment.
  using Checkpoint = std::function<std::string()>;

  /// Keeps `folder` by reference: it must outlive the journal. Touches nothing until open().
  explicit Journal(Folder& folder, JournalOptions options = {});
  /// Joins the helper thread. Does not sync: close() does.
  ~Journal() override;

  /// Locks the folder, recovers the records that are there, gives each to `replay`, makes the tail durable again and gets
  /// ready to append. Call once, before anything else. Idempotent: a crash inside leaves the same records.
  /// Errors, all definite, nothing is served after them: `journal_locked` (names the holder's process id), `journal_damaged` (names
  /// file and offset; `salvage` continues past it), `journal_version`, `journal_options`, `storage_failed`, `storage_full`.
  Result<Recovery> open(const Replay& replay, Checkpoint checkpoint = {});
  /// Syncs, marks the end as clean, releases the lock. Errors as sync(). Afterwards only destruction is allowed.
  Result<void> close();

  // --- Log, for the engine ---
  Location append(std::string_view operations, std::span<const std::string_view> payload) override;
  /// False also for a record above max_record_size() and when poisoned.
  [[nodiscard]] bool has_room(std::uint64_t size) const override;
  [[nodiscard]] bool has_reserve(std::uint64_t size) const override;
  [[nodiscard]] bool is_full() const override { return state() == StorageState::read_only; }
  /// Half a segment less its header.
  [[nodiscard]] std::uint64_t max_record_size() const override;
  /// Also shows what was appended but not yet written. Valid until the next call that is not const. Empty outside the journal.
  [[nodiscard]] std::string_view read(Location at, std::uint32_t size) const override;

  // --- for the shell ---
  /// Gives everything appended to the kernel: survives the end of this process, not of the machine.
  /// Errors: `journal_poisoned`, outcome unknown; from then on every write() and sync() answers it and nothing is retried.
  Result<void> write();
  /// write(), then makes it survive the machine's end (one fdatasync). Only then may a reply claim it. Errors as write().
  Result<void> sync();
  /// Segments below `before_segment` are needed no more. Carried out by the next successful sync(), oldest first, so that what was
  /// copied forward is durable before its source goes. The segment being written always stays.
  void truncate(std::uint32_t before_segment);
  /// Reads on in the sealed segments, about `size` bytes, and compares every record with its checksums. Nothing when all was well.
  /// May be called by one other thread, too: it waits for the disk.
  [[nodiscard]] std::optional<DamagedRecord> scrub(std::uint64_t size);
  /// How often scrub() has come to the end of the sealed segments.
  [[nodiscard]] std::uint64_t scrub_passes() const;
  /// Retries to get space while read_only. Call at least every `retry_interval` then; cheap otherwise.
  void tick(Instant now);

  // --- BackupSource ---
  [[nodiscard]] std::vector<DurableSegment> hold() override;
  [[nodiscard]] Result<std::string> read_segment(std::uint32_t segment, std::uint64_t offset, std::uint32_t size) const override;
  void release() override;

  [[nodiscard]] StorageState state() const;
  /// Why it is poisoned or read_only, for people; empty when healthy.
  [[nodiscard]] std::string state_reason() const;
  [[nodiscard]] std::uint32_t oldest_segment() const;
  [[nodiscard]] std::uint32_t active_segment() const;
  /// The last record appended (0: none), and the last that is known to be durable.
  [[nodiscard]] std::uint64_t last_sequence() const;
  [[nodiscard]] std::uint64_t synced_sequence() const;
  /// Bytes of all segments in use, spares not counted.
  [[nodiscard]] std::uint64_t size_bytes() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace remuda::broker
