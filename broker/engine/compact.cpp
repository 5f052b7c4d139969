// Keeps one old message from pinning the whole log: live stragglers of the oldest segment are copied forward, so that the
// segment can go.

#include <algorithm>
#include <map>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
// The log may hold four times what lives, and four segments on top, before copying starts: each byte copied frees at least three.
constexpr std::uint64_t slack_factor = 4;
constexpr std::uint64_t slack_segments = 4;
// While the disk is full, less is left lying about.
constexpr std::uint64_t slack_factor_full = 2;
constexpr std::uint64_t slack_segments_full = 1;
constexpr std::size_t messages_per_record = 4'096;

void put_history(std::string& out, const MessageHistory& history) {
  put_text(out, history.origin_queue);
  put_text(out, history.reason);
  put_varint(out, history.receives_elsewhere);
  put_varint(out, history.origin_sequence);
  put_varint(out, history.origin_attempt);
  put_varint(out, history.attempts_total);
  put_byte(out, static_cast<std::uint8_t>(history.attempts.size()));
  for (const Attempt& attempt : history.attempts) {
    put_text(out, attempt.node);
    put_text(out, attempt.host);
    put_varint(out, static_cast<std::uint64_t>(attempt.time_ms));
    put_text(out, attempt.error);
  }
}

void write_relocated(RecordWriter& record, const Queue& queue, Sequence sequence, const Slot& slot, std::uint32_t body) {
  const MessageDetail* detail = queue.detail_of(slot);
  const MessageHistory* history = detail == nullptr ? nullptr : detail->history.get();
  if (REMUDA_MUTANT(45)) history = nullptr;
  unsigned flags = 0;
  if (detail != nullptr) flags |= relocated_detail;
  if (history != nullptr) flags |= relocated_history;
  if (slot.state() == MessageState::in_flight) flags |= relocated_in_flight;
  if (slot.state() == MessageState::delayed) flags |= relocated_delayed;
  if (queue.is_fifo()) flags |= relocated_group;
  std::string& out = record.operation(Operation::relocated);
  put_varint(out, queue.id());
  put_varint(out, sequence);
  put_varint(out, body);
  put_varint(out, static_cast<std::uint64_t>(slot.sent_ms()));
  put_varint(out, slot.receive_count());
  put_varint(out, slot.attempt());
  put_byte(out, static_cast<std::uint8_t>(flags));
  if (detail != nullptr) {
    put_varint(out, static_cast<std::uint64_t>(detail->first_received_ms));
    put_varint(out, static_cast<std::uint64_t>(detail->delayed_until_ms));
    put_varint(out, detail->visibility_timeout_ms);
    put_varint(out, detail->holder);
    put_byte(out, detail->attempt_recorded ? 1 : 0);
  }
  if (history != nullptr) put_history(out, *history);
  if (queue.is_fifo()) put_text(out, queue.group_of(sequence));
}

/// Writes the deduplication ids of one window that stand in `segment`; answers how many.
std::size_t write_deduplication_kept(RecordWriter& record, QueueId queue, std::string_view topic, const DeduplicationWindow& window,
                                     std::uint32_t segment) {
  const DeduplicationWindow::Aged aged = window.find_in_segment(segment);
  if (aged.entries.empty()) return 0;
  std::string& out = record.operation(Operation::deduplication_kept);
  put_varint(out, queue);
  if (queue == 0) put_text(out, topic);
  put_varint(out, static_cast<std::uint64_t>(aged.time_ms));
  put_varint(out, aged.entries.size());
  for (const DeduplicationWindow::Entry& entry : aged.entries) {
    out.append(entry.key.data(), entry.key.size());
    put_varint(out, entry.sequence);
  }
  return aged.entries.size();
}
}  // namespace

bool QueueEngine::compact(std::uint64_t budget_bytes, Moment moment) {
  const SegmentLedger& ledger = state_.ledger();
  const std::uint32_t oldest = ledger.oldest_needed_segment();
  if (oldest == ledger.newest_segment()) return false;
  const std::uint64_t chain_bytes = (std::uint64_t{ledger.newest_segment()} - oldest + 1) * segment_size_bytes_;
  // With the disk full it is this that makes room, from the reserve: as long as the segment gives back more than its copies take.
  const bool full = log_.is_full();
  if (full && ledger.live_bytes_of(oldest) > segment_size_bytes_ / 2) return false;
  const std::uint64_t factor = full ? slack_factor_full : slack_factor;
  const std::uint64_t segments = full ? slack_segments_full : slack_segments;
  if (chain_bytes <= factor * ledger.live_bytes() + segments * segment_size_bytes_) return false;

  // One record; a body that several messages refer to is copied once. It may become larger than half a segment holds
  // by one message.
  Effects none;
  Turn turn{moment, time_.at(moment.now), time_.follow_wall(moment), none};
  begin(Requester{}, turn);
  const std::uint64_t enough_bytes = std::min(budget_bytes, log_.max_record_size() / 2);
  std::map<Location, std::uint32_t> copied;  // and which body of the record it is
  std::size_t messages = 0;                  // and deduplication ids
  state_.for_each_queue([&](Queue& queue) {
    sequences_.clear();
    queue.find_in_segment(oldest, messages_per_record - std::min(messages, messages_per_record), sequences_);
    for (const Sequence sequence : sequences_) {
      if (record_.size_bytes() >= enough_bytes) break;
      const Slot& slot = *queue.find(sequence);
      auto copy = copied.find(slot.place);
      if (copy == copied.end()) {
        const Body body{log_.read(slot.place, slot.size), slot.crc32c};
        if (body.bytes.size() != slot.size) continue;  // unreadable: it keeps its place, so that whoever receives it is told
        copy = copied.emplace(slot.place, record_.bodies(1, [&](std::size_t) -> const Body& { return body; })).first;
      }
      write_relocated(record_, queue, sequence, slot, copy->second);
      ++messages;
    }
    if (queue.is_fifo() && record_.size_bytes() < enough_bytes)
      messages += write_deduplication_kept(record_, queue.id(), {}, queue.deduplication(), oldest);
  });
  for (const auto& [name, topic] : state_.topics()) {
    if (record_.size_bytes() < enough_bytes) messages += write_deduplication_kept(record_, 0, name, topic.deduplication, oldest);
  }
  state_.for_each_stream([&](Stream& stream) {
    for (std::uint32_t p = 0; p < stream.partitions.size() && record_.size_bytes() < enough_bytes; ++p) {
      offsets_.clear();
      stream.partitions[p].find_in_segment(oldest, messages_per_record - std::min(messages, messages_per_record), offsets_);
      for (const Offset offset : offsets_) {
        if (record_.size_bytes() >= enough_bytes) break;
        const StreamEntry& entry = stream.partitions[p].at(offset);
        auto copy = copied.find(entry.place);
        if (copy == copied.end()) {
          const Body body{log_.read(entry.place, entry.size), entry.crc32c};
          if (body.bytes.size() != entry.size) continue;  // likewise
          copy = copied.emplace(entry.place, record_.bodies(1, [&](std::size_t) -> const Body& { return body; })).first;
        }
        std::string& out = record_.operation(Operation::stream_relocated);
        put_varint(out, stream.id());
        put_varint(out, p);
        put_varint(out, offset);
        put_varint(out, copy->second);
        put_varint(out, static_cast<std::uint64_t>(entry.time_ms));
        ++messages;
      }
    }
  });
  if (messages == 0) return false;
  if (!(full ? log_.has_reserve(record_.size_bytes()) : log_.has_room(record_.size_bytes()))) return false;
  commit(turn);
  return true;
}

}  // namespace remuda::broker
