// remuda queue send, receive, delete-message: a producer and a consumer by hand.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/channel_verbs.hpp"
#include "cli/table.hpp"
#include "cli/verbs/queue/commands.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

struct SendOptions {
  BrokerOptions broker;
  std::string queue;
  std::vector<std::string> bodies;
  MessageOptions message;
  std::optional<std::chrono::milliseconds> delay;
};

ExitCode send(Terminal& terminal, SendOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue");
  if (!queue) return refused(terminal, queue.error());
  std::vector<std::string> bodies = bodies_or_lines(options.bodies, terminal);
  const bool from_input = options.bodies.empty();
  const SystemClock clock;
  std::vector<std::string> packed;
  std::vector<std::string> ids;
  for (std::string& body : bodies) {
    options.message.body = std::move(body);
    const Result<Message> message = message_from(options.message, clock);
    if (!message) {
      return terminal.problem(
          ExitCode::wrong_usage, message.error().message,
          fmt::format("nothing was sent{}", from_input ? fmt::format("; correct line {}", packed.size() + 1) : ""));
    }
    ids.push_back(message->id);
    packed.push_back(pack(*message));
  }
  // One request per thousand: each of them is stored whole or not at all.
  constexpr std::size_t batch = 1'000;
  const std::vector<std::string_view> views{packed.begin(), packed.end()};
  for (std::size_t begin = 0; begin < views.size(); begin += batch) {
    wire::Send part;
    part.queue = options.queue;
    part.messages.assign(views.begin() + static_cast<std::ptrdiff_t>(begin),
                         views.begin() + static_cast<std::ptrdiff_t>(std::min(begin + batch, views.size())));
    if (options.delay) part.delay_ms = static_cast<std::uint64_t>(options.delay->count());
    const auto sent = queue->client->send(part);
    if (!sent) {
      refused(terminal, sent.error());
      return begin == 0 ? exit_code_of(sent.error()) : ExitCode::partly_done;
    }
    for (std::size_t i = begin; i < begin + part.messages.size(); ++i) terminal.out << ids[i] << '\n';
  }
  return ExitCode::done;
}

struct ReceiveOptions {
  BrokerOptions broker;
  std::string queue;
  int max = 1;
  std::chrono::milliseconds wait{0};
  std::optional<std::chrono::milliseconds> visibility_timeout;
  std::string attempt_id;
  bool remove = false;
  bool json = false;
};

ExitCode receive(Terminal& terminal, const ReceiveOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue");
  if (!queue) return refused(terminal, queue.error());
  const auto received = queue->client->receive(options.queue, static_cast<std::uint32_t>(std::max(1, options.max)), options.wait,
                                               options.visibility_timeout, options.attempt_id);
  if (!received) return refused(terminal, received.error());
  std::vector<std::string_view> handles;
  for (const ReceivedMessage& one : *received) {
    const Result<Message> message = unpack_message(one.message);
    if (!message) return refused(terminal, message.error());
    handles.push_back(one.handle);
    ordered_json json = message_as_json(*message);
    json["receive_count"] = one.receive_count;
    json["sent_ms"] = one.sent_ms;
    json["first_received_ms"] = one.first_received_ms;
    if (options.json) {
      json["receipt_handle"] = handle_as_text(one.handle);
      terminal.out << dump(json) << '\n';
    } else {
      terminal.out << fmt::format("{}  received {}x\n  {}\n", terminal.paint(Colour::bold, one_line(message->id)),
                                  one.receive_count, shorten(dump(json["body"]), static_cast<std::size_t>(terminal.width) - 2));
    }
  }
  terminal.out.flush();
  if (handles.empty()) {
    terminal.err << options.queue << ": nothing visible\n";
    return ExitCode::done;
  }
  if (!options.remove) return ExitCode::done;
  const auto refused_handles = queue->client->delete_messages(options.queue, handles);
  if (!refused_handles) return refused(terminal, refused_handles.error());
  if (refused_handles->empty()) return ExitCode::done;
  return terminal.problem(ExitCode::partly_done,
                          fmt::format("{} of {} could not be deleted any more", refused_handles->size(), handles.size()),
                          "a longer --visibility-timeout");
}

struct DeleteMessageOptions {
  BrokerOptions broker;
  std::string queue;
  std::vector<std::string> handles;
};

ExitCode delete_messages(const Terminal& terminal, const DeleteMessageOptions& options) {
  std::vector<std::string> handles;
  for (const std::string& text : options.handles) {
    Result<std::string> handle = handle_from_text(text);
    if (!handle) return terminal.problem(ExitCode::wrong_usage, handle.error().message, "remuda queue receive --json prints them");
    handles.push_back(std::move(*handle));
  }
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue");
  if (!queue) return refused(terminal, queue.error());
  const std::vector<std::string_view> views{handles.begin(), handles.end()};
  const auto failed = queue->client->delete_messages(options.queue, views);
  if (!failed) return refused(terminal, failed.error());
  for (const wire::HandleError& one : *failed) {
    terminal.problem(ExitCode::failed, fmt::format("{}: {}", options.handles[one.index], one.code),
                     "somebody else may have received it meanwhile; receive it again");
  }
  terminal.out << fmt::format("deleted {}\n", messages(views.size() - failed->size()));
  if (failed->empty()) return ExitCode::done;
  return failed->size() == views.size() ? ExitCode::failed : ExitCode::partly_done;
}

}  // namespace

Command queue_send() {
  auto options = std::make_shared<SendOptions>();
  return {
      .name = "send",
      .summary = "Send messages; their ids are printed once they are on stable storage",
      .details = "Without BODY each line of the input is one message.",
      .options = with_broker(options->broker,
                             joined({queue_argument(options->queue)},
                                    joined(message_options(options->message, options->bodies),
                                           {{"--group", "The message group", &options->message.group_id},
                                            {"--dedup-id", "What it repeats: the same within 5 minutes is confirmed and not stored",
                                             &options->message.dedup_id},
                                            {"--delay", "Hidden for so long at first (to 15m)", &options->delay}}))),
      .run = [options](Terminal& terminal) { return send(terminal, *options); }};
}

Command queue_receive() {
  auto options = std::make_shared<ReceiveOptions>();
  return {
      .name = "receive",
      .summary = "Receive messages as a consumer does: they stay hidden until the visibility timeout ends",
      .options = with_broker(
          options->broker, {queue_argument(options->queue),
                            {"-n,--max", "At most this many (1)", &options->max},
                            {"--wait", "Wait this long for the first", &options->wait},
                            {"--visibility-timeout", "Instead of the queue's own", &options->visibility_timeout},
                            {"--attempt-id", "FIFO: the same receive again, after an answer that got lost, gets the same messages",
                             &options->attempt_id},
                            {"--delete", "Delete them once they are printed", &options->remove},
                            json_option(options->json)}),
      .run = [options](Terminal& terminal) { return receive(terminal, *options); }};
}

Command queue_delete_message() {
  auto options = std::make_shared<DeleteMessageOptions>();
  return {.name = "delete-message",
          .summary = "Acknowledge received messages: they are done and never come back",
          .details = "Deletes only what the handle's own receive still holds; a later receive makes it worthless.",
          .options = with_broker(options->broker,
                                 {queue_argument(options->queue),
                                  {"HANDLE", "The receipt_handle that `receive --json` printed", &options->handles, true}}),
          .run = [options](Terminal& terminal) { return delete_messages(terminal, *options); }};
}

}  // namespace remuda::cli
