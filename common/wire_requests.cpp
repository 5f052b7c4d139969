#include <algorithm>
#include <array>
#include <utility>

#include "common/msgpack_reader.hpp"
#include "common/msgpack_writer.hpp"
#include "common/wire.hpp"

namespace remuda::wire {

namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

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
Result<void> read(MsgpackReader&, std::uint32_t left, ListTopics& list) {
  return read_nothing(left, list);
}

Result<void> read(MsgpackReader& in, std::uint32_t left, Send& send) {
  if (left != 2 && left != 3) return malformed("send", "queue, messages and perhaps options are expected");
  send.queue = in.string();
  if (auto list = read_binaries(in, "send", send.messages); !list) return list;
  if (in.ok() && send.messages.empty()) return malformed("send", "at least one message is expected");
  return read_options(in, "send", left == 3, [&](std::string_view key) {
    if (key == "delay_ms") return send.delay_ms = in.unsigned_integer(), true;
    return false;
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
Result<void> read(MsgpackReader& in, std::uint32_t left, DeclareTopic& command) {
  if (left != 1) return malformed("declare_topic", "a topic is expected");
  command.topic = in.string();
  return {};
}
Result<void> read(MsgpackReader& in, std::uint32_t left, DeclareQueue& declare) {
  if (left != 1 && left != 2) return malformed("declare_queue", "queue and perhaps attributes are expected");
  declare.queue = in.string();
  return read_options(in, "declare_queue", left == 2, [&](std::string_view key) {
    if (key == "visibility_timeout_ms") return declare.visibility_timeout_ms = in.unsigned_integer(), true;
    if (key == "retention_ms") return declare.retention_ms = in.unsigned_integer(), true;
    if (key == "delay_ms") return declare.delay_ms = in.unsigned_integer(), true;
    if (key == "dead_letter_queue") return declare.dead_letter_queue = in.string(), true;
    if (key == "max_receives") return declare.max_receives = small_number(in), true;
    if (key == "max_message_size_bytes") return declare.max_message_size_bytes = in.unsigned_integer(), true;
    if (key == "relaxed") return declare.relaxed = in.boolean(), true;
    if (key == "from_topic") return declare.from_topic = in.string(), true;
    return take_selection(in, key, declare.selection);
  });
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

// The names, in the order of the variants.
template <class T>
constexpr std::string_view operation_name = {};
template <>
constexpr std::string_view operation_name<Hello> = "hello";
template <>
constexpr std::string_view operation_name<Ping> = "ping";
template <>
constexpr std::string_view operation_name<Send> = "send";
template <>
constexpr std::string_view operation_name<Publish> = "publish";
template <>
constexpr std::string_view operation_name<Receive> = "receive";
template <>
constexpr std::string_view operation_name<CancelReceives> = "cancel_receives";
template <>
constexpr std::string_view operation_name<Delete> = "delete";
template <>
constexpr std::string_view operation_name<ChangeVisibility> = "change_visibility";
template <>
constexpr std::string_view operation_name<RetryLater> = "retry_later";
template <>
constexpr std::string_view operation_name<Reject> = "reject";
template <>
constexpr std::string_view operation_name<Release> = "release";
template <>
constexpr std::string_view operation_name<Transact> = "transact";
template <>
constexpr std::string_view operation_name<Peek> = "peek";
template <>
constexpr std::string_view operation_name<Purge> = "purge";
template <>
constexpr std::string_view operation_name<Redrive> = "redrive";
template <>
constexpr std::string_view operation_name<GetQueueInfo> = "queue_info";
template <>
constexpr std::string_view operation_name<ListQueues> = "list_queues";
template <>
constexpr std::string_view operation_name<ListTopics> = "list_topics";
template <>
constexpr std::string_view operation_name<DeclareQueue> = "declare_queue";
template <>
constexpr std::string_view operation_name<DeclareTopic> = "declare_topic";
template <>
constexpr std::string_view operation_name<Subscribe> = "subscribe";
template <>
constexpr std::string_view operation_name<Unsubscribe> = "unsubscribe";
template <>
constexpr std::string_view operation_name<Credit> = "credit";

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

// ---- Writing ----

void write_binaries(MsgpackWriter& out, const std::vector<std::string_view>& values) {
  out.array(values.size());
  for (const auto value : values) out.binary(value);
}

/// Options are written only when they differ from what absent means.
class Options {
 public:
  void number(std::string_view key, std::uint64_t value) { entry(key).number(value); }
  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) entry(key).text(value);
  }
  void flag(std::string_view key, bool value) {
    if (value) entry(key).boolean(true);
  }
  void selection(const Selection& selection) {
    text("filter_policy", selection.filter_policy);
    if (selection.filter_on_attributes) text("scope", "attributes");
  }
  void write(MsgpackWriter& out) const { out.map(count_).raw(entries_); }

 private:
  MsgpackWriter& entry(std::string_view key) {
    ++count_;
    return writer_.text(key);
  }
  std::string entries_;
  MsgpackWriter writer_{entries_};
  std::size_t count_ = 0;
};

struct Arguments {
  MsgpackWriter& out;

  void operator()(const Hello& hello) const {
    out.map(4).text("protocol").number(hello.protocol).text("session").binary(hello.session);
    out.text("node").text(hello.node).text("host").text(hello.host);
  }
  void operator()(const Ping&) const {}
  void operator()(const CancelReceives&) const {}
  void operator()(const ListQueues&) const {}
  void operator()(const ListTopics&) const {}
  void operator()(const Send& send) const {
    write_binaries(out.text(send.queue), send.messages);
    if (send.delay_ms) out.map(1).text("delay_ms").number(*send.delay_ms);
  }
  void operator()(const Publish& publish) const { write_binaries(out.text(publish.topic), publish.messages); }
  void operator()(const Receive& receive) const {
    out.text(receive.queue).number(receive.max).number(receive.wait_ms);
    if (receive.visibility_timeout_ms) out.map(1).text("visibility_timeout_ms").number(*receive.visibility_timeout_ms);
  }
  void operator()(const Delete& command) const { write_binaries(out.text(command.queue), command.handles); }
  void operator()(const Release& command) const { write_binaries(out.text(command.queue), command.handles); }
  void operator()(const ChangeVisibility& command) const {
    write_binaries(out.text(command.queue), command.handles);
    out.number(command.timeout_ms);
  }
  void operator()(const RetryLater& command) const {
    out.text(command.queue).binary(command.handle).text(command.error_text);
    command.delay_ms ? out.number(*command.delay_ms) : out.nil();
  }
  void operator()(const Reject& command) const { out.text(command.queue).binary(command.handle).text(command.reason); }
  void operator()(const Transact& transact) const {
    out.array(transact.steps.size());
    for (const auto& step : transact.steps) write_step(out, step);
  }
  void operator()(const Peek& peek) const {
    Options options;
    options.number("from", peek.from);
    options.number("max", peek.max);
    options.selection(peek.selection);
    options.write(out.text(peek.queue));
  }
  void operator()(const Purge& purge) const {
    Options options;
    options.selection(purge.selection);
    options.flag("dry_run", purge.dry_run);
    options.write(out.text(purge.queue));
  }
  void operator()(const Redrive& redrive) const {
    Options options;
    options.text("to", redrive.to);
    options.number("max", redrive.max);
    options.selection(redrive.selection);
    options.flag("dry_run", redrive.dry_run);
    options.write(out.text(redrive.queue));
  }
  void operator()(const GetQueueInfo& command) const { out.text(command.queue); }
  void operator()(const DeclareTopic& command) const { out.text(command.topic); }
  void operator()(const DeclareQueue& declare) const {
    Options options;
    options.number("visibility_timeout_ms", declare.visibility_timeout_ms);
    options.number("retention_ms", declare.retention_ms);
    options.number("delay_ms", declare.delay_ms);
    options.text("dead_letter_queue", declare.dead_letter_queue);
    options.number("max_receives", declare.max_receives);
    options.number("max_message_size_bytes", declare.max_message_size_bytes);
    options.flag("relaxed", declare.relaxed);
    options.text("from_topic", declare.from_topic);
    options.selection(declare.selection);
    options.write(out.text(declare.queue));
  }
  void operator()(const Subscribe& subscribe) const {
    Options options;
    options.number("window", subscribe.window);
    options.selection(subscribe.selection);
    options.write(out.text(subscribe.topic));
  }
  void operator()(const Unsubscribe& command) const { out.number(command.subscription); }
  void operator()(const Credit& command) const { out.number(command.subscription).number(command.sequence); }

  static void write_step(MsgpackWriter& out, const Step& step) {
    std::visit(
        [&](const auto& command) {
          out.array(1 + argument_count(command)).text(operation_name<std::decay_t<decltype(command)>>);
          Arguments{out}(command);
        },
        step);
  }

  static std::size_t argument_count(const Ping&) { return 0; }
  static std::size_t argument_count(const CancelReceives&) { return 0; }
  static std::size_t argument_count(const ListQueues&) { return 0; }
  static std::size_t argument_count(const ListTopics&) { return 0; }
  static std::size_t argument_count(const Hello&) { return 1; }
  static std::size_t argument_count(const Transact&) { return 1; }
  static std::size_t argument_count(const GetQueueInfo&) { return 1; }
  static std::size_t argument_count(const DeclareTopic&) { return 1; }
  static std::size_t argument_count(const Unsubscribe&) { return 1; }
  static std::size_t argument_count(const Send& send) { return send.delay_ms ? 3 : 2; }
  static std::size_t argument_count(const Receive& receive) { return receive.visibility_timeout_ms ? 4 : 3; }
  static std::size_t argument_count(const ChangeVisibility&) { return 3; }
  static std::size_t argument_count(const Reject&) { return 3; }
  static std::size_t argument_count(const RetryLater&) { return 4; }
  template <class TwoArguments>
  static std::size_t argument_count(const TwoArguments&) {
    return 2;
  }
};

}  // namespace

bool is_remembered(const Command& command) {
  return std::visit(overloaded{
                        [](const Send&) { return true; },
                        [](const Publish&) { return true; },
                        [](const Delete&) { return true; },
                        [](const ChangeVisibility&) { return true; },
                        [](const RetryLater&) { return true; },
                        [](const Reject&) { return true; },
                        [](const Release&) { return true; },
                        [](const Transact&) { return true; },
                        [](const Purge&) { return true; },
                        [](const Redrive&) { return true; },
                        [](const DeclareQueue&) { return true; },
                        [](const DeclareTopic&) { return true; },
                        [](const auto&) { return false; },
                    },
                    command);
}

std::string_view name_of(const Command& command) {
  return std::visit([](const auto& c) { return operation_name<std::decay_t<decltype(c)>>; }, command);
}

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

void encode_request(const Request& request, std::string& out) {
  MsgpackWriter writer{out};
  std::visit(
      [&](const auto& command) {
        writer.array(3 + Arguments::argument_count(command)).text(operation_name<std::decay_t<decltype(command)>>);
        writer.number(request.request).number(request.settled);
        Arguments{writer}(command);
      },
      request.command);
}

void encode_step(const Step& step, std::string& out) {
  MsgpackWriter writer{out};
  Arguments::write_step(writer, step);
}

void encode_transact(std::uint64_t request, std::uint64_t settled, std::string_view steps, std::size_t step_count,
                     std::string& out) {
  MsgpackWriter writer{out};
  writer.array(4).text(operation_name<Transact>).number(request).number(settled).array(step_count).raw(steps);
}

}  // namespace remuda::wire
