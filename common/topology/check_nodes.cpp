#include <algorithm>

#include "common/http/exposure.hpp"
#include "common/topology/channel_use.hpp"
#include "common/topology/checks.hpp"
#include "common/topology/parameter_value.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

std::string_view expectation(ParameterType type) {
  switch (type) {
    case ParameterType::text:
      return "text";
    case ParameterType::integer:
      return "an integer";
    case ParameterType::number:
      return "a number";
    case ParameterType::boolean:
      return "true or false";
    case ParameterType::duration:
      return "a duration such as \"30s\"";
    case ParameterType::size:
      return "a size such as \"256KiB\"";
    case ParameterType::broker:
      return "the name of a broker";
    case ParameterType::list:
      return "a list";
    case ParameterType::table:
      return "a table";
  }
  return "a value";
}

std::string declared_ports(const NodeDescription& description) {
  std::vector<std::string> words;
  for (const auto& port : description.ports) words.push_back((port.direction == Direction::input ? "in " : "out ") + port.name);
  return listed(words);
}

class NodeChecks {
 public:
  NodeChecks(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics)
      : file_{file}, descriptions_{descriptions}, diagnostics_{diagnostics}, channels_{file.channel_names()} {}

  void run(const NodeSpec& node) {
    const auto found = descriptions_.find(node.exec.text);
    const NodeDescription* description = found == descriptions_.end() ? nullptr : &found->second;
    for (const auto& port : node.ports) {
      const PortDescription* declared = find_port(descriptions_, node, port.name.text);
      if (description != nullptr && declared == nullptr) unknown_port(node, port, *description);
      for (const auto& channel : port.channels) check_channel(node, port, channel, declared);
    }
    if (description == nullptr) return;
    check_unwired(node, *description);
    check_parameters(node, *description);
    check_http_server(node, *description);
  }

 private:
  const LaunchFile& file_;
  const Descriptions& descriptions_;
  Diagnostics& diagnostics_;
  std::vector<std::string> channels_;

  void unknown_port(const NodeSpec& node, const PortSpec& port, const NodeDescription& description) {
    std::vector<std::string> names;
    for (const auto& known : description.ports) names.push_back(known.name);
    diagnostics_.error(port.name.place, "T110",
                       "node " + in_quotes(node.name.text) + " has no port " + in_quotes(port.name.text) +
                           "; its executable declares: " + declared_ports(description),
                       did_you_mean(port.name.text, names));
  }

  void check_channel(const NodeSpec& node, const PortSpec& port, const PortChannel& channel, const PortDescription* declared) {
    const auto kind = file_.kind_of(channel.text);
    if (!kind) {
      diagnostics_.error(
          channel.place, "T101",
          "there is no channel " + in_quotes(channel.text) + "; a port is wired to a topic, queue, stream, pipe or request",
          did_you_mean(channel.text, channels_));
      return;
    }
    check_filtered(node, port, channel, *kind, declared);
    check_reader(node, port, channel, *kind, declared);
    if (declared == nullptr) return;
    const std::string who = "port " + in_quotes(port.name.text) + " of " + in_quotes(node.name.text);
    if (declared->request && *kind != ChannelKind::request) {
      const std::string does = declared->direction == Direction::input ? " answers requests" : " asks and waits for the answer";
      diagnostics_.error(channel.place, "T112", who + does + ", which needs a request channel",
                         "move " + in_quotes(channel.text) + " to [requests]");
    } else if (!declared->request && !may_ask(node, *declared) && is_queued_request(channel.text)) {
      diagnostics_.error(channel.place, "T112", who + " neither asks nor answers, so a request channel over queues does not fit",
                         "use a queue");
    } else if (declared->wants_acknowledgement && is_lossy(channel.text, *kind, declared->direction)) {
      const std::string what = *kind == ChannelKind::pipe                ? "a pipe"
                               : declared->direction == Direction::input ? "a topic read live"
                                                                         : "a topic without a broker";
      diagnostics_.warning(channel.place, "T308",
                           who + " wants no message lost, and " + what +
                               " loses what arrives while the reader is away; a queue keeps it (or say may_lose = true)");
    }
  }

  /// An extra port of an executable whose extra ports ask, where they are wired to a request channel.
  [[nodiscard]] bool may_ask(const NodeSpec& node, const PortDescription& declared) const {
    const auto description = descriptions_.find(node.exec.text);
    return declared.name.empty() && description != descriptions_.end() && description->second.open_request_ports;
  }

  [[nodiscard]] bool is_queued_request(const std::string& channel) const {
    return std::any_of(file_.requests.begin(), file_.requests.end(),
                       [&](const RequestSpec& known) { return known.name.text == channel && !known.broker.empty(); });
  }

  void check_filtered(const NodeSpec& node, const PortSpec& port, const PortChannel& channel, ChannelKind kind,
                      const PortDescription* declared) {
    if (channel.filter.empty()) return;
    const bool reads_live = kind == ChannelKind::topic && (declared == nullptr || declared->direction == Direction::input);
    if (reads_live) return;
    diagnostics_.error(channel.place, "T202",
                       "port " + in_quotes(port.name.text) + " of " + in_quotes(node.name.text) +
                           " does not read a topic live, so it has nothing to filter",
                       kind == ChannelKind::queue    ? "filter where queue " + in_quotes(channel.text) + " is chained to its topic"
                       : kind == ChannelKind::stream ? "filter where stream " + in_quotes(channel.text) + " is chained to its topic"
                                                     : "");
  }

  void check_reader(const NodeSpec& node, const PortSpec& port, const PortChannel& channel, ChannelKind kind,
                    const PortDescription* declared) {
    if (channel.reader.place.line == 0) return;
    const bool reads = kind == ChannelKind::stream && (declared == nullptr || declared->direction == Direction::input);
    if (reads) return;
    diagnostics_.error(
        channel.reader.place, "T315",
        "port " + in_quotes(port.name.text) + " of " + in_quotes(node.name.text) +
            " does not read a stream, so it has no consumer group, start, batch or visibility timeout",
        kind == ChannelKind::queue ? "the visibility timeout of a queue is said in [queues." + channel.text + "]" : "");
  }

  /// What is published to a topic with a broker is safe with the queues chained to it; reading such a topic live is not.
  [[nodiscard]] bool is_lossy(const std::string& channel, ChannelKind kind, Direction direction) const {
    const auto named = [&](const auto& known) { return known.name.text == channel; };
    if (kind == ChannelKind::pipe) {
      const auto pipe = std::find_if(file_.pipes.begin(), file_.pipes.end(), named);
      return pipe == file_.pipes.end() || !pipe->may_lose;
    }
    if (kind != ChannelKind::topic) return false;
    const auto topic = std::find_if(file_.topics.begin(), file_.topics.end(), named);
    if (topic != file_.topics.end() && topic->may_lose) return false;
    return direction == Direction::input || topic == file_.topics.end() || topic->broker.empty();
  }

  void check_unwired(const NodeSpec& node, const NodeDescription& description) {
    for (const auto& port : description.ports) {
      if (port.optional) continue;
      const bool wired =
          std::any_of(node.ports.begin(), node.ports.end(), [&](const PortSpec& known) { return known.name.text == port.name; });
      if (wired) continue;
      const std::string direction = port.direction == Direction::input ? "input" : "output";
      diagnostics_.error(
          node.ports_place, "T111",
          "node " + in_quotes(node.name.text) + " leaves its " + direction + " port " + in_quotes(port.name) + " without a channel",
          "add " + port.name + " = \"<channel>\"");
    }
  }

  void check_parameters(const NodeSpec& node, const NodeDescription& description) {
    std::vector<std::string> names;
    for (const auto& parameter : description.parameters) names.push_back(parameter.name);
    for (const auto& given : node.parameters) {
      const auto known = std::find_if(description.parameters.begin(), description.parameters.end(),
                                      [&](const ParameterDescription& parameter) { return parameter.name == given.name.text; });
      if (known == description.parameters.end()) {
        diagnostics_.error(given.name.place, "T114",
                           "node " + in_quotes(node.name.text) + " has no parameter " + in_quotes(given.name.text) +
                               "; its executable declares: " + listed(names, 20),
                           did_you_mean(given.name.text, names));
      } else if (!given.value.broken && !fits(given.value, known->type)) {
        diagnostics_.error(
            given.value.place, "T115",
            "parameter " + in_quotes(given.name.text) + " must be " + std::string{expectation(known->type)} + ", not " +
                (given.value.is(Value::Kind::text) ? in_quotes(given.value.text) : std::string{kind_name(given.value.kind)}));
      } else if (known->type == ParameterType::broker && !given.value.broken) {
        check_broker(given);
      }
    }
    for (const auto& parameter : description.parameters) {
      if (!parameter.default_value.empty()) continue;
      const bool given = std::any_of(node.parameters.begin(), node.parameters.end(),
                                     [&](const ParameterSpec& known) { return known.name.text == parameter.name; });
      if (given) continue;
      diagnostics_.error(node.name.place, "T116",
                         "node " + in_quotes(node.name.text) + " needs the parameter " + in_quotes(parameter.name) + ", " +
                             std::string{expectation(parameter.type)},
                         "add params = { " + toml_key(parameter.name) + " = ... }");
    }
  }

  /// Where a node with an HTTP server listens, by the rule that it will apply to itself.
  void check_http_server(const NodeSpec& node, const NodeDescription& description) {
    const auto declares = [&](std::string_view name) {
      return std::any_of(description.parameters.begin(), description.parameters.end(),
                         [&](const ParameterDescription& known) { return known.name == name; });
    };
    if (!declares("listen") || !declares("behind_proxy")) return;
    const auto given = [&](std::string_view name) {
      const auto found = std::find_if(node.parameters.begin(), node.parameters.end(),
                                      [&](const ParameterSpec& known) { return known.name.text == name; });
      return found == node.parameters.end() ? nullptr : &*found;
    };
    const auto has = [&](std::string_view name) {
      const auto* parameter = given(name);
      return parameter != nullptr && (parameter->value.broken || !parameter->value.text.empty() || !parameter->value.items.empty());
    };
    const auto* listen = given("listen");
    const auto* behind_proxy = given("behind_proxy");
    http::Exposure exposure;
    exposure.proof = declares("tokens") ? http::Proof::tokens : http::Proof::signatures;
    exposure.is_proved = has("tokens") || has("credentials");
    exposure.has_certificate = has("tls_certificate");
    exposure.has_key = has("tls_key");
    exposure.behind_proxy = behind_proxy != nullptr && (behind_proxy->value.boolean || behind_proxy->value.text == "true");
    Place place = node.name.place;
    exposure.listen.host = "127.0.0.1";  // as every default
    if (listen != nullptr) {
      if (listen->value.broken || !listen->value.is(Value::Kind::text)) return;
      const auto endpoint = http::parse_endpoint(listen->value.text);
      if (!endpoint) return diagnostics_.error(listen->value.place, "T402", endpoint.error().message);
      exposure.listen = *endpoint;
      place = listen->value.place;
    }
    if (const auto problem = http::problem_of(exposure)) diagnostics_.error(place, "T406", problem->what, problem->remedy);
  }

  void check_broker(const ParameterSpec& given) {
    std::vector<std::string> brokers;
    for (const auto& broker : file_.brokers) brokers.push_back(broker.name.text);
    if (std::find(brokers.begin(), brokers.end(), given.value.text) != brokers.end()) return;
    diagnostics_.error(given.value.place, "T103", "there is no broker " + in_quotes(given.value.text),
                       brokers.empty() ? "add [brokers." + given.value.text + "]" : did_you_mean(given.value.text, brokers));
  }
};

}  // namespace

void check_nodes(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics) {
  NodeChecks checks{file, descriptions, diagnostics};
  for (const auto& node : file.nodes) checks.run(node);
}

}  // namespace remuda::topology
