// Requests, into their frames.

#include "common/msgpack_writer.hpp"
#include "common/wire_operations.hpp"

namespace remuda::wire {

namespace {

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
  void map(std::string_view key, const Options& value) { value.write(entry(key)); }
  void always(std::string_view key, std::string_view value) { entry(key).text(value); }
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
  void operator()(const ListStreams&) const {}
  void operator()(const BeginBackup&) const {}
  void operator()(const EndBackup&) const {}
  void operator()(const ReadBackup& read) const { out.number(read.segment).number(read.offset); }
  void operator()(const ListMoves&) const {}
  void operator()(const Send& send) const {
    write_binaries(out.text(send.queue), send.messages);
    if (!has_options(send)) return;
    out.map((send.delay_ms ? 1U : 0U) + (send.delays_ms.empty() ? 0U : 1U));
    if (send.delay_ms) out.text("delay_ms").number(*send.delay_ms);
    if (send.delays_ms.empty()) return;
    out.text("delays_ms").array(send.delays_ms.size());
    for (const auto& delay : send.delays_ms) delay ? out.number(*delay) : out.nil();
  }
  void operator()(const Publish& publish) const { write_binaries(out.text(publish.topic), publish.messages); }
  void operator()(const Receive& receive) const {
    out.text(receive.queue).number(receive.max).number(receive.wait_ms);
    if (!has_options(receive)) return;
    Options options;
    if (receive.visibility_timeout_ms) options.number("visibility_timeout_ms", *receive.visibility_timeout_ms);
    options.text("attempt_id", receive.attempt_id);
    options.flag("exclusive", receive.exclusive);
    options.write(out);
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
  void operator()(const StartMove& move) const {
    Options options;
    options.text("to", move.to);
    options.number("max_per_second", move.max_per_second);
    options.selection(move.selection);
    options.write(out.text(move.queue));
  }
  void operator()(const CancelMove& command) const { out.number(command.move); }
  void operator()(const GetQueueInfo& command) const { out.text(command.queue); }
  void operator()(const DeclareTopic& command) const {
    Options options;
    options.flag("fifo", command.fifo);
    options.text("deduplicate_by", command.deduplicate_by);
    options.write(out.text(command.topic));
  }
  void operator()(const DeleteTopic& command) const { out.text(command.topic); }
  void operator()(const DeleteQueue& command) const {
    Options options;
    options.flag("force", command.force);
    options.write(out.text(command.queue));
  }
  void operator()(const DeclareQueue& declare) const {
    Options options;
    options.number("visibility_timeout_ms", declare.visibility_timeout_ms);
    options.number("retention_ms", declare.retention_ms);
    options.number("delay_ms", declare.delay_ms);
    options.text("dead_letter_queue", declare.dead_letter_queue);
    options.number("max_receives", declare.max_receives);
    options.number("max_message_size_bytes", declare.max_message_size_bytes);
    if (declare.max_messages != 0) options.number("max_messages", declare.max_messages);
    if (declare.max_bytes != 0) options.number("max_bytes", declare.max_bytes);
    options.flag("relaxed", declare.relaxed);
    options.text("from_topic", declare.from_topic);
    options.selection(declare.selection);
    if (declare.fifo) {
      Options fifo;
      fifo.text("group_by", declare.fifo->group_by);
      fifo.text("deduplicate_by", declare.fifo->deduplicate_by);
      fifo.text("deduplication_scope", declare.fifo->deduplication_scope);
      fifo.text("on_dead_letter", declare.fifo->on_dead_letter);
      options.map("fifo", fifo);
    }
    if (!declare.tags.empty()) {
      Options tags;
      for (const auto& [name, value] : declare.tags) tags.always(name, value);
      options.map("tags", tags);
    }
    options.write(out.text(declare.queue));
  }
  void operator()(const KeepProgress& step) const { out.text(step.source).number(step.after).binary(step.value); }
  void operator()(const GetProgress& command) const { out.text(command.source); }
  void operator()(const Subscribe& subscribe) const {
    Options options;
    options.number("window", subscribe.window);
    options.selection(subscribe.selection);
    options.write(out.text(subscribe.topic));
  }
  void operator()(const Unsubscribe& command) const { out.number(command.subscription); }
  void operator()(const Credit& command) const { out.number(command.subscription).number(command.sequence); }

  static void put(Options& options, const StreamPosition& position) {
    if (position.from != "oldest") options.text("from", position.from);
    if (position.offset) options.number("offset", *position.offset);
    if (position.time_ms) options.number("time_ms", *position.time_ms);
  }
  void operator()(const Append& append) const { write_binaries(out.text(append.stream), append.messages); }
  void operator()(const StreamCheckpoint& command) const {
    Options options;
    if (command.end != "none") options.text("end", command.end);
    options.text("reason", command.reason);
    if (command.delay_ms != 0) options.number("delay_ms", command.delay_ms);
    options.write(out.binary(command.lease).number(command.next));
  }
  void operator()(const StreamRead& command) const {
    Options options;
    put(options, command.position);
    options.write(out.text(command.stream).number(command.partition).number(command.max));
  }
  void operator()(const StreamTake& command) const {
    Options options;
    options.number("visibility_timeout_ms", command.visibility_timeout_ms);
    if (command.start != "oldest") options.text("start", command.start);
    if (command.wait_ms != 0) options.number("wait_ms", command.wait_ms);
    options.write(out.text(command.stream).text(command.group).number(command.max));
  }
  void operator()(const StreamSeek& command) const {
    Options options;
    if (command.partition) options.number("partition", *command.partition);
    put(options, command.position);
    options.write(out.text(command.stream).text(command.group));
  }
  void operator()(const DeclareStream& declare) const {
    Options options;
    options.number("partitions", declare.partitions);
    options.text("partition_by", declare.partition_by);
    options.number("retention_ms", declare.retention_ms);
    if (declare.max_bytes != 0) options.number("max_bytes", declare.max_bytes);
    options.text("dead_letter_queue", declare.dead_letter_queue);
    options.number("max_receives", declare.max_receives);
    options.text("from_topic", declare.from_topic);
    options.selection(declare.selection);
    options.write(out.text(declare.stream));
  }
  void operator()(const GetStreamInfo& command) const { out.text(command.stream); }
  void operator()(const DeleteStream& command) const {
    Options options;
    options.flag("force", command.force);
    options.write(out.text(command.stream));
  }

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
  static std::size_t argument_count(const ListStreams&) { return 0; }
  static std::size_t argument_count(const BeginBackup&) { return 0; }
  static std::size_t argument_count(const EndBackup&) { return 0; }
  static std::size_t argument_count(const ListMoves&) { return 0; }
  static std::size_t argument_count(const CancelMove&) { return 1; }
  static std::size_t argument_count(const DeleteTopic&) { return 1; }
  static std::size_t argument_count(const Hello&) { return 1; }
  static std::size_t argument_count(const Transact&) { return 1; }
  static std::size_t argument_count(const GetQueueInfo&) { return 1; }
  static std::size_t argument_count(const GetStreamInfo&) { return 1; }
  static std::size_t argument_count(const Unsubscribe&) { return 1; }
  static bool has_options(const Send& send) { return send.delay_ms || !send.delays_ms.empty(); }
  static bool has_options(const Receive& receive) {
    return receive.visibility_timeout_ms || !receive.attempt_id.empty() || receive.exclusive;
  }
  static std::size_t argument_count(const Send& send) { return has_options(send) ? 3 : 2; }
  static std::size_t argument_count(const Receive& receive) { return has_options(receive) ? 4 : 3; }
  static std::size_t argument_count(const ChangeVisibility&) { return 3; }
  static std::size_t argument_count(const Reject&) { return 3; }
  static std::size_t argument_count(const RetryLater&) { return 4; }
  static std::size_t argument_count(const StreamCheckpoint&) { return 3; }
  static std::size_t argument_count(const KeepProgress&) { return 3; }
  static std::size_t argument_count(const GetProgress&) { return 1; }
  static std::size_t argument_count(const StreamRead&) { return 4; }
  static std::size_t argument_count(const StreamTake&) { return 4; }
  static std::size_t argument_count(const StreamSeek&) { return 3; }
  template <class TwoArguments>
  static std::size_t argument_count(const TwoArguments&) {
    return 2;
  }
};

}  // namespace

bool is_remembered(const Command& command) {
  return std::visit(overloaded{
                        [](const Send&) { return true; },         [](const Publish&) { return true; },
                        [](const Delete&) { return true; },       [](const ChangeVisibility&) { return true; },
                        [](const RetryLater&) { return true; },   [](const Reject&) { return true; },
                        [](const Release&) { return true; },      [](const Transact&) { return true; },
                        [](const Purge&) { return true; },        [](const Redrive&) { return true; },
                        [](const StartMove&) { return true; },    [](const CancelMove&) { return true; },
                        [](const DeclareQueue&) { return true; }, [](const DeleteQueue&) { return true; },
                        [](const DeclareTopic&) { return true; }, [](const DeleteTopic&) { return true; },
                        [](const Append&) { return true; },       [](const StreamCheckpoint&) { return true; },
                        [](const StreamSeek&) { return true; },   [](const DeclareStream&) { return true; },
                        [](const DeleteStream&) { return true; }, [](const auto&) { return false; },
                    },
                    command);
}

std::string_view name_of(const Command& command) {
  return std::visit([](const auto& c) { return operation_name<std::decay_t<decltype(c)>>; }, command);
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
