#pragma once
// What a node is: named ports, typed parameters, and a handler. It never sees a socket, an endpoint or a channel kind;
// the launch file alone decides those (or `--port NAME=KIND:ENDPOINT/CHANNEL` when it runs by itself).
//
// A handler is a transaction. The runtime calls on_message for every message that is waiting (a batch), then commit() once,
// then confirms the outputs and only then acknowledges the inputs; when input and output live on one broker, both travel as one
// atomic request. Everything here is called on one thread, the node's loop.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/message.hpp"
#include "common/parameters.hpp"
#include "common/result.hpp"

namespace remuda {

enum class Direction { input, output };
std::ostream& operator<<(std::ostream& out, Direction direction);

/// A port as code declares it; `--describe` prints it and `remuda check` holds the launch file against it.
struct PortDescription {
  std::string name;
  Direction direction = Direction::input;
  std::string message;  ///< what travels here, for people and for checks: `ride.completed`
  /// True when losing a message here would be wrong: `check` warns about a lossy channel.
  bool wants_acknowledgement = false;
  /// True when the port asks and waits for an answer (output) or answers (input): only a request channel fits. A port that merely
  /// sends or takes fits every kind; on a request channel its sender waits until the message is handled.
  bool request = false;
  /// True when the node works without this port being wired.
  bool optional = false;
};

struct NodeDescription {
  std::string name;     ///< the executable's name: `customer_accounting`
  std::string summary;  ///< one line for `--help`
  std::vector<PortDescription> ports;
  std::vector<ParameterDescription> parameters;
  /// True when ports may also be named at will in the launch file (the gateway's routes name request ports): each
  /// extra port is an output of a request channel unless listed above.
  bool open_request_ports = false;
  /// The same for ports that send: each extra port is an output of whatever channel it is wired to. With both, one that is wired to
  /// a request channel asks.
  bool open_outputs = false;
};

/// What became of a message. On a stream `done` moves the group's position past it, and the others are as on a queue, but that the
/// records behind it in its partition wait for it. On a queue `done` deletes it, `retry_later` leaves it to its visibility timeout (or makes it visible
/// after `after`), `reject` moves it to the dead-letter queue with the reason. On a request `reject` answers with an error.
/// A topic or pipe only counts and logs. An exception that leaves a handler is `retry_later` with its text.
class [[nodiscard]] Outcome {
 public:
  enum class Kind { done, retry_later, reject };
  static const Outcome done;
  static const Outcome retry_later;
  static const Outcome reject;

  /// The same outcome with the reason, recorded with the attempt: `return Outcome::reject.because("fare is negative");`
  [[nodiscard]] Outcome because(std::string reason) const;
  /// retry_later only: visible again after `delay` instead of at the end of the visibility timeout.
  [[nodiscard]] Outcome after(std::chrono::milliseconds delay) const;

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// Negative: the visibility timeout decides.
  [[nodiscard]] std::chrono::milliseconds delay() const { return delay_; }

 private:
  explicit Outcome(Kind kind) : kind_{kind} {}
  Kind kind_;
  std::string reason_;
  std::chrono::milliseconds delay_{-1};
};

/// How often a message has come. Channels without receive counts (topics, pipes, requests) always say the first time.
struct Delivery {
  std::uint32_t receive_count = 1;     ///< 2 or more: redelivered
  std::int64_t first_received_ms = 0;  ///< Unix milliseconds of the first receive; 0 = not known
  /// Where a record stands in its stream: the same however often it comes, so that an effect can be kept to once by position.
  struct Place {
    std::uint32_t partition = 0;
    std::uint64_t offset = 0;
    std::int64_t time_ms = 0;  ///< Unix milliseconds: when the stream got it
    friend bool operator==(const Place&, const Place&) = default;
  };
  std::optional<Place> place = {};  ///< of a record of a stream
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

/// Collects the outputs of one handler call. Nothing leaves before commit() returned.
class Outbox {
 public:
  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;
  virtual ~Outbox() = default;
  /// Sends `message` to every channel of output port `port`. An empty id becomes one derived from the input's id and the
  /// output's ordinal, an empty `source` the node's name; `traceparent` and `correlation_id` are inherited.
  virtual void send(std::string_view port, Message message) = 0;
  /// Answers the request being handled; only on a request port, at most once per call. A request that is `done` without a
  /// reply is answered with an empty message.
  virtual void reply(Message message) = 0;
  /// How often the message being handled has come.
  [[nodiscard]] virtual Delivery delivery() const { return {}; }
};

/// The answer to a request, or why there is none: `timed_out` and `unreachable` (unknown outcome), or what the other side
/// rejected with (definite).
using ReplyHandler = std::function<void(Result<Message>)>;
/// Called once the message is confirmed by every channel of the port, or with the error. Confirmed = on stable storage (queue,
/// topic with a broker).
using ConfirmHandler = std::function<void(Result<void>)>;

/// The running node's surroundings. Everything but post() is for the loop's thread.
class NodeContext {
 public:
  NodeContext() = default;
  NodeContext(const NodeContext&) = delete;
  NodeContext& operator=(const NodeContext&) = delete;
  virtual ~NodeContext() = default;

  [[nodiscard]] virtual const std::string& node_name() const = 0;    ///< in the launch file: `accounting`
  [[nodiscard]] virtual int replica() const = 0;                     ///< from 0
  [[nodiscard]] virtual const std::string& data_folder() const = 0;  ///< exists, private, shared by the replicas of this node
  [[nodiscard]] virtual const Parameters& parameters() const = 0;
  [[nodiscard]] virtual const Clock& clock() const = 0;
  [[nodiscard]] virtual bool is_wired(std::string_view port) const = 0;
  /// True when this node can ask over the port: it is wired to a request channel, and not a port that merely sends.
  [[nodiscard]] virtual bool can_ask(std::string_view port) const = 0;
  [[nodiscard]] virtual bool is_draining() const = 0;
  /// Why messages of this node are not taken at present (a queue or a disk is full), in words for people; empty: they are. Who
  /// accepts work from outside should accept no more until then.
  [[nodiscard]] virtual std::string held_back() const { return {}; }

  /// Outside a handler: sends and keeps retrying with the same id until confirmed, or until the node ends.
  virtual void send(std::string_view port, Message message, ConfirmHandler confirmed) = 0;
  /// Asks over a request port. The handler is called exactly once, within `deadline`.
  virtual void request(std::string_view port, Message message, std::chrono::milliseconds deadline, ReplyHandler handler) = 0;
  /// Calls `task` every `interval` until the node ends.
  virtual void every(std::chrono::milliseconds interval, std::function<void()> task) = 0;
  /// Runs `task` on the loop's thread soon. From any thread.
  virtual void post(std::function<void()> task) = 0;
  /// Asks the node to drain and end with this exit code (for drivers that have finished their work).
  virtual void finish(int exit_code) = 0;
  /// Adds to a named figure of this node (`received`, `redelivered`, ...), shown by the supervisor and in the farewell line.
  virtual void count(std::string_view name, std::int64_t by = 1) { static_cast<void>(name), static_cast<void>(by); }
};

class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  /// Constant; called before anything else, also for `--describe` and `--help`.
  [[nodiscard]] virtual NodeDescription describe() const = 0;
  /// Opens stores and remembers `context` (valid until stop() returned). Ports are connected; the node is ready when this returns.
  /// An exception here ends the process with its text and exit code 1, or 2 for a std::invalid_argument: parameters that cannot be.
  virtual void start(NodeContext& context) = 0;
  virtual Outcome on_message(std::string_view port, const Message& message, Outbox& out) = 0;
  /// Makes the effects of all on_message calls since the last commit durable. An exception makes all of them `retry_later`.
  virtual void commit() {}
  /// Asked to drain, once: begin to end activities of your own (servers, drivers). Messages may still come until stop().
  virtual void drain() {}
  /// False while activities of your own run that the drain must wait for.
  [[nodiscard]] virtual bool idle() const { return true; }
  /// The last call, after the drain: nothing is unacknowledged any more.
  virtual void stop() {}
};

/// The whole `main` of a node: parses argv, answers --help, --version and --describe, connects ports, runs until SIGTERM/SIGINT or
/// a drain request, and returns the exit code (0 drained, 1 failed, 2 usage). A second SIGINT ends at once with 130.
int run_node(Node& node, int argc, char** argv);

}  // namespace remuda
