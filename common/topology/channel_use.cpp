#include "common/topology/channel_use.hpp"

namespace remuda::topology {
namespace {

int processes(const std::vector<ChannelUse::End>& ends) {
  int count = 0;
  for (const auto& end : ends) count += end.node->replicas;
  return count;
}

}  // namespace

int ChannelUse::input_processes() const {
  return processes(inputs);
}
int ChannelUse::output_processes() const {
  return processes(outputs);
}

const PortDescription* find_port(const Descriptions& descriptions, const NodeSpec& node, std::string_view port) {
  static const PortDescription extra_request{"", Direction::output, "", false, true, true};
  static const PortDescription extra_output{"", Direction::output, "", false, false, true};
  const auto description = descriptions.find(node.exec.text);
  if (description == descriptions.end()) return nullptr;
  for (const auto& known : description->second.ports) {
    if (known.name == port) return &known;
  }
  if (description->second.open_outputs) return &extra_output;
  return description->second.open_request_ports ? &extra_request : nullptr;
}

std::map<std::string, ChannelUse> channel_uses(const LaunchFile& file, const Descriptions& descriptions) {
  std::map<std::string, ChannelUse> uses;
  for (const auto& node : file.nodes) {
    for (const auto& port : node.ports) {
      const PortDescription* description = find_port(descriptions, node, port.name.text);
      for (const auto& channel : port.channels) {
        ChannelUse& use = uses[channel.text];
        const bool fits = description != nullptr && (!description->request || file.kind_of(channel.text) == ChannelKind::request);
        if (!fits) {
          use.unknown = true;
        } else {
          (description->direction == Direction::input ? use.inputs : use.outputs).push_back({&node, &port, &channel});
        }
      }
    }
  }
  return uses;
}

}  // namespace remuda::topology
