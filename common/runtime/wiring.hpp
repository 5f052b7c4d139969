#pragma once
// From `--port` texts to live channels: checks the bindings against what the node declares, connects to each broker once,
// listens and connects.

#include <memory>
#include <string>
#include <vector>

#include "common/node.hpp"
#include "common/runtime/port_binding.hpp"
#include "common/runtime/port_table.hpp"
#include "common/socket.hpp"

namespace remuda {

/// Holds the bindings against the declared ports. Errors: `invalid_port` (definite) naming the port and the remedy: an unknown
/// port, a port that asks or answers on a channel that is no request, a required port that is not wired.
Result<void> check_bindings(const NodeDescription& description, const std::vector<PortBinding>& bindings);

struct WiringOptions {
  std::string node_name;
  int replica = 0;
  std::size_t prefetch = 64;  ///< messages per queue that may wait here
};

/// Owns every connection and channel of a node.
class Wiring {
 public:
  /// `bindings` are checked. `context` and `clock` must outlive the wiring. Throws std::runtime_error when an endpoint cannot be
  /// listened on or has a wrong form; a peer that is not there yet is waited for.
  Wiring(const NodeDescription& description, const std::vector<PortBinding>& bindings, Context& context, const Clock& clock,
         const WiringOptions& options);
  Wiring(const Wiring&) = delete;
  Wiring& operator=(const Wiring&) = delete;
  ~Wiring();

  [[nodiscard]] const PortTable& ports() const { return ports_; }
  /// The same port and channel with other endpoints at its other end. Nothing happens to what is not wired so.
  void rewire(const PortBinding& binding);

 private:
  BrokerConnection& broker(const std::string& endpoint);
  void add(std::unique_ptr<EventSource> source);
  void add(const PortBinding& binding, std::unique_ptr<EventSource> source);
  void wire_input(const PortBinding& binding);
  /// `asks`: the node asks over this port and reads the answers.
  void wire_output(const PortBinding& binding, bool asks);

  // Constant after construction.
  Context& context_;
  const Clock& clock_;
  WiringOptions options_;

  PortTable ports_;
  std::vector<std::pair<std::string, BrokerConnection*>> by_endpoint_;
  std::vector<std::pair<PortBinding, EventSource*>> by_binding_;
  std::vector<std::unique_ptr<EventSource>> owned_;  // brokers before the channels that use them
};

}  // namespace remuda
