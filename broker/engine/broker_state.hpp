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
#include "broker/engine/stream.hpp"
#include "common/result.hpp"

namespace remuda::broker {

/// A topic: the shell's definition of it, and what only FIFO topics use.
struct TopicState {
  TopicState(SegmentLedger& ledger, HashKey hash_key) : deduplication{ledger, hash_key} {}
  std::string definition;
  Sequence next_sequence = 1;
  DeduplicationWindow deduplication;
};

class BrokerState {
 public:
  using Topics = std::map<std::string, TopicState, std::less<>>;
  using AllProgress = std::map<std::string, Progress, std::less<>>;  ///< by source

  explicit BrokerState(HashKey hash_key) : hash_key_{hash_key} {}
  BrokerState(const BrokerState&) = delete;
  BrokerState& operator=(const BrokerState&) = delete;

  /// Carries out one record whose payload starts at `payload`. Answers what it did.
  /// A message that it names and that is not there is passed over: in a truncated log the record that stored it is gone, and so is
  /// the message or a later record brings it again. The totals count it all the same. Errors: `corrupt_record`: not a record of
  /// this version, or it names a queue that does not exist; the state is then undefined.
  Result<AppliedRequest> evolve(std::string_view operations, Location payload, Instant now);

  /// The log has been replayed: see Queue::recovered().
  void recovered(Instant now, std::int64_t now_ms);

  [[nodiscard]] Queue* queue(QueueId id) { return id == 0 || id > queues_.size() ? nullptr : queues_[id - 1].get(); }
  [[nodiscard]] const Queue* queue(QueueId id) const { return const_cast<BrokerState*>(this)->queue(id); }
  [[nodiscard]] std::optional<QueueId> find_queue(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, QueueId, std::less<>>& queue_names() const { return queue_names_; }
  [[nodiscard]] QueueId next_queue_id() const { return static_cast<QueueId>(queues_.size() + 1); }
  /// Every queue that is there, by id.
  template <class Visit>
  void for_each_queue(Visit&& visit) {
    for (const auto& queue : queues_) {
      if (queue) visit(*queue);
    }
  }
  template <class Visit>
  void for_each_queue(Visit&& visit) const {
    const_cast<BrokerState*>(this)->for_each_queue([&](const Queue& queue) { visit(queue); });
  }
  [[nodiscard]] HashKey hash_key() const { return hash_key_; }
  [[nodiscard]] Stream* stream(StreamId id) { return id == 0 || id > streams_.size() ? nullptr : streams_[id - 1].get(); }
  [[nodiscard]] const Stream* stream(StreamId id) const { return const_cast<BrokerState*>(this)->stream(id); }
  [[nodiscard]] std::optional<StreamId> find_stream(std::string_view name) const;
  [[nodiscard]] StreamId next_stream_id() const { return static_cast<StreamId>(streams_.size() + 1); }
  /// Every stream that is there, by id.
  template <class Visit>
  void for_each_stream(Visit&& visit) const {
    for (const auto& stream : streams_) {
      if (stream) visit(*stream);
    }
  }
  [[nodiscard]] WokenQueues& woken() { return woken_; }
  [[nodiscard]] Topics& topics() { return topics_; }
  [[nodiscard]] const Topics& topics() const { return topics_; }
  [[nodiscard]] const std::map<MoveId, Move>& moves() const { return moves_; }
  [[nodiscard]] MoveId next_move_id() const { return next_move_id_; }
  [[nodiscard]] const AllProgress& progress() const { return progress_; }
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
  void stored_in_group(ByteReader& in);
  void published(ByteReader& in);
  void deduplication_kept(ByteReader& in);
  void receive_named(ByteReader& in);
  void receive_repeated(ByteReader& in);
  void queue_declared(ByteReader& in);
  void queue_deleted(ByteReader& in);
  void topic_declared(ByteReader& in);
  void move_started(ByteReader& in);
  void move_continued(ByteReader& in);
  void queue_totals(ByteReader& in);
  void checkpoint_begins(ByteReader& in);
  void session_opened(ByteReader& in);
  void session_requests(ByteReader& in);
  void progress_kept(ByteReader& in);

  // streams: evolve_streams.cpp
  bool evolve_stream_operation(Operation kind, ByteReader& in);
  void stream_declared(ByteReader& in);
  void stream_appended(ByteReader& in, Stream& stream);
  void stream_group_created(ByteReader& in, Stream& stream);
  void stream_checkpointed(ByteReader& in, Stream& stream);
  void stream_diverted(ByteReader& in, Stream& stream);
  void stream_relocated(ByteReader& in, Stream& stream);
  void write_streams(RecordWriter& record) const;
  void dump_streams(std::ostream& out) const;

  void restart_deduplication(std::int64_t last_ms, std::int64_t restarted_ms);
  Queue* read_queue(ByteReader& in);
  /// Reads runs and calls `visit(sequence, slot[, ordinal])` for each message that is there; returns how many were named.
  template <class Visit>
  std::uint64_t for_each_message(ByteReader& in, Queue& queue, Visit&& visit);
  void record_attempt(Queue& queue, Slot& slot, std::string_view error);
  /// `kept`: the sent time, receive count and attempt that it has there.
  void move(Queue& from, Sequence sequence, Slot& slot, Queue& to, Sequence target, std::unique_ptr<MessageHistory> history,
            const Slot& kept);
  void let_go_origin(MessageHistory& history, std::string_view group);
  void hold_origin(const MessageHistory& history, std::string_view group);
  /// The message leaves `queue` for good; if it was a dead letter that blocked its group, that goes on.
  void end(Queue& queue, Sequence sequence, Slot& slot, MessageState final_state);
  [[nodiscard]] Queue& create_queue(QueueId id);

  HashKey hash_key_;
  bool recovering_ = true;
  SegmentLedger ledger_;
  Sessions sessions_;
  WokenQueues woken_;
  std::vector<std::unique_ptr<Queue>> queues_;  // by id - 1; null: deleted
  std::map<std::string, QueueId, std::less<>> queue_names_;
  std::vector<std::unique_ptr<Stream>> streams_;  // by id - 1; null: deleted
  Topics topics_;
  std::map<MoveId, Move> moves_;
  MoveId next_move_id_ = 1;
  AllProgress progress_;

  // Of the record being evolved.
  RecordHead head_;
  Instant now_{};
  Location payload_;
  std::uint64_t payload_size_ = 0;
  std::vector<BodyPlace> bodies_;
  AppliedRequest outcome_;
};

}  // namespace remuda::broker
