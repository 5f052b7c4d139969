#include "cli/channel_traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <zmq.hpp>

#include "cli/channel_verbs.hpp"
#include "cli/direct_topic.hpp"
#include "cli/request_call.hpp"
#include "cli/running.hpp"
#include "cli/stream_cursor.hpp"
#include "common/channels/direct_wire.hpp"
#include "common/clock.hpp"
#include "common/filter/filter_policy.hpp"

namespace remuda::cli {

namespace {

constexpr std::chrono::milliseconds look_interval{100};  ///< between two looks at a queue
constexpr std::chrono::milliseconds patience{5'000};
constexpr int leave_ms = 2'000;  ///< for what was put into a pipe to leave

const supervisor::ChannelEntry* entry_of(const BrokerAccess& access, const std::string& channel) {
  return access.topology() ? access.topology()->find_channel(channel) : nullptr;
}

Result<Unit> follow_stream(BlockingBrokerClient& client, const std::string& stream, std::chrono::milliseconds wait,
                           const LiveFilter& filter, const OnMessage& on_message) {
  const SystemClock clock;
  const Instant end = clock.now() + wait;
  const auto policy = FilterPolicy::compile(filter.policy.empty() ? "{}" : filter.policy,
                                            filter.on_attributes ? FilterScope::attributes : FilterScope::body);
  if (!policy) return fail("invalid_filter_policy", policy.error().message);
  Result<StreamCursor> cursor = StreamCursor::open(client, stream, {}, {"latest", {}, {}});
  if (!cursor) return Failure<Error>{cursor.error()};
  while (clock.now() < end) {
    const auto record = cursor->next();
    if (!record) return Failure<Error>{record.error()};
    if (!record->has_value()) {
      poll({}, look_interval.count());
      continue;
    }
    const auto view = view_message((*record)->message);
    if (view && !filter.policy.empty() && !policy->matches(*view)) continue;
    if (!on_message((*record)->message, 0)) return Unit{};
  }
  return Unit{};
}

Result<Unit> follow_queue(BlockingBrokerClient& client, const std::string& queue, std::chrono::milliseconds wait,
                          const LiveFilter& filter, const OnMessage& on_message) {
  const SystemClock clock;
  const Instant end = clock.now() + wait;
  wire::Peek look{queue, 0, 100, {filter.policy, filter.on_attributes}};
  while (clock.now() < end) {
    const auto found = client.peek(look);
    if (!found) return Failure<Error>{found.error()};
    for (const wire::Peeked& peeked : *found) {
      look.from = peeked.sequence + 1;
      if (!on_message(peeked.message, 0)) return Unit{};
    }
    if (found->empty()) poll({}, look_interval.count());
  }
  return Unit{};
}

/// The end of a pipe is a node that listens: one of them gets it.
Result<std::string> put_into_pipe(BrokerAccess& access, const supervisor::ChannelEntry& pipe, const Message& message,
                                  std::chrono::milliseconds timeout) {
  Socket socket{access.context(), SocketKind::push};
  socket.native().set(zmq::sockopt::linger, leave_ms);
  for (const std::string& endpoint : pipe.endpoints) {
    if (const Result<void> connected = socket.connect(endpoint); !connected) return Failure<Error>{connected.error()};
  }
  const std::string packed = pack(message);
  const std::array<std::string_view, 1> messages{packed};
  std::string frame;
  direct::encode_messages(direct::new_sender(), 1, messages, frame);
  std::array<zmq_pollitem_t, 1> items{socket.poll_item(ZMQ_POLLOUT)};
  if (poll(items, static_cast<long>(timeout.count())) == 0 || socket.send(frame) != SendStatus::sent)
    return fail("unreachable", "nobody takes from this pipe");
  return std::string{"handed over"};
}

/// Ports that take from the channel: the sum of what they received, or the most where each gets everything.
Result<std::uint64_t> received_by_nodes(const supervisor::TopologyEntry& topology, const std::string& channel, bool each_gets_all) {
  const auto answer = ask(topology, "ps", {}, patience);
  if (!answer) return Failure<Error>{answer.error()};
  std::uint64_t count = 0;
  for (const auto& process : answer->processes) {
    const auto counts = process.find("counts");
    if (counts == process.end()) continue;
    for (const auto& [port, channels] : topology.ports) {
      const std::string node = process.value("node", "") + ".";
      if (!port.starts_with(node) || std::find(channels.begin(), channels.end(), channel) == channels.end()) continue;
      const auto received = counts->find("port." + port.substr(node.size()) + ".received");
      if (received == counts->end()) continue;
      count = each_gets_all ? std::max(count, received->get<std::uint64_t>()) : count + received->get<std::uint64_t>();
    }
  }
  return count;
}

}  // namespace

std::string kind_of_channel(BrokerAccess& access, const std::string& channel) {
  if (const auto* entry = entry_of(access, channel)) return entry->kind;
  if (find_broker(access, channel, "topic")) return "topic";
  for (const char* kind : {"queue", "stream"}) {
    if (find_broker(access, channel, kind)) return kind;
  }
  return "topic";
}

Result<Unit> listen_to(BrokerAccess& access, const std::string& channel, const std::string& kind, std::chrono::milliseconds wait,
                       const LiveFilter& filter, const OnMessage& on_message) {
  if (kind == "pubsub") return listen_directly(access.context(), *entry_of(access, channel), wait, filter, on_message);
  if (kind == "pipe" || kind == "request")
    return fail("wrong_usage",
                fmt::format("'{}' is a {}: what travels there is between two nodes, and nobody else can listen", channel, kind));
  const Result<BrokerEndpoint> broker = find_broker(access, channel, kind);
  if (!broker) return Failure<Error>{broker.error()};
  const auto client = access.connect(*broker);
  if (kind == "stream") return follow_stream(*client, channel, wait, filter, on_message);
  return kind == "queue" ? follow_queue(*client, channel, wait, filter, on_message)
                         : client->listen(channel, wait, on_message, filter.policy);
}

Result<std::string> ChannelWriter::put(const Message& message) {
  if (kind_ == "pubsub")
    return fail("wrong_usage", fmt::format("'{}' has no broker: only the nodes wired to it can publish there", channel_));
  if (kind_ == "pipe") return put_into_pipe(access_, *entry_of(access_, channel_), message, timeout_);
  if (kind_ == "request") {
    const auto answer = call_request(entry_of(access_, channel_)->endpoints, message, timeout_);
    return answer ? Result<std::string>{"handled"} : Result<std::string>{Failure<Error>{answer.error()}};
  }
  if (!client_) {
    const Result<BrokerEndpoint> broker = find_broker(access_, channel_, kind_);
    if (!broker) return Failure<Error>{broker.error()};
    client_ = access_.connect(*broker);
  }
  if (kind_ == "queue") {
    const std::string packed = pack(message);
    const auto sent = client_->send({channel_, {packed}, {}, {}});
    return sent ? Result<std::string>{"stored"} : Result<std::string>{Failure<Error>{sent.error()}};
  }
  if (kind_ == "stream") {
    const auto appended = client_->append(channel_, message);
    return appended ? Result<std::string>{"appended"} : Result<std::string>{Failure<Error>{appended.error()}};
  }
  const Result<std::uint64_t> copies = client_->publish(channel_, message);
  if (!copies) return Failure<Error>{copies.error()};
  return *copies == 1 ? std::string{"stored once"} : fmt::format("stored {} times", *copies);  // in queues and streams
}

Result<std::uint64_t> carried(BrokerAccess& access, const std::string& channel, const std::string& kind) {
  if (kind != "topic" && kind != "queue" && kind != "stream")
    return received_by_nodes(*access.topology(), channel, kind == "pubsub");
  const Result<BrokerEndpoint> broker = find_broker(access, channel, kind);
  if (!broker) return Failure<Error>{broker.error()};
  const auto client = access.connect(*broker);
  if (kind == "queue") {
    const auto info = client->queue_info(channel);
    return info ? Result<std::uint64_t>{info->sent} : Result<std::uint64_t>{Failure<Error>{info.error()}};
  }
  if (kind == "stream") {
    const auto info = client->stream_info(channel);
    return info ? Result<std::uint64_t>{info->appended()} : Result<std::uint64_t>{Failure<Error>{info.error()}};
  }
  const auto topics = client->list_topics();
  if (!topics) return Failure<Error>{topics.error()};
  for (const wire::TopicInfo& topic : *topics) {
    if (topic.topic == channel) return topic.published;
  }
  return fail("no_such_topic", fmt::format("there is no topic '{}'", channel));
}

}  // namespace remuda::cli
