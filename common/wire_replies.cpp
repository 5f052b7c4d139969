#include "common/msgpack_reader.hpp"
#include "common/msgpack_writer.hpp"
#include "common/wire_reply_parts.hpp"

namespace remuda::wire {

namespace {

void write(MsgpackWriter& out, const Peeked& message) {
  out.map(13);
  out.text("sequence").number(message.sequence);
  out.text("state").text(message.state);
  out.text("receive_count").number(message.receive_count);
  out.text("sent_ms").signed_number(message.sent_ms);
  out.text("first_received_ms").signed_number(message.first_received_ms);
  out.text("origin_queue").text(message.origin_queue);
  out.text("reason").text(message.reason);
  out.text("holder_node").text(message.holder_node);
  out.text("holder_host").text(message.holder_host);
  out.text("group").text(message.group);
  out.text("attempts_total").number(message.attempts_total);
  out.text("attempts").array(message.attempts.size());
  for (const auto& attempt : message.attempts) {
    out.array(4).text(attempt.node).text(attempt.host).signed_number(attempt.time_ms).text(attempt.error);
  }
  out.text("message").binary(message.message);
}

/// The numbers of a QueueInfo under their names: one table for writer and reader.
struct Figure {
  std::string_view name;
  std::uint64_t QueueInfo::*member;
};
constexpr Figure figures[] = {
    {"visibility_timeout_ms", &QueueInfo::visibility_timeout_ms},
    {"retention_ms", &QueueInfo::retention_ms},
    {"delay_ms", &QueueInfo::delay_ms},
    {"max_message_size_bytes", &QueueInfo::max_message_size_bytes},
    {"max_messages", &QueueInfo::max_messages},
    {"max_bytes", &QueueInfo::max_bytes},
    {"visible", &QueueInfo::visible},
    {"in_flight", &QueueInfo::in_flight},
    {"delayed", &QueueInfo::delayed},
    {"bytes", &QueueInfo::bytes},
    {"waiting_receives", &QueueInfo::waiting_receives},
    {"oldest_age_ms", &QueueInfo::oldest_age_ms},
    {"groups", &QueueInfo::groups},
    {"deduplicated", &QueueInfo::deduplicated},
    {"damaged", &QueueInfo::damaged},
    {"sent", &QueueInfo::sent},
    {"moved_in", &QueueInfo::moved_in},
    {"received", &QueueInfo::received},
    {"redelivered", &QueueInfo::redelivered},
    {"deleted", &QueueInfo::deleted},
    {"purged", &QueueInfo::purged},
    {"dead_lettered", &QueueInfo::dead_lettered},
    {"redriven", &QueueInfo::redriven},
    {"expired", &QueueInfo::expired},
};

/// Its texts likewise.
struct Text {
  std::string_view name;
  std::string QueueInfo::*member;
};
constexpr Text texts[] = {
    {"queue", &QueueInfo::queue},
    {"from_topic", &QueueInfo::from_topic},
    {"filter_policy", &QueueInfo::filter_policy},
    {"dead_letter_queue", &QueueInfo::dead_letter_queue},
    {"group_by", &QueueInfo::group_by},
    {"deduplicate_by", &QueueInfo::deduplicate_by},
    {"deduplication_scope", &QueueInfo::deduplication_scope},
    {"on_dead_letter", &QueueInfo::on_dead_letter},
};

void write(MsgpackWriter& out, const QueueInfo& info) {
  out.map(std::size(figures) + std::size(texts) + 5);
  for (const auto& text : texts) out.text(text.name).text(info.*text.member);
  out.text("scope").text(scope_name(info.filter_on_attributes));
  out.text("max_receives").number(info.max_receives);
  out.text("relaxed").boolean(info.relaxed);
  out.text("fifo").boolean(info.fifo);
  out.text("tags").map(info.tags.size());
  for (const auto& [name, value] : info.tags) out.text(name).text(value);
  for (const auto& figure : figures) out.text(figure.name).number(info.*figure.member);
}

void write(MsgpackWriter& out, const BackupSegment& segment) {
  out.array(3).number(segment.number).number(segment.capacity_bytes).number(segment.size_bytes);
}

void write(MsgpackWriter& out, const TopicInfo& info) {
  out.map(8).text("topic").text(info.topic);
  out.text("fifo").boolean(info.fifo);
  out.text("deduplicate_by").text(info.deduplicate_by);
  const auto write_chained = [&](std::string_view key, const std::vector<ChainedQueue>& chained) {
    out.text(key).array(chained.size());
    for (const auto& each : chained)
      out.array(3).text(each.queue).text(each.filter_policy).text(scope_name(each.filter_on_attributes));
  };
  write_chained("queues", info.queues);
  write_chained("streams", info.streams);
  out.text("subscribers").number(info.subscribers);
  out.text("published").number(info.published);
  out.text("missed").number(info.missed);
}

void write(MsgpackWriter& out, const MoveInfo& info) {
  out.map(9).text("move").number(info.move);
  out.text("queue").text(info.queue).text("to").text(info.to);
  out.text("filter_policy").text(info.filter_policy).text("scope").text(scope_name(info.filter_on_attributes));
  out.text("max_per_second").number(info.max_per_second);
  out.text("status").text(info.status);
  out.text("started_ms").signed_number(info.started_ms);
  out.text("moved").number(info.moved);
}

void write(MsgpackWriter& out, std::uint64_t number) {
  out.number(number);
}

template <class T>
void encode_list(std::uint64_t request, std::span<const T> values, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).array(values.size());
  for (const auto& value : values) write(writer, value);
}

Peeked read_peeked(MsgpackReader& in) {
  Peeked message;
  read_map(in, [&](std::string_view key) {
    if (key == "sequence") return message.sequence = in.unsigned_integer(), true;
    if (key == "state") return message.state = in.string(), true;
    if (key == "receive_count") return message.receive_count = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key == "sent_ms") return message.sent_ms = in.signed_integer(), true;
    if (key == "first_received_ms") return message.first_received_ms = in.signed_integer(), true;
    if (key == "origin_queue") return message.origin_queue = in.string(), true;
    if (key == "reason") return message.reason = in.string(), true;
    if (key == "holder_node") return message.holder_node = in.string(), true;
    if (key == "holder_host") return message.holder_host = in.string(), true;
    if (key == "group") return message.group = in.string(), true;
    if (key == "attempts_total") return message.attempts_total = in.unsigned_integer(), true;
    if (key == "message") return message.message = in.binary(), true;
    if (key != "attempts") return false;
    const std::uint32_t count = in.array();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (in.array() != 4) in.reject();
      Attempt attempt;
      attempt.node = in.string();
      attempt.host = in.string();
      attempt.time_ms = in.signed_integer();
      attempt.error = in.string();
      message.attempts.push_back(std::move(attempt));
    }
    return true;
  });
  return message;
}

QueueInfo read_queue_info(MsgpackReader& in) {
  QueueInfo info;
  read_map(in, [&](std::string_view key) {
    if (key == "scope") return info.filter_on_attributes = in.string() == "attributes", true;
    if (key == "fifo") return info.fifo = in.boolean(), true;
    if (key == "tags") {
      read_map(in, [&](std::string_view name) { return info.tags[std::string{name}] = in.string(), true; });
      return true;
    }
    if (key == "max_receives") return info.max_receives = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key == "relaxed") return info.relaxed = in.boolean(), true;
    for (const auto& text : texts) {
      if (text.name == key) return info.*text.member = in.string(), true;
    }
    for (const auto& figure : figures) {
      if (figure.name == key) return info.*figure.member = in.unsigned_integer(), true;
    }
    return false;
  });
  return info;
}

TopicInfo read_topic_info(MsgpackReader& in) {
  TopicInfo info;
  read_map(in, [&](std::string_view key) {
    if (key == "topic") return info.topic = in.string(), true;
    if (key == "subscribers") return info.subscribers = in.unsigned_integer(), true;
    if (key == "published") return info.published = in.unsigned_integer(), true;
    if (key == "missed") return info.missed = in.unsigned_integer(), true;
    if (key == "fifo") return info.fifo = in.boolean(), true;
    if (key == "deduplicate_by") return info.deduplicate_by = in.string(), true;
    if (key != "queues" && key != "streams") return false;
    auto& chained = key == "queues" ? info.queues : info.streams;
    const std::uint32_t count = in.array();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (in.array() != 3) in.reject();
      ChainedQueue queue;
      queue.queue = in.string();
      queue.filter_policy = in.string();
      queue.filter_on_attributes = in.string() == "attributes";
      chained.push_back(std::move(queue));
    }
    return true;
  });
  return info;
}

MoveInfo read_move_info(MsgpackReader& in) {
  MoveInfo info;
  read_map(in, [&](std::string_view key) {
    if (key == "move") return info.move = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key == "queue") return info.queue = in.string(), true;
    if (key == "to") return info.to = in.string(), true;
    if (key == "filter_policy") return info.filter_policy = in.string(), true;
    if (key == "scope") return info.filter_on_attributes = in.string() == "attributes", true;
    if (key == "max_per_second") return info.max_per_second = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key == "status") return info.status = in.string(), true;
    if (key == "started_ms") return info.started_ms = in.signed_integer(), true;
    if (key == "moved") return info.moved = in.unsigned_integer(), true;
    return false;
  });
  return info;
}

}  // namespace

Result<Reply> decode_reply(std::string_view frame) {
  MsgpackReader in{frame};
  const std::uint32_t fields = in.array();
  const std::string_view kind = in.string();
  const std::uint64_t number = in.unsigned_integer();
  if (in.ok() && kind == "ok" && fields == 3) {
    // The result is checked by whoever knows what was asked; here it is the rest of the frame.
    return Reply{Ok{number, frame.substr(in.position())}};
  }
  if (in.ok() && kind == "error" && fields == 5) {
    Refused refused{number, {}};
    refused.error.code = in.string();
    refused.error.message = in.string();
    refused.error.definite = in.boolean();
    if (in.ok() && in.at_end()) return Reply{std::move(refused)};
  }
  if (in.ok() && kind == "event" && fields > 3) {
    Event event{number, in.unsigned_integer(), {}};
    event.messages.reserve(fields - 3);
    for (std::uint32_t i = 3; i < fields && in.ok(); ++i) event.messages.push_back(in.binary());
    if (in.ok() && in.at_end()) return Reply{std::move(event)};
  }
  return malformed("not a reply");
}

void encode_error(std::uint64_t request, const Error& error, std::string& out) {
  MsgpackWriter writer{out};
  writer.array(5).text("error").number(request).text(error.code).text(error.message).boolean(error.definite);
}

void encode_ok(std::uint64_t request, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).nil();
}

void encode_ok(std::uint64_t request, std::uint64_t number, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).number(number);
}

void encode_ok(std::uint64_t request, const Welcome& welcome, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).map(3).text("protocol").number(welcome.protocol);
  writer.text("broker").text(welcome.broker).text("max_frame_size_bytes").number(welcome.max_frame_size_bytes);
}

void encode_ok(std::uint64_t request, std::size_t handle_count, std::span<const HandleError> refused, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request);
  if (refused.empty()) {
    writer.nil();
    return;
  }
  writer.array(handle_count);
  std::size_t next = 0;  // `refused` is in the order of the handles
  for (std::size_t i = 0; i < handle_count; ++i) {
    if (next < refused.size() && refused[next].index == i) {
      writer.text(refused[next++].code);
    } else {
      writer.nil();
    }
  }
}

void encode_ok(std::uint64_t request, std::span<const Peeked> messages, std::string& out) {
  encode_list(request, messages, out);
}
void encode_ok(std::uint64_t request, std::span<const QueueInfo> queues, std::string& out) {
  encode_list(request, queues, out);
}
void encode_ok(std::uint64_t request, std::span<const TopicInfo> topics, std::string& out) {
  encode_list(request, topics, out);
}
void encode_ok(std::uint64_t request, std::span<const MoveInfo> moves, std::string& out) {
  encode_list(request, moves, out);
}
void encode_ok(std::uint64_t request, std::span<const std::uint64_t> sequences, std::string& out) {
  encode_list(request, sequences, out);
}
void encode_ok(std::uint64_t request, std::span<const BackupSegment> segments, std::string& out) {
  encode_list(request, segments, out);
}
void encode_bytes(std::uint64_t request, std::string_view bytes, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).binary(bytes);
}
void encode_ok(std::uint64_t request, const Progress& progress, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).array(2).number(progress.version).binary(progress.value);
}
void encode_ok(std::uint64_t request, const QueueInfo& info, std::string& out) {
  MsgpackWriter writer{out};
  write(begin_ok(writer, request), info);
}

void begin_event(std::uint64_t subscription, std::uint64_t sequence, std::size_t count, std::string& out) {
  MsgpackWriter writer{out};
  writer.array(3 + count).text("event").number(subscription).number(sequence);
}

void append_event_message(std::string_view packed, std::string& out) {
  MsgpackWriter writer{out};
  writer.binary(packed);
}

void begin_received(std::uint64_t request, std::size_t count, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).array(count);
}

void append_received(const Received& received, std::string& out) {
  MsgpackWriter writer{out};
  writer.array(5).binary(received.handle).number(received.receive_count);
  writer.signed_number(received.sent_ms).signed_number(received.first_received_ms).binary(received.message);
}

Result<std::uint64_t> decode_number(std::string_view result) {
  MsgpackReader in{result};
  // Nil is the answer to a resent request whose result nobody remembers.
  const std::uint64_t number = in.take_nil() ? 0 : in.unsigned_integer();
  if (!in.ok() || !in.at_end()) return malformed("a number was expected");
  return number;
}

Result<std::vector<std::uint64_t>> decode_sequences(std::string_view result, std::size_t count) {
  MsgpackReader in{result};
  std::vector<std::uint64_t> sequences;
  if (in.take_nil()) return sequences;
  sequences.reserve(count);
  if (in.peek() == MsgpackReader::Kind::array) {
    if (in.array() != count) in.reject();
    for (std::size_t i = 0; i < count && in.ok(); ++i) sequences.push_back(in.unsigned_integer());
  } else {
    const std::uint64_t first = in.unsigned_integer();  // the others follow it; 0 after all: nobody remembers
    for (std::size_t i = 0; i < count && first != 0; ++i) sequences.push_back(first + i);
  }
  if (!in.ok() || !in.at_end()) return malformed("sequence numbers were expected");
  return sequences;
}

Result<Welcome> decode_welcome(std::string_view result) {
  MsgpackReader in{result};
  Welcome welcome;
  read_map(in, [&](std::string_view key) {
    if (key == "protocol") return welcome.protocol = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key == "broker") return welcome.broker = in.string(), true;
    if (key == "max_frame_size_bytes") return welcome.max_frame_size_bytes = in.unsigned_integer(), true;
    return false;
  });
  if (!in.ok() || !in.at_end()) return malformed("the answer to hello was expected");
  return welcome;
}

Result<std::vector<Received>> decode_received(std::string_view result) {
  return decode_list(result, "received messages were expected", [](MsgpackReader& in) {
    Received received;
    if (in.array() != 5) in.reject();
    received.handle = in.binary();
    received.receive_count = static_cast<std::uint32_t>(in.unsigned_integer());
    received.sent_ms = in.signed_integer();
    received.first_received_ms = in.signed_integer();
    received.message = in.binary();
    return received;
  });
}

Result<std::vector<HandleError>> decode_handle_errors(std::string_view result) {
  MsgpackReader in{result};
  std::vector<HandleError> errors;
  if (!in.take_nil()) {
    const std::uint32_t count = in.array();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (!in.take_nil()) errors.push_back({i, std::string{in.string()}});
    }
  }
  if (!in.ok() || !in.at_end()) return malformed("one result per handle was expected");
  return errors;
}

Result<std::vector<Peeked>> decode_peeked(std::string_view result) {
  return decode_list(result, "messages were expected", read_peeked);
}
Result<std::vector<QueueInfo>> decode_queue_list(std::string_view result) {
  return decode_list(result, "queues were expected", read_queue_info);
}
Result<std::vector<TopicInfo>> decode_topic_list(std::string_view result) {
  return decode_list(result, "topics were expected", read_topic_info);
}

Result<std::vector<MoveInfo>> decode_move_list(std::string_view result) {
  return decode_list(result, "moves were expected", read_move_info);
}
Result<std::vector<BackupSegment>> decode_backup(std::string_view result) {
  return decode_list(result, "segments were expected", [](MsgpackReader& in) {
    BackupSegment segment;
    if (in.array() != 3) in.reject();
    segment.number = static_cast<std::uint32_t>(in.unsigned_integer());
    segment.capacity_bytes = in.unsigned_integer();
    segment.size_bytes = in.unsigned_integer();
    return segment;
  });
}
Result<Progress> decode_progress(std::string_view result) {
  MsgpackReader in{result};
  Progress progress;
  if (in.array() != 2) in.reject();
  progress.version = in.unsigned_integer();
  progress.value = in.binary();
  if (!in.ok() || !in.at_end()) return malformed("the progress of a source was expected");
  return progress;
}
Result<std::string> decode_bytes(std::string_view result) {
  MsgpackReader in{result};
  std::string bytes{in.binary()};
  if (!in.ok() || !in.at_end()) return malformed("bytes were expected");
  return bytes;
}

Result<QueueInfo> decode_queue_info(std::string_view result) {
  MsgpackReader in{result};
  QueueInfo info = read_queue_info(in);
  if (!in.ok() || !in.at_end()) return malformed("a queue was expected");
  return info;
}

}  // namespace remuda::wire
