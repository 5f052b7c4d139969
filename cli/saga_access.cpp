#include "cli/saga_access.hpp"

#include <fmt/format.h>

#include "cli/request_call.hpp"
#include "cli/running.hpp"

namespace remuda::cli {

namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::string_view port_suffix = ".sagas";

/// The request channel behind port `sagas` of an orchestrator.
Result<supervisor::ChannelEntry> find_orchestrator(const supervisor::TopologyEntry& topology,
                                                   const std::optional<std::string>& node) {
  std::vector<std::string> nodes;
  const supervisor::ChannelEntry* found = nullptr;
  for (const auto& [port, channels] : topology.ports) {
    if (!port.ends_with(port_suffix) || channels.empty()) continue;
    const std::string name = port.substr(0, port.size() - port_suffix.size());
    if (node && name != *node) continue;
    const auto* channel = topology.find_channel(channels.front());
    if (channel == nullptr || channel->kind != "request") continue;
    if (found != nullptr && found->name == channel->name) continue;  // who asks there has a port of that name, too
    nodes.push_back(name);
    found = channel;
  }
  if (nodes.size() == 1) return *found;
  if (nodes.empty())
    return fail("wrong_usage",
                fmt::format("topology '{}' has no orchestrator with a request channel on port 'sagas'", topology.name));
  return fail("wrong_usage", fmt::format("topology '{}' has several orchestrators: choose one with --node", topology.name));
}

}  // namespace

std::vector<Option> saga_options(SagaOptions& options) {
  return {topology_option(options.topology),
          {"--node", "The orchestrator, where a topology has several", &options.node, false, {}, ValueKind::node}};
}

Result<saga::Json> ask_orchestrator(const SagaOptions& options, const saga::Json& question) {
  const auto topology = find_running(options.topology);
  if (!topology) return Failure{topology.error()};
  const auto channel = find_orchestrator(*topology, options.node);
  if (!channel) return Failure{channel.error()};
  Message message;
  message.id = new_message_id();
  message.source = "remuda";
  message.type = "saga.question";
  message.datacontenttype = "application/json";
  message.body = saga::to_text(question);
  const auto answer = call_request(channel->endpoints, message, patience);
  if (!answer) return Failure{answer.error()};
  saga::Json body = saga::Json::parse(answer->body, nullptr, false);
  if (!body.is_object()) return fail("failed", "the orchestrator's answer is not understood");
  const auto status = answer->attributes.find("status");
  if (status != answer->attributes.end() && status->second.value != "200")
    return fail(body.value("error", "failed"), body.value("message", "the orchestrator refused"));
  return body;
}

ExitCode refused_saga(const Terminal& terminal, const Error& error) {
  const std::string next = error.code == "no_such_saga"  ? "remuda saga ls"
                           : error.code == "wrong_usage" ? "remuda saga --help"
                           : error.code == "not_running"
                               ? "remuda up launch/fare_collection.toml"
                               : "remuda saga show ID says where it is; remuda ps how the orchestrator is";
  return terminal.problem(error, next);
}

}  // namespace remuda::cli
