#pragma once
// What the clients of a chaos run write down: what each asked, what it was told, what it got, and when. One file per process,
// appended before the request leaves, so that it survives a kill -9; every entry has a checksum, so that a torn last one is known.

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::chaos {

enum class QueueName : std::uint8_t {
  rides,
  ledger,
  lake,
  orders
};  ///< orders is a FIFO queue; ledger and lake are chained to a topic
inline constexpr std::array<std::string_view, 4> queue_names{"rides", "ledger", "lake", "orders"};
inline constexpr std::array<std::string_view, 2> dead_letter_queues{"dead", "orders-dead"};
inline constexpr std::string_view topic_name = "completions";
inline constexpr std::uint32_t max_receives = 4;
inline constexpr std::uint64_t visibility_ms = 1'000;
inline constexpr std::uint64_t groups = 48;

enum class Kind : std::uint8_t {
  send_asked,      ///< of `count` messages from `message` on
  send_confirmed,  ///< the same
  delivered,       ///< `count` is the receive count
  damaged,         ///< delivered, but not what was sent
  delete_asked,
  delete_done,
  delete_refused,  ///< stale handle
  release_asked,
  retry_asked,
  reject_asked,
  dead,  ///< found in the dead-letter queue at the end; `count` is its receive count, `queue` where it came from
};

struct Entry {
  std::uint64_t message = 0;
  std::uint64_t time_ns = 0;   ///< CLOCK_MONOTONIC: one machine, one clock
  std::uint64_t asked_ns = 0;  ///< when the receive was asked for, or the request that this answers
  std::uint64_t sequence = 0;
  std::uint32_t attempt = 0;
  std::uint32_t count = 0;
  std::uint32_t client = 0;  ///< given by the reader: which file
  std::uint16_t checksum = 0;
  Kind kind = Kind::send_asked;
  QueueName queue = QueueName::rides;
};
static_assert(sizeof(Entry) == 48);

[[nodiscard]] std::uint64_t now_ns();

/// The message group is a function of the message, so nobody needs to write it down.
[[nodiscard]] constexpr std::uint64_t group_of(std::uint64_t message) {
  return (message * 0x9E37'79B9'7F4A'7C15U >> 32U) % groups;
}
/// Text that no other message has.
[[nodiscard]] std::string body_of(std::uint64_t message);
[[nodiscard]] std::string packed(std::uint64_t message, bool fifo);

class HistoryWriter {
 public:
  explicit HistoryWriter(const std::string& path);
  HistoryWriter(const HistoryWriter&) = delete;
  HistoryWriter& operator=(const HistoryWriter&) = delete;
  ~HistoryWriter();
  void add(Entry entry);
  /// Hands what was added to the kernel. Before this no request about it may leave.
  void write();

 private:
  int file_ = -1;
  std::vector<Entry> pending_;
};

/// Appends every whole entry of the file.
void read_history(const std::filesystem::path& path, std::uint32_t client, std::vector<Entry>& out);

}  // namespace remuda::chaos
