#pragma once
// Everything the queue node remembers, and the one function that changes it: evolve(), fed with records as they are decided and,
// after a restart, with the same records from the log.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/queue.hpp"
#include "broker/engine/records.hpp"
#include "broker/engine/segment_ledger.hpp"
#include "broker/engine/sessions.hpp"
#include "common/result.hpp"

namespace remuda::broker {

class BrokerState {
 public:
  BrokerState() = default;
  BrokerState(const BrokerState&) = delete;
  BrokerState& operator=(const BrokerState&) = delete;

  /// Carries out one record whose payload starts at `payload`. Answers what it did.
  /// A message that it names and that is not there is passed over: in a truncated log the record that stored it is gone, and so is
  /// the message or a later record brings it again. The totals count it all the same. Errors: `corrupt_record`: not a record of
  /// this version, or it names a queue that does not exist; the state is then undefined.
  Result<AppliedRequest> evolve(std::string_view operations, Location payload, Instant now);

  /// Needs no record: time alone does it.
  void show_due(std::int64_t steady_ms);

  [[nodiscard]] Queue* queue(QueueId id) { return id == 0 || id > queues_.size() ? nullptr : queues_[id - 1].get(); }
  [[nodiscard]] const Queue* queue(QueueId id) const { return const_cast<BrokerState*>(this)->queue(id); }
  [[nodiscard]] std::optional<QueueId> find_queue(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, QueueId, std::less<>>& queue_names() const { return queue_names_; }
  [[nodiscard]] QueueId next_queue_id() const { return static_cast<QueueId>(queues_.size() + 1); }
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& topics() const { return topics_; }
  [[nodiscard]] Sessions& sessions() { return sessions_; }
  [[nodiscard]] const Sessions& sessions() const { return sessions_; }
  [[nodiscard]] SegmentLedger& ledger() { return ledger_; }
  [[nodiscard]] const SegmentLedger& ledger() const { return ledger_; }

  /// Time and offset of the last record. 0: there was none.
  [[nodiscard]] std::int64_t last_time_ms() const { return head_.time_ms; }
  [[nodiscard]] std::int64_t last_wall_offset_ms() const { return head_.wall_offset_ms; }

  [[nodiscard]] std::string checkpoint() const;
  [[nodiscard]] std::string dump() const;

 private:
  struct BodyPlace {
    Location place;
    std::uint32_t size;
    std::uint32_t crc32c;
  };
  // One member per operation of RECORDS.md; each reads its fields and does it.
  void evolve_operation(Operation kind, ByteReader& in);
  void payloads(ByteReader& in);
  void stored(ByteReader& in);
  void received(ByteReader& in);
  void visibility_changed(ByteReader& in);
  void timed_out(ByteReader& in);
  void released(ByteReader& in);
  void attempt_failed(ByteReader& in);
  void returned(ByteReader& in);
  void dead_lettered(ByteReader& in);
  void redriven(ByteReader& in);
  void removed(ByteReader& in, MessageState final_state, std::uint64_t QueueCounters::*counter);
  void purged_all(ByteReader& in);
  void relocated(ByteReader& in);
  void queue_declared(ByteReader& in);
  void queue_totals(ByteReader& in);
  void session_opened(ByteReader& in);
  void session_requests(ByteReader& in);

  Queue* read_queue(ByteReader& in);
  /// Reads runs and calls `visit(sequence, slot[, ordinal])` for each message that is there; returns how many were named.
  template <class Visit>
  std::uint64_t for_each_message(ByteReader& in, Queue& queue, Visit&& visit);
  void record_attempt(Queue& queue, Slot& slot, std::string_view error);
  void move(Queue& from, Sequence sequence, Slot& slot, Queue& to, Sequence target, std::unique_ptr<MessageHistory> history,
            bool keep_count);
  [[nodiscard]] Queue& create_queue(QueueId id);

  SegmentLedger ledger_;
  Sessions sessions_;
  std::vector<std::unique_ptr<Queue>> queues_;  // by id - 1
  std::map<std::string, QueueId, std::less<>> queue_names_;
  std::map<std::string, std::string, std::less<>> topics_;

  // Of the record being evolved.
  RecordHead head_;
  Instant now_{};
  Location payload_;
  std::uint64_t payload_size_ = 0;
  std::vector<BodyPlace> bodies_;
  AppliedRequest outcome_;
};

}  // namespace remuda::broker
