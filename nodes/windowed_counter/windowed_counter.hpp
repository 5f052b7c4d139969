#pragma once
// Windowed counter: counts the records of a stream in tumbling windows of their own time, by key, and publishes each count once
// when its window is over. For any topology.
//
//   ports  = { records = "bookings", counts = "bookings-per-minute" }
//   params = { window = "1m", key = "body.from", lateness = "5s" }
//
// A window [start, start + window) is over once the records have come that much further: the newest record of every partition that has
// been seen is `lateness` behind its end. Where nothing comes for `idle`, the clock takes their place. A window that is over never opens
// again: later records of it are counted as `late`. A count is a message `window.counted`, JSON
// {"window_start_ms", "window_end_ms", "key", "count"}.
//
// Counts, places in the stream and results are one SQLite transaction, so a record counts once whatever a crash repeats, and a result is
// published again under its id at most.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/filter/selector.hpp"
#include "common/node.hpp"
#include "nodes/wild_rydes/outbox_relay.hpp"
#include "nodes/wild_rydes/store.hpp"

namespace remuda {

class WindowedCounter final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override;
  void stop() override { relay_->stop(); }

 private:
  NodeContext* context_ = nullptr;
  std::optional<Selector> key_;  ///< absent: all records together
  std::int64_t window_ms_ = 0;
  std::int64_t lateness_ms_ = 0;
  Duration idle_{};
  Instant last_record_{};
  std::unique_ptr<rides::Database> database_;
  std::unique_ptr<rides::BatchTransaction> transaction_;
  std::unique_ptr<rides::OutboxRelay> relay_;
  std::map<std::string, std::int64_t> figures_;  ///< since this process started
  rides::Statement position_, advance_, newest_, add_, over_, remove_, closed_, close_, open_windows_;

  void on_record(const Message& message, const Delivery& delivery);
  [[nodiscard]] std::string key_of(const Message& message) const;
  /// Up to when every window is over that has not been closed yet, as far as records or the clock tell.
  [[nodiscard]] std::int64_t watermark();
  [[nodiscard]] std::int64_t closed_until();
  void close_windows(std::int64_t until_ms);
  void tick();
  void count(const std::string& figure);
  [[nodiscard]] std::int64_t now_ms() const;
  [[nodiscard]] Message answer();
};

}  // namespace remuda
