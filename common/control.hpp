#pragma once
// The control channel between a process of a topology and its supervisor: liveness, readiness, figures and the request to drain.
//
// Process: DEALER. Supervisor: ROUTER. One frame per message, a msgpack array; the grammar is in PROTOCOL.md, "Control".
// It carries no data and is always drained, by a thread of its own: a handler that computes for a minute still has a heartbeat,
// whose `loop_age` tells the supervisor how long the loop has not come round.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.hpp"
#include "common/sent_up_to.hpp"

namespace zmq {
class context_t;
}

namespace remuda {

/// The figures of a process, as every heartbeat and the farewell carry them.
struct ControlReport {
  std::string state = "starting";              ///< "starting", "ready" or "draining"
  std::uint64_t in_flight = 0;                 ///< received and not yet settled
  std::uint64_t processed = 0;                 ///< settled as done
  std::uint64_t failed = 0;                    ///< settled as retry_later, or rejected
  std::uint64_t redelivered = 0;               ///< received for the second time or later
  std::chrono::milliseconds loop_age{0};       ///< since the loop last came round
  std::string held_back;                       ///< why its outputs are not taken at present; empty: they are
  std::map<std::string, std::int64_t> counts;  ///< the node's own, e.g. `port.rides.received`
  friend bool operator==(const ControlReport&, const ControlReport&) = default;
};

// From the process.
struct ControlHello {
  std::string name;
  int replica = 0;
  std::int64_t pid = 0;
  std::string version;
  friend bool operator==(const ControlHello&, const ControlHello&) = default;
};
struct ControlReady {
  friend bool operator==(const ControlReady&, const ControlReady&) = default;
};
struct ControlHeartbeat {
  ControlReport report;
  friend bool operator==(const ControlHeartbeat&, const ControlHeartbeat&) = default;
};
/// The last message: the process ends now, by its own decision or because it was asked to.
struct ControlBye {
  int exit_code = 0;
  std::string reason;
  ControlReport report;
  friend bool operator==(const ControlBye&, const ControlBye&) = default;
};
/// The answer to a hold: nothing more leaves for who is there, and no answer from there is waited for any more. And to a finish:
/// everything is settled.
struct ControlHeld {
  std::uint64_t number = 0;  ///< of the hold or finish
  std::vector<SentUpTo> sent;
  friend bool operator==(const ControlHeld&, const ControlHeld&) = default;
};
/// The answer to an await: all of it is here, but for `missing` messages, which do not come any more.
struct ControlArrived {
  std::uint64_t number = 0;  ///< of the await
  std::uint64_t missing = 0;
  friend bool operator==(const ControlArrived&, const ControlArrived&) = default;
};
/// The answer to a rewire: whatever is sent from now on goes by it.
struct ControlRewired {
  std::uint64_t number = 0;  ///< of the rewire
  friend bool operator==(const ControlRewired&, const ControlRewired&) = default;
};
using ControlMessage =
    std::variant<ControlHello, ControlReady, ControlHeartbeat, ControlBye, ControlHeld, ControlArrived, ControlRewired>;

// From the supervisor.
struct ControlDrain {
  friend bool operator==(const ControlDrain&, const ControlDrain&) = default;
};
/// Asks for a heartbeat at once.
struct ControlPing {
  friend bool operator==(const ControlPing&, const ControlPing&) = default;
};
// Of a swap, and of a replica that leaves (cli/supervisor/swap.hpp says in which order):
/// Nothing more may leave for who listens at, or subscribes to, these endpoints, until the resume with the same number; what is
/// sent meanwhile waits. Answered by `held`.
struct ControlHold {
  std::uint64_t number = 0;
  std::vector<std::string> endpoints;
  friend bool operator==(const ControlHold&, const ControlHold&) = default;
};
struct ControlResume {
  std::uint64_t number = 0;  ///< of the hold
  bool replaced = false;     ///< another process is there now
  friend bool operator==(const ControlResume&, const ControlResume&) = default;
};
/// Answered by `arrived`, once everything up to there has come.
struct ControlAwait {
  std::uint64_t number = 0;
  bool handled = false;  ///< and has been given to the handler
  std::vector<SentUpTo> sent;
  friend bool operator==(const ControlAwait&, const ControlAwait&) = default;
};
/// Drain, say `held`, and stay until the drain request proper: what was sent last may still be on its way.
struct ControlFinish {
  std::uint64_t number = 0;
  friend bool operator==(const ControlFinish&, const ControlFinish&) = default;
};
/// A node at the other end of its direct channels has more or fewer replicas: these are its ports now. Answered by `rewired`.
struct ControlRewire {
  std::uint64_t number = 0;
  std::vector<std::string> ports;  ///< those that changed, as `--port` has them
  friend bool operator==(const ControlRewire&, const ControlRewire&) = default;
};
using ControlRequest =
    std::variant<ControlDrain, ControlPing, ControlHold, ControlResume, ControlAwait, ControlFinish, ControlRewire>;

[[nodiscard]] std::string encode(const ControlMessage& message);
[[nodiscard]] std::string encode(const ControlRequest& request);
/// Errors: `malformed_control_message` (definite). Unknown keys of a report and unknown trailing fields are skipped, so that a
/// newer process is understood.
Result<ControlMessage> decode_control_message(std::string_view frame);
Result<ControlRequest> decode_control_request(std::string_view frame);

/// The process's end. Everything except construction may be called from any thread; the destructor joins the thread.
class ControlClient {
 public:
  static constexpr std::chrono::milliseconds heartbeat_interval{1'000};
  /// How long a process may drain after its supervisor died before it is ended.
  static constexpr std::chrono::milliseconds orphan_grace{800};

  struct Options {
    std::string endpoint;  ///< the supervisor's ROUTER; empty: nobody supervises, only the life line is watched
    ControlHello hello;
    int life_fd = -1;  ///< inherited pipe whose end of file means that the supervisor died; -1: none
  };
  struct Handlers {
    std::function<ControlReport()> report;  ///< called on the control thread
    std::function<void()> drain;  ///< the supervisor asks to drain, or died; called on the control thread, perhaps more than once
    std::function<void(ControlRequest)> hand_over = {};  ///< all others; called on the control thread
  };

  /// `context` must outlive this object. Says hello and starts the heartbeats; a supervisor that is not there yet is waited
  /// for. When the life line ends, `drain` is called and `orphan_grace` later the process is ended by `_exit(1)`, whatever
  /// its loop does.
  ControlClient(zmq::context_t& context, Options options, Handlers handlers);
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;
  ~ControlClient();

  /// The process can work: says so once.
  void ready();
  /// Says it as soon as the control thread comes round: `held` or `arrived`.
  void say(ControlMessage message);
  /// The last word; waits at most 100 ms until it has left. Later calls do nothing.
  void bye(int exit_code, std::string reason);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The life line handed down by the supervisor (environment REMUDA_LIFE_FD), made close-on-exec; -1 when there is none.
[[nodiscard]] int life_fd_from_environment();

}  // namespace remuda
