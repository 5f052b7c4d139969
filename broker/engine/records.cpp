#include "broker/engine/records.hpp"

namespace remuda::broker {

void put_runs(std::string& out, std::span<const Sequence> sequences) {
  Sequence end = 0;
  for (std::size_t i = 0; i < sequences.size();) {
    std::size_t length = 1;
    while (i + length < sequences.size() && sequences[i + length] == sequences[i] + length) ++length;
    put_varint(out, length);
    put_varint(out, sequences[i] - end);
    end = sequences[i] + length;
    i += length;
  }
  put_varint(out, 0);
}

void RecordWriter::begin(const RecordHead& head) {
  operations_.clear();
  payload_.clear();
  payload_size_bytes_ = 0;
  put_byte(operations_, record_version);
  put_varint(operations_, static_cast<std::uint64_t>(head.time_ms));
  put_signed(operations_, head.wall_offset_ms);
  put_varint(operations_, head.session);
  if (head.session != 0) {
    put_varint(operations_, head.request);
    put_varint(operations_, head.settled);
  }
  if (head.restarted_ms != 0) put_varint(operation(Operation::restarted), static_cast<std::uint64_t>(head.restarted_ms));
  head_size_ = operations_.size();
}

void RecordWriter::stored(QueueId queue, std::uint64_t delay_ms, std::uint32_t first_body, std::uint64_t count) {
  std::string& out = operation(Operation::stored);
  put_varint(out, queue);
  put_varint(out, delay_ms);
  put_varint(out, first_body);
  put_varint(out, count);
}

void RecordWriter::stored_in_group(QueueId queue, std::uint64_t delay_ms, std::uint32_t body, const Grouping& grouping) {
  std::string& out = operation(Operation::stored_in_group);
  put_varint(out, queue);
  put_varint(out, delay_ms);
  put_varint(out, body);
  put_text(out, grouping.group);
  out.append(grouping.key.data(), grouping.key.size());
}

void RecordWriter::on_messages(Operation kind, QueueId queue, std::span<const Sequence> sequences) {
  if (sequences.empty()) return;
  std::string& out = operation(kind);
  put_varint(out, queue);
  put_runs(out, sequences);
}

void put_queue_declared(RecordWriter& record, QueueId id, const QueueAttributes& attributes, QueueId dead_letter_queue) {
  std::string& out = record.operation(Operation::queue_declared);
  put_varint(out, id);
  put_text(out, attributes.name);
  for (const Milliseconds time : {attributes.visibility_timeout, attributes.retention, attributes.delay})
    put_varint(out, static_cast<std::uint64_t>(time.count()));
  put_varint(out, dead_letter_queue);
  put_text(out, attributes.dead_letter_queue);
  put_varint(out, attributes.max_receives);
  put_varint(out, attributes.max_message_size_bytes);
  put_varint(out, attributes.max_messages);
  put_varint(out, attributes.max_bytes);
  unsigned flags = 0;
  if (attributes.relaxed) flags |= declared_relaxed;
  if (attributes.fifo) flags |= declared_fifo;
  put_byte(out, static_cast<std::uint8_t>(flags));
  if (attributes.fifo) {
    put_text(out, attributes.fifo->group_by);
    put_text(out, attributes.fifo->deduplicate_by);
    put_byte(out, static_cast<std::uint8_t>(attributes.fifo->deduplication_scope));
    put_byte(out, static_cast<std::uint8_t>(attributes.fifo->on_dead_letter));
  }
  put_varint(out, attributes.tags.size());
  for (const auto& [name, value] : attributes.tags) {
    put_text(out, name);
    put_text(out, value);
  }
}

void put_topic_declared(RecordWriter& record, std::string_view name, std::string_view definition, Sequence next_sequence) {
  std::string& out = record.operation(Operation::topic_declared);
  put_text(out, name);
  put_text(out, definition);
  put_varint(out, next_sequence);
}

void put_move_started(RecordWriter& record, const Move& move) {
  std::string& out = record.operation(Operation::move_started);
  put_varint(out, move.id);
  put_varint(out, move.queue);
  put_varint(out, move.to);
  put_text(out, move.selection);
  put_varint(out, move.max_per_second);
  put_varint(out, move.end);
  put_varint(out, static_cast<std::uint64_t>(move.started_ms));
  put_varint(out, move.next);
  put_varint(out, move.moved);
  put_byte(out, static_cast<std::uint8_t>(move.status));
}

void put_move_continued(RecordWriter& record, MoveId id, MoveStatus status, Sequence next) {
  std::string& out = record.operation(Operation::move_continued);
  put_varint(out, id);
  put_byte(out, static_cast<std::uint8_t>(status));
  put_varint(out, next);
}

void put_stream_declared(RecordWriter& record, StreamId id, const StreamAttributes& attributes, QueueId dead_letter_queue) {
  std::string& out = record.operation(Operation::stream_declared);
  put_varint(out, id);
  put_text(out, attributes.name);
  put_varint(out, attributes.partitions);
  put_text(out, attributes.partition_by);
  put_varint(out, static_cast<std::uint64_t>(attributes.retention.count()));
  put_varint(out, attributes.max_bytes);
  put_varint(out, attributes.max_message_size_bytes);
  put_varint(out, dead_letter_queue);
  put_text(out, attributes.dead_letter_queue);
  put_varint(out, attributes.max_receives);
}

void put_stream_checkpointed(RecordWriter& record, const StreamLease& place, Offset next) {
  std::string& out = record.operation(Operation::stream_checkpointed);
  put_varint(out, place.stream);
  put_varint(out, place.group);
  put_varint(out, place.partition);
  put_varint(out, next);
}

void put_progress_kept(RecordWriter& record, std::string_view source, std::uint64_t version, std::string_view value) {
  std::string& out = record.operation(Operation::progress_kept);
  put_text(out, source);
  put_varint(out, version);
  put_text(out, value);
}

void put_session_opened(RecordWriter& record, SessionId id, const SessionKey& key, std::string_view node, std::string_view host) {
  std::string& out = record.operation(Operation::session_opened);
  put_varint(out, id);
  out.append(key.data(), key.size());
  put_text(out, node);
  put_text(out, host);
}

}  // namespace remuda::broker
