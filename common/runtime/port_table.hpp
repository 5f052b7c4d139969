#pragma once
// The ports of a running node and the channels behind them. Built by wire_ports() from `--port`, or by a test from memory.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/channel.hpp"

namespace remuda {

/// One channel of an input port; a port with several channels has several of these.
struct InputPort {
  std::string name;
  bool request = false;
  InputChannel* channel = nullptr;
};

struct PortTable {
  std::vector<InputPort> inputs;
  /// Every output port that the node declares; without channels when it is not wired.
  std::map<std::string, std::vector<OutputChannel*>, std::less<>> outputs;
  /// Request ports that are wired.
  std::map<std::string, std::vector<RequestChannel*>, std::less<>> requests;
  std::vector<BrokerConnection*> brokers;
  /// Everything above, once each: what the loop polls, in this order.
  std::vector<EventSource*> sources;
};

}  // namespace remuda
