#pragma once
// What `--port` says: which channel a port is wired to, and how it is reached.
//
//     rides=queue:tcp://127.0.0.1:5550/customer-accounting
//     rides=topic:tcp://127.0.0.1:5550/ride-completion?filter={"fare":[{"numeric":[">=",50]}]}
//     submit=request:ipc://@remuda/x/submit.0,ipc://@remuda/x/submit.1/submit-ride?timeout_ms=2000
//
// PORT=KIND:ENDPOINT[,ENDPOINT...]/CHANNEL[?key=value[&key=value]]. The channel is what follows the last '/'; `filter` is the last
// key, and everything behind it belongs to it. Pure text, no socket.

#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "common/channels/live_filter.hpp"
#include "common/result.hpp"

namespace remuda {

enum class BindingKind {
  queue,           ///< durable, on a broker
  topic,           ///< on a broker: confirmed publish, live subscription
  pubsub,          ///< a topic without a broker: publishers listen, subscribers connect
  pipe,            ///< direct: inputs listen, outputs connect
  request,         ///< inputs (who answers) listen, outputs (who asks) connect
  queued_request,  ///< the same over queues of a broker; who asks names the queue for its answers
  stream,          ///< retained, on a broker: outputs append, inputs read as members of a consumer group
};
std::ostream& operator<<(std::ostream& out, BindingKind kind);

struct PortBinding {
  std::string port;
  BindingKind kind = BindingKind::queue;
  std::vector<std::string> endpoints;  ///< at least one
  std::string channel;
  /// `subscribers` (pubsub), `timeout_ms` (request), `batch` and `visibility_timeout_ms` (stream, who reads); absent when not said.
  std::map<std::string, int> options;
  std::string reply_to = {};  ///< queued_request, who asks: the queue for its answers
  LiveFilter filter = {};     ///< of an input on a topic or pubsub channel
  std::string group = {};     ///< stream, who reads: the consumer group; empty: the node's name
  bool from_latest = false;   ///< stream, who reads: `start=latest`
  friend bool operator==(const PortBinding&, const PortBinding&) = default;
};
std::ostream& operator<<(std::ostream& out, const PortBinding& binding);

/// Errors: `invalid_port` (definite), saying what is wrong and showing the right form.
Result<PortBinding> parse_port_binding(std::string_view text);

}  // namespace remuda
