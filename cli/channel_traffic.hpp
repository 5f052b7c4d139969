#pragma once
// What travels on a channel of any kind, as far as it can be seen or joined from outside without disturbing it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/broker_access.hpp"
#include "common/channels/live_filter.hpp"
#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda::cli {

/// "topic", "pubsub" (a topic without a broker), "queue", "stream", "pipe" or "request". One that the launch file does not name, as it was
/// made by hand, is looked for in the brokers; what is nowhere counts as a topic, so that its error is that of an unknown topic.
std::string kind_of_channel(BrokerAccess& access, const std::string& channel);

/// Called with each message until it returns false. `missed`: lost before this one.
using OnMessage = std::function<bool(std::string_view packed_message, std::uint64_t missed)>;

/// Listens for `wait`. A topic: what is published from now on. A queue: what waits there, then what comes and is not taken within a
/// moment. A stream: what is appended from now on. Errors: `wrong_usage` for a pipe or request channel, where nobody can listen but the two nodes; those of the broker.
Result<Unit> listen_to(BrokerAccess& access, const std::string& channel, const std::string& kind, std::chrono::milliseconds wait,
                       const LiveFilter& filter, const OnMessage& on_message);

/// Puts messages into a channel as a node would.
class ChannelWriter {
 public:
  /// `access` must outlive the writer. `timeout`: for one message, where a node has to be there for it.
  ChannelWriter(BrokerAccess& access, std::string channel, std::string kind, std::chrono::milliseconds timeout)
      : access_{access}, channel_{std::move(channel)}, kind_{std::move(kind)}, timeout_{timeout} {}

  /// Says in words what became of it: "3 queues", "stored", "appended", "handed over", "handled".
  /// Errors: `wrong_usage` for a topic without a broker; those of the broker, or of the node that handles it.
  Result<std::string> put(const Message& message);

 private:
  BrokerAccess& access_;
  std::string channel_;
  std::string kind_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<BlockingBrokerClient> client_;  ///< once it is needed
};

/// How many messages have come into the channel so far, as its broker or the nodes that take from it count them.
Result<std::uint64_t> carried(BrokerAccess& access, const std::string& channel, const std::string& kind);

}  // namespace remuda::cli
