// Requests, from their frames.

#include <algorithm>
#include <array>
#include <utility>

#include "common/msgpack_reader.hpp"
#include "common/wire_operations.hpp"

namespace remuda::wire {

namespace {

Failure<Error> malformed(std::string_view operation, std::string_view what) {
  return fail("malformed_request", std::string{operation} + ": " + std::string{what} + "; see PROTOCOL.md");
}

/// Reads the options map that may end an argument list. Each key is taken by `take`, which answers whether it knows the key;
/// a key given twice or unknown is refused, so that two readers never see different requests.
template <class Take>
Result<void> read_options(MsgpackReader& in, std::string_view operation, bool present, Take&& take) {
  if (!present) return {};
  const std::uint32_t count = in.map();
  constexpr std::size_t keys_max = 16;
  std::array<std::string_view, keys_max> seen;
  if (count > keys_max) return malformed(operation, "too many options");
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view key = in.string();
    if (!in.ok()) break;
    if (std::find(seen.begin(), seen.begin() + i, key) != seen.begin() + i) {
      return malformed(operation, "option '" + std::string{key} + "' is given twice");
    }
    seen[i] = key;
    if (!take(key)) return malformed(operation, "unknown option '" + std::string{key} + "'");
  }
  return {};
}

/// The two keys of a Selection.
bool take_selection(MsgpackReader& in, std::string_view key, Selection& selection) {
  if (key == "filter_policy") {
    selection.filter_policy = in.string();
    return true;
  }
  if (key != "scope") return false;
  const std::string_view scope = in.string();
  if (scope != "body" && scope != "attributes") in.reject();
  selection.filter_on_attributes = scope == "attributes";
  return true;
}

std::uint32_t small_number(MsgpackReader& in) {
  const std::uint64_t value = in.unsigned_integer();
  if (value > UINT32_MAX) in.reject();
  return in.ok() ? static_cast<std::uint32_t>(value) : 0;
}

std::optional<std::uint64_t> number_or_nil(MsgpackReader& in) {
  if (in.take_nil()) return std::nullopt;
  return in.unsigned_integer();
}

Result<void> read_binaries(MsgpackReader& in, std::string_view operation, std::vector<std::string_view>& out) {
  const std::uint32_t count = in.array();
  if (!in.ok()) return malformed(operation, "a list is expected");
  if (count > batch_size_max)
    return fail("over_limit", std::string{operation} + ": at most 10000 elements per request; split the request");
  out.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(in.binary());
  return {};
}

// One reader per operation: `left` is how many arguments are left in the frame's array. The caller checks `in.ok()` at the end.

Result<void> read(MsgpackReader& in, std::uint32_t left, Hello& hello) {
  if (left != 1) return malformed("hello", "one map is expected");
  if (const auto options = read_options(in, "hello", true,
                                        [&](std::string_view key) {
                                          if (key == "protocol") return hello.protocol = small_number(in), true;
                                          if (key == "session") return hello.session = in.binary(), true;
                                          if (key == "node") return hello.node = in.string(), true;
                                          if (key == "host") return hello.host = in.string(), true;
                                          in.skip();  // a newer client may say more
                                          return true;
                                        });
      !options) {
    return options;
  }
  constexpr std::size_t name_size_max = 256;
  if (in.ok() && hello.session.size() != session_size) return malformed("hello", "'session' must be 16 bytes");
  if (hello.node.size() > name_size_max || hello.host.size() > name_size_max)
    return malformed("hello", "'node' and 'host' have at most 256 bytes");
  return {};
}

template <class Empty>
Result<void> read_nothing(std::uint32_t left, const Empty& command) {
  if (left != 0) return malformed(name_of(Command{command}), "no argument is expected");
  return {};
}
Result<void> read(MsgpackReader&, std::uint32_t left, Ping& ping) {
  return read_nothing(left, ping);
}
Result<void> read(MsgpackReader&, std::uint32_t left, CancelReceives& cancel) {
  return read_nothing(left, cancel);
}
Result<void> read(MsgpackReader&, std::uint32_t left, ListQueues& list) {
  return read_nothing(left, list);
}
Result<void> read(MsgpackReader&, std::uint32_t left, ListStreams& list) {
  return read_nothing(left, list);
}
Result<void> read(MsgpackReader&, std::uint32_t left, ListTopics& list) {
  return read_nothing(left, list);
}
Result<void> read(MsgpackReader&, std::uint32_t left, ListMoves& list) {
  return read_nothing(left, list);
}

Result<void> read(MsgpackReader&, std::uint32_t left, BeginBackup& begin) {
  return read_nothing(left, begin);
}
Result<void> read(MsgpackReader&, std::uint32_t left, EndBackup& end) {
  return read_nothing(left, end);
}
Result<void> read(MsgpackReader& in, std::uint32_t left, ReadBackup& read) {
  if (left != 2) return malformed("backup_read", "a segment and an offset are expected");
  read.segment = in.unsigned_integer();
  read.offset = in.unsigned_integer();
  return {};
}

Result<void> read(MsgpackReader& in, std::uint32_t left, Send& send) {
  if (left != 2 && left != 3) return malformed("send", "queue, messages and perhaps options are expected");
  send.queue = in.string();
  if (auto list = read_binaries(in, "send", send.messages); !list) return list;
  if (in.ok() && send.messages.empty()) return malformed("send", "at least one message is expected");
  return read_options(in, "send", left == 3, [&](std::string_view key) {
    if (key == "delay_ms") return send.delay_ms = in.unsigned_integer(), true;
    if (key != "delays_ms") return false;
    const std::uint32_t count = in.array();
    if (count != send.messages.size()) in.reject();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) send.delays_ms.push_back(number_or_nil(in));
    return true;
  });
}

Result<void> read(MsgpackReader& in, std::uint32_t left, Publish& publish) {
  if (left != 2) return malformed("publish", "topic and messages are expected");
  publish.topic = in.string();
  if (auto list = read_binaries(in, "publish", publish.messages); !list) return list;
  if (in.ok() && publish.messages.empty()) return malformed("publish", "at least one message is expected");
  return {};
}

Result<void> read(MsgpackReader& in, std::uint32_t left, Receive& receive) {
  if (left != 3 && left != 4) return malformed("receive", "queue, max, wait_ms and perhaps options are expected");
  receive.queue = in.string();
  receive.max = small_number(in);
  receive.wait_ms = in.unsigned_integer();
  if (in.ok() && (receive.max == 0 || receive.max > batch_size_max)) return fail("over_limit", "receive: max must be 1 to 10000");
  return read_options(in, "receive", left == 4, [&](std::string_view key) {
    if (key == "visibility_timeout_ms") return receive.visibility_timeout_ms = in.unsigned_integer(), true;
    if (key == "attempt_id") return receive.attempt_id = in.string(), true;
    if (key == "exclusive") return receive.exclusive = in.boolean(), true;
    return false;
  });
}

template <class HandlesCommand>
Result<void> read_handles(MsgpackReader& in, std::string_view operation, HandlesCommand& command) {
  command.queue = in.string();
  if (auto list = read_binaries(in, operation, command.handles); !list) return list;
  if (in.ok() && command.handles.empty()) return malformed(operation, "at least one handle is expected");
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Delete& command) {
  if (left != 2) return malformed("delete", "queue and handles are expected");
  return read_handles(in, "delete", command);
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Release& command) {
  if (left != 2) return malformed("release", "queue and handles are expected");
  return read_handles(in, "release", command);
}
Result<void> read(MsgpackReader& in, std::uint32_t left, ChangeVisibility& command) {
  if (left != 3) return malformed("change_visibility", "queue, handles and timeout_ms are expected");
  if (auto handles = read_handles(in, "change_visibility", command); !handles) return handles;
  command.timeout_ms = in.unsigned_integer();
  return {};
}

Result<void> read(MsgpackReader& in, std::uint32_t left, RetryLater& command) {
  if (left != 4) return malformed("retry_later", "queue, handle, error text and delay_ms are expected");
  command.queue = in.string();
  command.handle = in.binary();
  command.error_text = in.string();
  command.delay_ms = number_or_nil(in);
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Reject& command) {
  if (left != 3) return malformed("reject", "queue, handle and reason are expected");
  command.queue = in.string();
  command.handle = in.binary();
  command.reason = in.string();
  return {};
}

Result<void> read(MsgpackReader& in, std::uint32_t left, Peek& peek) {
  if (left != 1 && left != 2) return malformed("peek", "queue and perhaps options are expected");
  peek.queue = in.string();
  return read_options(in, "peek", left == 2, [&](std::string_view key) {
    if (key == "from") return peek.from = in.unsigned_integer(), true;
    if (key == "max") return peek.max = small_number(in), true;
    return take_selection(in, key, peek.selection);
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Purge& purge) {
  if (left != 1 && left != 2) return malformed("purge", "queue and perhaps options are expected");
  purge.queue = in.string();
  return read_options(in, "purge", left == 2, [&](std::string_view key) {
    if (key == "dry_run") return purge.dry_run = in.boolean(), true;
    return take_selection(in, key, purge.selection);
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Redrive& redrive) {
  if (left != 1 && left != 2) return malformed("redrive", "queue and perhaps options are expected");
  redrive.queue = in.string();
  return read_options(in, "redrive", left == 2, [&](std::string_view key) {
    if (key == "to") return redrive.to = in.string(), true;
    if (key == "max") return redrive.max = in.unsigned_integer(), true;
    if (key == "dry_run") return redrive.dry_run = in.boolean(), true;
    return take_selection(in, key, redrive.selection);
  });
}

Result<void> read(MsgpackReader& in, std::uint32_t left, GetQueueInfo& command) {
  if (left != 1) return malformed("queue_info", "a queue is expected");
  command.queue = in.string();
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, StartMove& move) {
  if (left != 1 && left != 2) return malformed("start_move", "queue and perhaps options are expected");
  move.queue = in.string();
  return read_options(in, "start_move", left == 2, [&](std::string_view key) {
    if (key == "to") return move.to = in.string(), true;
    if (key == "max_per_second") return move.max_per_second = small_number(in), true;
    return take_selection(in, key, move.selection);
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, CancelMove& command) {
  if (left != 1) return malformed("cancel_move", "a move is expected");
  command.move = small_number(in);
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, DeclareTopic& command) {
  if (left != 1 && left != 2) return malformed("declare_topic", "topic and perhaps attributes are expected");
  command.topic = in.string();
  return read_options(in, "declare_topic", left == 2, [&](std::string_view key) {
    if (key == "fifo") return command.fifo = in.boolean(), true;
    if (key == "deduplicate_by") return command.deduplicate_by = in.string(), true;
    return false;
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, DeleteTopic& command) {
  if (left != 1) return malformed("delete_topic", "a topic is expected");
  command.topic = in.string();
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, DeleteQueue& command) {
  if (left != 1 && left != 2) return malformed("delete_queue", "queue and perhaps options are expected");
  command.queue = in.string();
  return read_options(in, "delete_queue", left == 2, [&](std::string_view key) {
    if (key == "force") return command.force = in.boolean(), true;
    return false;
  });
}
Result<void> read_fifo(MsgpackReader& in, Fifo& fifo) {
  return read_options(in, "declare_queue: fifo", true, [&](std::string_view key) {
    if (key == "group_by") return fifo.group_by = in.string(), true;
    if (key == "deduplicate_by") return fifo.deduplicate_by = in.string(), true;
    if (key == "deduplication_scope") return fifo.deduplication_scope = in.string(), true;
    if (key == "on_dead_letter") return fifo.on_dead_letter = in.string(), true;
    return false;
  });
}
void read_tags(MsgpackReader& in, std::vector<std::pair<std::string_view, std::string_view>>& tags) {
  const std::uint32_t count = in.map();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view name = in.string();
    tags.emplace_back(name, in.string());
  }
}
Result<void> read(MsgpackReader& in, std::uint32_t left, DeclareQueue& declare) {
  if (left != 1 && left != 2) return malformed("declare_queue", "queue and perhaps attributes are expected");
  declare.queue = in.string();
  Result<void> fifo;
  auto options = read_options(in, "declare_queue", left == 2, [&](std::string_view key) {
    if (key == "visibility_timeout_ms") return declare.visibility_timeout_ms = in.unsigned_integer(), true;
    if (key == "retention_ms") return declare.retention_ms = in.unsigned_integer(), true;
    if (key == "delay_ms") return declare.delay_ms = in.unsigned_integer(), true;
    if (key == "dead_letter_queue") return declare.dead_letter_queue = in.string(), true;
    if (key == "max_receives") return declare.max_receives = small_number(in), true;
    if (key == "max_message_size_bytes") return declare.max_message_size_bytes = in.unsigned_integer(), true;
    if (key == "max_messages") return declare.max_messages = in.unsigned_integer(), true;
    if (key == "max_bytes") return declare.max_bytes = in.unsigned_integer(), true;
    if (key == "relaxed") return declare.relaxed = in.boolean(), true;
    if (key == "from_topic") return declare.from_topic = in.string(), true;
    if (key == "fifo") return fifo = read_fifo(in, declare.fifo.emplace()), true;
    if (key == "tags") return read_tags(in, declare.tags), true;
    return take_selection(in, key, declare.selection);
  });
  if (!fifo) return fifo;
  return options;
}
Result<void> read(MsgpackReader& in, std::uint32_t left, KeepProgress& step) {
  if (left != 3) return malformed("keep_progress", "source, version and value are expected");
  step.source = in.string();
  step.after = in.unsigned_integer();
  step.value = in.binary();
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, GetProgress& command) {
  if (left != 1) return malformed("progress", "a source is expected");
  command.source = in.string();
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Subscribe& subscribe) {
  if (left != 1 && left != 2) return malformed("subscribe", "topic and perhaps options are expected");
  subscribe.topic = in.string();
  return read_options(in, "subscribe", left == 2, [&](std::string_view key) {
    if (key == "window") return subscribe.window = small_number(in), true;
    return take_selection(in, key, subscribe.selection);
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Unsubscribe& command) {
  if (left != 1) return malformed("unsubscribe", "a subscription is expected");
  command.subscription = in.unsigned_integer();
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Credit& command) {
  if (left != 2) return malformed("credit", "subscription and sequence are expected");
  command.subscription = in.unsigned_integer();
  command.sequence = in.unsigned_integer();
  return {};
}

// --- streams

bool take_position(MsgpackReader& in, std::string_view key, StreamPosition& position) {
  if (key == "from") return position.from = in.string(), true;
  if (key == "offset") return position.offset = in.unsigned_integer(), true;
  if (key == "time_ms") return position.time_ms = in.unsigned_integer(), true;
  return false;
}
Result<void> read(MsgpackReader& in, std::uint32_t left, Append& append) {
  if (left != 2) return malformed("append", "stream and messages are expected");
  append.stream = in.string();
  if (auto list = read_binaries(in, "append", append.messages); !list) return list;
  if (in.ok() && append.messages.empty()) return malformed("append", "at least one message is expected");
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, StreamCheckpoint& command) {
  if (left != 2 && left != 3) return malformed("stream_checkpoint", "lease, next and perhaps options are expected");
  command.lease = in.binary();
  command.next = in.unsigned_integer();
  return read_options(in, "stream_checkpoint", left == 3, [&](std::string_view key) {
    if (key == "end") return command.end = in.string(), true;
    if (key == "reason") return command.reason = in.string(), true;
    if (key == "delay_ms") return command.delay_ms = in.unsigned_integer(), true;
    return false;
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, StreamRead& command) {
  if (left != 3 && left != 4) return malformed("stream_read", "stream, partition, max and perhaps options are expected");
  command.stream = in.string();
  command.partition = small_number(in);
  command.max = small_number(in);
  return read_options(in, "stream_read", left == 4, [&](std::string_view key) { return take_position(in, key, command.position); });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, StreamTake& command) {
  if (left != 3 && left != 4) return malformed("stream_take", "stream, group, max and perhaps options are expected");
  command.stream = in.string();
  command.group = in.string();
  command.max = small_number(in);
  return read_options(in, "stream_take", left == 4, [&](std::string_view key) {
    if (key == "visibility_timeout_ms") return command.visibility_timeout_ms = in.unsigned_integer(), true;
    if (key == "start") return command.start = in.string(), true;
    if (key == "wait_ms") return command.wait_ms = in.unsigned_integer(), true;
    return false;
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, StreamSeek& command) {
  if (left != 2 && left != 3) return malformed("stream_seek", "stream, group and perhaps options are expected");
  command.stream = in.string();
  command.group = in.string();
  return read_options(in, "stream_seek", left == 3, [&](std::string_view key) {
    if (key == "partition") return command.partition = small_number(in), true;
    return take_position(in, key, command.position);
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, DeclareStream& declare) {
  if (left != 1 && left != 2) return malformed("declare_stream", "stream and perhaps attributes are expected");
  declare.stream = in.string();
  return read_options(in, "declare_stream", left == 2, [&](std::string_view key) {
    if (key == "partitions") return declare.partitions = small_number(in), true;
    if (key == "partition_by") return declare.partition_by = in.string(), true;
    if (key == "retention_ms") return declare.retention_ms = in.unsigned_integer(), true;
    if (key == "max_bytes") return declare.max_bytes = in.unsigned_integer(), true;
    if (key == "dead_letter_queue") return declare.dead_letter_queue = in.string(), true;
    if (key == "max_receives") return declare.max_receives = small_number(in), true;
    if (key == "from_topic") return declare.from_topic = in.string(), true;
    return take_selection(in, key, declare.selection);
  });
}
Result<void> read(MsgpackReader& in, std::uint32_t left, GetStreamInfo& command) {
  if (left != 1) return malformed("stream_info", "a stream is expected");
  command.stream = in.string();
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, DeleteStream& command) {
  if (left != 1 && left != 2) return malformed("delete_stream", "stream and perhaps options are expected");
  command.stream = in.string();
  return read_options(in, "delete_stream", left == 2, [&](std::string_view key) {
    if (key == "force") return command.force = in.boolean(), true;
    return false;
  });
}

/// Tries the alternatives of `Variant` until one has the name `operation`, and reads its arguments into `out`.
template <class Variant, std::size_t I = 0>
Result<void> read_by_name(std::string_view operation, MsgpackReader& in, std::uint32_t left, Variant& out);

Result<void> read(MsgpackReader& in, std::uint32_t left, Transact& transact) {
  if (left != 1) return malformed("transact", "one list of steps is expected");
  const std::uint32_t count = in.array();
  if (!in.ok() || count == 0) return malformed("transact", "at least one step is expected");
  if (count > transaction_steps_max) return fail("over_limit", "transact: at most 1000 steps; split the transaction");
  transact.steps.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t fields = in.array();
    const std::string_view operation = in.string();
    if (!in.ok() || fields == 0) return malformed("transact", "a step is [op, argument...]");
    if (auto step = read_by_name(operation, in, fields - 1, transact.steps.emplace_back()); !step) return step;
    if (!in.ok()) return malformed(operation, "an argument has the wrong type");
  }
  return {};
}

template <class Variant, std::size_t I>
Result<void> read_by_name(std::string_view operation, MsgpackReader& in, std::uint32_t left, Variant& out) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return fail("unknown_operation", "no operation '" + std::string{operation.substr(0, 64)} + "' here; see PROTOCOL.md");
  } else {
    using T = std::variant_alternative_t<I, Variant>;
    if (operation == operation_name<T>) return read(in, left, out.template emplace<T>());
    return read_by_name<Variant, I + 1>(operation, in, left, out);
  }
}

}  // namespace

Result<void> decode_request(std::string_view frame, Request& out) {
  out.request = 0;
  out.settled = 0;
  MsgpackReader in{frame};
  const std::uint32_t fields = in.array();
  const std::string_view operation = in.string();
  if (!in.ok() || fields < 3) return malformed("frame", "a request is the array [op, number, settled, argument...]");
  out.request = in.unsigned_integer();
  out.settled = in.unsigned_integer();
  if (!in.ok()) return malformed(operation, "number and settled must be unsigned integers");
  if (auto arguments = read_by_name(operation, in, fields - 3, out.command); !arguments) return arguments;
  if (!in.ok()) return malformed(operation, "an argument has the wrong type");
  if (!in.at_end()) return malformed(operation, "bytes follow the request");
  return {};
}

}  // namespace remuda::wire
