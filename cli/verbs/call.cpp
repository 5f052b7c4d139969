// remuda call: asks a node and prints its answer.

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/message_view.hpp"
#include "cli/request_call.hpp"
#include "cli/running.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/suggestion.hpp"

namespace remuda::cli {

namespace {

struct Options {
  std::string target;
  std::optional<std::string> body;
  MessageOptions message;
  std::chrono::milliseconds timeout{5'000};
  std::optional<std::string> topology;
  bool json = false;
};

/// A channel's name, or NODE.PORT for the channel that the port is wired to.
Result<supervisor::ChannelEntry> find_request_channel(const supervisor::TopologyEntry& topology, const std::string& target) {
  std::string name = target;
  if (const auto port = topology.ports.find(target); port != topology.ports.end() && !port->second.empty())
    name = port->second.front();
  std::vector<std::string> known;
  for (const supervisor::ChannelEntry& channel : topology.channels) {
    if (channel.kind == "request") known.push_back(channel.name);
    if (channel.name != name) continue;
    if (channel.kind == "request") return channel;
    return fail("wrong_usage", fmt::format("'{}' is a {}; only a request can be called", name, channel.kind));
  }
  const std::vector<std::string_view> views{known.begin(), known.end()};
  const std::string_view meant = closest_name(target, views);
  return fail("wrong_usage", fmt::format("topology '{}' has no request channel or port '{}'{}", topology.name, target,
                                         meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)));
}

ExitCode call(Terminal& terminal, Options& options) {
  const Result<supervisor::TopologyEntry> topology = find_running(options.topology);
  if (!topology) return none_running(terminal, topology.error());
  const Result<supervisor::ChannelEntry> channel = find_request_channel(*topology, options.target);
  if (!channel) {
    std::string known;
    for (const supervisor::ChannelEntry& entry : topology->channels) {
      if (entry.kind == "request") known += " " + entry.name;
    }
    return terminal.problem(channel.error(),
                            known.empty() ? "this topology has no request channels" : "remuda call one of:" + known);
  }
  options.message.body = options.body ? *options.body : std::string{std::istreambuf_iterator<char>{terminal.in}, {}};
  const Result<Message> question = message_from(options.message, SystemClock{});
  if (!question) return terminal.problem(question.error(), "nothing was asked");
  const Result<Message> answer = call_request(channel->endpoints, *question, options.timeout);
  if (!answer) return terminal.problem(answer.error(), "remuda ps says how the answering node is");
  nlohmann::ordered_json json = options.json ? message_as_json(*answer) : body_as_json(answer->body);
  terminal.out << json.dump(options.json ? -1 : 2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  return ExitCode::done;
}

}  // namespace

Command call_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "call", .summary = "Ask a node over a request channel and print its answer"};
  command.details = "remuda call accounting.query '{\"customer\": \"c-1\"}'";
  command.options = {{"TARGET", "A request channel, or NODE.PORT", &options->target, true},
                     {"BODY", "The question as JSON; read from the input when absent", &options->body},
                     {"-a,--attribute", "NAME=VALUE or NAME:TYPE=VALUE; repeatable", &options->message.attributes},
                     {"--raw", "The question is text, sent as it stands", &options->message.raw},
                     {"--type", "What it is: ride.submit", &options->message.type},
                     {"--timeout", "Wait this long for the answer (5s)", &options->timeout},
                     topology_option(options->topology),
                     {"--json", "The whole answer with its headers as one line", &options->json}};
  command.run = [options](Terminal& terminal) { return call(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
