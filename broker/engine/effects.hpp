#pragma once
// What the engine wants done. The shell writes the log, syncs it if asked, then sends the replies in their order.

#include <cstdint>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "broker/engine/commands.hpp"
#include "broker/engine/log.hpp"
#include "common/result.hpp"

namespace remuda::broker {

/// One received message. The shell reads `size` bytes at `place` from the log and checks them against `crc32c`.
struct Delivery {
  ReceiptHandle handle;
  std::uint32_t receive_count = 0;     ///< this receive included
  std::int64_t sent_ms = 0;            ///< Unix time
  std::int64_t first_received_ms = 0;  ///< Unix time
  Location place;
  std::uint32_t size = 0;
  std::uint32_t crc32c = 0;
};

enum class HandleOutcome : std::uint8_t { done, stale_handle, invalid_visibility_timeout };
[[nodiscard]] std::string_view name_of(HandleOutcome outcome);
std::ostream& operator<<(std::ostream& out, HandleOutcome outcome);

// The answers. Ranges point into the vectors of the same Effects.

/// Applied. `count`: messages stored (a publish counts every target), purged or redriven; `first`: sequence of the
/// first message sent.
struct Done {
  std::uint64_t count = 0;
  Sequence first = 0;
  bool repeated = false;  ///< the request had been applied before; nothing happened now
};
/// A send to a FIFO queue: one sequence per message, in their order: sequences[first, first + count). That of the message that was
/// accepted before where the deduplication id repeats one.
struct Accepted {
  std::size_t first = 0;
  std::size_t count = 0;
};
/// Messages for a receive: deliveries[first, first + count). None when the wait ended empty.
struct Delivered {
  std::size_t first = 0;
  std::size_t count = 0;
};
/// One outcome per handle of the request, in its order: outcomes[first, first + count).
struct HandlesSettled {
  std::size_t first = 0;
  std::size_t count = 0;
};
struct SessionOpened {
  SessionId session = 0;
  bool resumed = false;
};
/// One record of a stream, read from the log like a delivery.
struct StreamRecord {
  Offset offset = 0;
  std::int64_t time_ms = 0;  ///< Unix time
  Location place;
  std::uint32_t size = 0;
  std::uint32_t crc32c = 0;
};
/// Records of a read or a take, and what is left behind them.
struct StreamBatch {
  StreamLease lease;      ///< of a take; number 0: there was nothing to take
  std::size_t first = 0;  ///< stream_records[first, first + count)
  std::size_t count = 0;
  Offset next = 0;              ///< where to go on
  std::uint64_t behind = 0;     ///< records from there to the end
  std::uint64_t behind_ms = 0;  ///< age of the oldest of those; 0: none
  std::uint32_t attempts = 0;   ///< how often the first record failed before
  bool after_sync = false;      ///< of a read: some of it is not on stable storage before this turn's sync
};
/// The error of a request; nothing was changed.
using Answer = std::variant<Done, Accepted, Delivered, HandlesSettled, SessionOpened, StreamBatch, Progress, Error>;

struct Reply {
  ClientId client = 0;
  std::uint64_t request = 0;
  Answer answer;
  bool after_sync = false;  ///< must not leave before the log is synced; otherwise written is enough
};

/// Collects the effects of one turn of the shell's loop, which clears it afterwards and keeps the memory.
struct Effects {
  std::vector<Reply> replies;
  std::vector<Delivery> deliveries;
  std::vector<HandleOutcome> outcomes;
  std::vector<Sequence> sequences;
  std::vector<StreamRecord> stream_records;
  bool sync_needed = false;  ///< a record of this turn has to be on stable storage before its reply

  void clear() {
    replies.clear();
    deliveries.clear();
    outcomes.clear();
    sequences.clear();
    stream_records.clear();
    sync_needed = false;
  }
};

}  // namespace remuda::broker
