#pragma once
// The brokers that a verb talks to: those of a running topology, or one that is named by its endpoint and runs by itself.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/supervisor/registry.hpp"
#include "common/broker_client.hpp"

namespace remuda::cli {

struct BrokerOptions {
  std::optional<std::string> topology;
  std::optional<std::string> broker;  ///< endpoint
};
/// --topology, --broker.
std::vector<Option> broker_options(BrokerOptions& options);

struct BrokerEndpoint {
  std::string name;
  std::string endpoint;
};

class BrokerAccess {
 public:
  /// Errors: as Registry::choose.
  static Result<BrokerAccess> open(const BrokerOptions& options);

  [[nodiscard]] const std::vector<BrokerEndpoint>& brokers() const { return brokers_; }
  /// The broker that holds a channel of that kind ("queue", "topic", "stream"). Errors: `no_such_queue` and so on, with
  /// the closest name.
  [[nodiscard]] Result<BrokerEndpoint> broker_of(const std::string& channel, const std::string& kind) const;
  /// A connection; valid as long as this object.
  [[nodiscard]] std::unique_ptr<BlockingBrokerClient> connect(const BrokerEndpoint& broker,
                                                              std::chrono::milliseconds patience = std::chrono::seconds{5});
  [[nodiscard]] const std::optional<supervisor::TopologyEntry>& topology() const { return topology_; }
  [[nodiscard]] Context& context() { return *context_; }

 private:
  std::unique_ptr<Context> context_ = std::make_unique<Context>();
  std::vector<BrokerEndpoint> brokers_;
  std::optional<supervisor::TopologyEntry> topology_;  ///< nothing with --broker
};

/// What to type after an error of a broker.
std::string next_after(const Error& error);

}  // namespace remuda::cli
