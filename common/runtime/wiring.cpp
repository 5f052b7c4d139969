#include "common/runtime/wiring.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <sstream>
#include <utility>

#include "common/channels/broker_connection.hpp"
#include "common/channels/direct_input.hpp"
#include "common/channels/pipe.hpp"
#include "common/channels/pubsub.hpp"
#include "common/channels/queue.hpp"
#include "common/channels/queued_request.hpp"
#include "common/channels/request.hpp"
#include "common/channels/request_delivery.hpp"
#include "common/channels/stream.hpp"
#include "common/channels/topic.hpp"
#include "common/filter/filter_policy.hpp"
#include "common/suggestion.hpp"

namespace remuda {
namespace {

/// How long a receiver may take on a request channel that does not say.
constexpr std::chrono::milliseconds default_deadline{5'000};

const PortDescription* find_port(const NodeDescription& description, std::string_view name) {
  const auto found = std::find_if(description.ports.begin(), description.ports.end(),
                                  [&](const PortDescription& port) { return port.name == name; });
  return found == description.ports.end() ? nullptr : &*found;
}

Failure<Error> unknown_port(const NodeDescription& description, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& port : description.ports) names.emplace_back(port.name);
  auto text = description.name + " has no port `" + name + "`";
  if (const auto closest = closest_name(name, names); !closest.empty()) {
    text += "; did you mean `" + std::string{closest} + "`?";
  } else {
    text += "; `" + description.name + " --help` lists its ports.";
  }
  return fail("invalid_port", std::move(text));
}

StreamReader reader_of(const PortBinding& binding, const std::string& node_name) {
  StreamReader reader;
  reader.stream = binding.channel;
  reader.group = binding.group.empty() ? node_name : binding.group;
  reader.from_latest = binding.from_latest;
  if (const auto batch = binding.options.find("batch"); batch != binding.options.end())
    reader.batch = static_cast<std::uint32_t>(std::max(1, batch->second));
  if (const auto timeout = binding.options.find("visibility_timeout_ms"); timeout != binding.options.end())
    reader.visibility_timeout = std::chrono::milliseconds{timeout->second};
  return reader;
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string{name.data()} : std::string{};
}

}  // namespace

Result<void> check_bindings(const NodeDescription& description, const std::vector<PortBinding>& bindings) {
  for (const auto& binding : bindings) {
    const auto* port = find_port(description, binding.port);
    const bool is_queued = binding.kind == BindingKind::queued_request;
    const bool is_request = binding.kind == BindingKind::request || is_queued;
    if (port == nullptr && !description.open_outputs && !(description.open_request_ports && is_request)) {
      return unknown_port(description, binding.port);
    }
    const bool is_live = binding.kind == BindingKind::topic || binding.kind == BindingKind::pubsub;
    if (!binding.filter.policy.empty() && (!is_live || port == nullptr || port->direction == Direction::output)) {
      return fail("invalid_port", "Port `" + binding.port + "` does not read a topic live: it has nothing to filter.");
    }
    if (!binding.filter.policy.empty()) {
      const auto scope = binding.filter.on_attributes ? FilterScope::attributes : FilterScope::body;
      if (const auto policy = FilterPolicy::compile(binding.filter.policy, scope); !policy)
        return fail("invalid_port", "The filter of port `" + binding.port + "` is refused: " + policy.error().message);
    }
    if (is_queued && port != nullptr && !port->request) {
      return fail("invalid_port",
                  "Port `" + binding.port + "` neither asks nor answers: what waits in a queue for it needs a queue channel.");
    }
    const bool asks = is_queued && (port == nullptr || port->direction == Direction::output);
    if (asks && binding.reply_to.empty()) {
      return fail("invalid_port",
                  "Port `" + binding.port + "` asks over queues and has none for the answers: add ?reply_to=QUEUE.");
    }
    if (port != nullptr && port->request && !is_request) {
      std::ostringstream text;
      text << "Port `" << binding.port << "` asks or answers: it needs a request channel; `" << binding << "` does not fit.";
      return fail("invalid_port", text.str());
    }
  }
  for (const auto& port : description.ports) {
    const bool wired =
        std::any_of(bindings.begin(), bindings.end(), [&](const PortBinding& binding) { return binding.port == port.name; });
    if (wired || port.optional) continue;
    const std::string example = port.request ? "request:tcp://127.0.0.1:5560/CHANNEL" : "queue:tcp://127.0.0.1:5550/CHANNEL";
    return fail("invalid_port", "Port `" + port.name + "` is not wired: add --port " + port.name + "=" + example + ".");
  }
  return {};
}

Wiring::Wiring(const NodeDescription& description, const std::vector<PortBinding>& bindings, Context& context, const Clock& clock,
               const WiringOptions& options)
    : context_{context}, clock_{clock}, options_{options} {
  for (const auto& port : description.ports) {
    if (port.direction == Direction::output && !port.request) ports_.outputs[port.name];
  }
  for (const auto& binding : bindings) {
    const auto* port = find_port(description, binding.port);
    if (port != nullptr && port->direction == Direction::input) {
      wire_input(binding);
    } else {
      wire_output(binding, port == nullptr ? description.open_request_ports : port->request);
    }
  }
}

Wiring::~Wiring() {
  // Channels go before the brokers they use.
  while (!owned_.empty()) owned_.pop_back();
}

BrokerConnection& Wiring::broker(const std::string& endpoint) {
  const auto known =
      std::find_if(by_endpoint_.begin(), by_endpoint_.end(), [&](const auto& entry) { return entry.first == endpoint; });
  if (known != by_endpoint_.end()) return *known->second;
  auto connection = connect_broker(endpoint, {options_.node_name, host_name()}, clock_);
  auto& connected = *connection;
  by_endpoint_.emplace_back(endpoint, &connected);
  ports_.brokers.push_back(&connected);
  add(std::move(connection));
  return connected;
}

void Wiring::add(std::unique_ptr<EventSource> source) {
  ports_.sources.push_back(source.get());
  owned_.push_back(std::move(source));
}

void Wiring::add(const PortBinding& binding, std::unique_ptr<EventSource> source) {
  by_binding_.emplace_back(binding, source.get());
  add(std::move(source));
}

void Wiring::rewire(const PortBinding& binding) {
  const auto subscribers = binding.options.find("subscribers");
  for (const auto& [wired, source] : by_binding_) {
    if (wired.port != binding.port || wired.channel != binding.channel || wired.kind != binding.kind) continue;
    source->rewire(binding.endpoints, subscribers == binding.options.end() ? 0 : static_cast<std::size_t>(subscribers->second));
  }
}

void Wiring::wire_input(const PortBinding& binding) {
  std::unique_ptr<InputChannel> channel;
  switch (binding.kind) {
    case BindingKind::queue:
      channel = std::make_unique<QueueInput>(broker(binding.endpoints.front()), binding.channel, options_.prefetch);
      break;
    case BindingKind::stream:
      channel = std::make_unique<StreamInput>(broker(binding.endpoints.front()), reader_of(binding, options_.node_name));
      break;
    case BindingKind::topic:
      channel = std::make_unique<TopicInput>(broker(binding.endpoints.front()), binding.channel, binding.filter);
      break;
    case BindingKind::pubsub:
      channel = DirectInput::subscription(context_, binding.endpoints, binding.filter);
      break;
    case BindingKind::pipe:
      channel = DirectInput::pipe(context_, binding.endpoints);
      break;
    case BindingKind::request:
      channel = std::make_unique<RequestInput>(context_, binding.endpoints, clock_);
      break;
    case BindingKind::queued_request:
      channel = std::make_unique<QueuedRequestInput>(broker(binding.endpoints.front()), binding.channel, options_.prefetch, clock_);
      break;
  }
  const bool is_request = binding.kind == BindingKind::request || binding.kind == BindingKind::queued_request;
  ports_.inputs.push_back({binding.port, is_request, channel.get()});
  add(binding, std::move(channel));
}

void Wiring::wire_output(const PortBinding& binding, bool asks) {
  if (binding.kind == BindingKind::request && asks) {
    auto channel = std::make_unique<RequestOutput>(context_, binding.endpoints, clock_);
    ports_.requests[binding.port].push_back(channel.get());
    return add(binding, std::move(channel));
  }
  if (binding.kind == BindingKind::queued_request) {
    auto channel = std::make_unique<QueuedRequestOutput>(broker(binding.endpoints.front()), binding.channel, binding.reply_to,
                                                         options_.prefetch, clock_);
    ports_.requests[binding.port].push_back(channel.get());
    return add(binding, std::move(channel));
  }
  std::unique_ptr<OutputChannel> channel;
  if (binding.kind == BindingKind::pipe) {
    channel = std::make_unique<PipeOutput>(context_, binding.endpoints);
  } else if (binding.kind == BindingKind::pubsub) {
    const auto subscribers = binding.options.find("subscribers");
    const auto expected = subscribers == binding.options.end() ? 0 : static_cast<std::size_t>(subscribers->second);
    channel = std::make_unique<PubSubOutput>(context_, binding.endpoints, binding.channel, expected, clock_);
  } else if (binding.kind == BindingKind::request) {
    const auto timeout = binding.options.find("timeout_ms");
    const auto deadline = timeout == binding.options.end() ? default_deadline : std::chrono::milliseconds{timeout->second};
    channel = std::make_unique<RequestDelivery>(context_, binding.endpoints, deadline, clock_);
  } else {
    const auto kind = binding.kind == BindingKind::queue   ? BrokerOutput::Kind::queue
                      : binding.kind == BindingKind::topic ? BrokerOutput::Kind::topic
                                                           : BrokerOutput::Kind::stream;
    channel = std::make_unique<BrokerOutput>(broker(binding.endpoints.front()), kind, binding.channel);
  }
  ports_.outputs[binding.port].push_back(channel.get());
  add(binding, std::move(channel));
}

}  // namespace remuda
