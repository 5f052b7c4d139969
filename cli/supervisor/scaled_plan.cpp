#include "cli/supervisor/scaled_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "cli/supervisor/direct_edges.hpp"
#include "common/topology/endpoint.hpp"
#include "common/topology/launch_file.hpp"

namespace remuda::supervisor {

using topology::Link;
using topology::Plan;
using topology::ProcessPlan;
using topology::QueuePlan;

namespace {

/// PORT=KIND:ENDPOINT[,ENDPOINT...]/CHANNEL[?options] with other endpoints.
std::string with_endpoints(const std::string& text, const std::vector<std::string>& endpoints) {
  const auto begin = text.find(':', text.find('=')) + 1;
  const auto end = text.rfind('/', text.find('?'));
  return fmt::format("{}{}{}", text.substr(0, begin), fmt::join(endpoints, ","), text.substr(end));
}

std::string with_option(const std::string& text, const std::string& before, const std::string& after) {
  const auto at = text.find(before, text.find('?'));
  return at == std::string::npos ? text : text.substr(0, at) + after + text.substr(at + before.size());
}

/// `.../lane.2`, cut behind the dot; nothing for another form, which is one that leads to other machines.
struct NumberedEndpoint {
  std::string base;
  int number = 0;
};
std::optional<NumberedEndpoint> numbered(const std::string& endpoint) {
  const auto dot = endpoint.rfind('.');
  if (!endpoint.starts_with("ipc:") || dot == std::string::npos) return std::nullopt;
  NumberedEndpoint parts{endpoint.substr(0, dot + 1), 0};
  const char* const end = endpoint.data() + endpoint.size();
  const auto [rest, error] = std::from_chars(endpoint.data() + dot + 1, end, parts.number);
  return error == std::errc{} && rest == end ? std::optional{parts} : std::nullopt;
}

std::string reply_queue(const std::string& channel, const std::string& node, int replica) {
  return fmt::format("{}-replies-{}-{}", channel, node, replica);
}

class Scaling {
 public:
  Scaling(Plan plan, const std::string& node) : plan_{std::move(plan)}, node_{node} {}

  Result<Plan> to(int replicas) {
    while (replicas_of(plan_, node_) > replicas) remove();
    while (replicas_of(plan_, node_) < replicas) {
      if (const Result<void> added = add(); !added) return Failure<Error>{added.error()};
    }
    return std::move(plan_);
  }

 private:
  Plan plan_;
  const std::string& node_;

  /// The one with the highest number.
  [[nodiscard]] std::size_t last() const {
    std::size_t found = 0;
    for (std::size_t i = 0; i < plan_.processes.size(); ++i) {
      if (plan_.processes[i].node == node_) found = i;
    }
    return found;
  }

  /// The lowest number that nobody on the channel has.
  [[nodiscard]] Result<std::string> free_endpoint(const WiredPort& port) const {
    const auto own = numbered(port.binding.endpoints.front());
    if (!own) {
      return fail("not_scalable", fmt::format("{} listens at {} for other machines, which cannot be told of more replicas; "
                                              "say replicas in the launch file",
                                              node_, port.binding.endpoints.front()));
    }
    std::set<std::string> taken;
    for (const ProcessPlan& process : plan_.processes) {
      for (const WiredPort& other : wired_ports(plan_, process))
        taken.insert(other.binding.endpoints.begin(), other.binding.endpoints.end());
    }
    int number = 0;
    while (taken.contains(own->base + std::to_string(number))) ++number;
    std::string endpoint = own->base + std::to_string(number);
    if (const auto parsed = topology::parse_endpoint(endpoint); !parsed) return fail("not_scalable", parsed.error().message);
    return endpoint;
  }

  /// Rewrites the ports of a kind on the channel.
  template <class Rewrite>
  void on_channel(const std::string& channel, const Rewrite& rewrite) {
    for (ProcessPlan& process : plan_.processes) {
      for (const WiredPort& port : wired_ports(plan_, process)) {
        if (port.is_direct() && port.binding.channel == channel) rewrite(port, process.arguments[port.argument]);
      }
    }
  }

  void count_subscribers(const std::string& channel, int more) {
    on_channel(channel, [&](const WiredPort& port, std::string& text) {
      const auto count = port.binding.options.find("subscribers");
      if (count == port.binding.options.end()) return;
      text = with_option(text, fmt::format("subscribers={}", count->second), fmt::format("subscribers={}", count->second + more));
    });
  }

  Result<void> add() {
    const auto before = plan_.processes.begin() + static_cast<std::ptrdiff_t>(last());
    const std::vector<WiredPort> ports = wired_ports(plan_, *before);
    ProcessPlan& process = *plan_.processes.insert(before + 1, ProcessPlan{*before});
    const int replica = ++process.replica;
    for (std::size_t i = 0; i + 1 < process.arguments.size(); ++i) {
      if (process.arguments[i] == "--replica") process.arguments[i + 1] = std::to_string(replica);
    }
    for (const WiredPort& port : ports) {
      const std::string& channel = port.binding.channel;
      std::string& text = process.arguments[port.argument];
      if (port.listens()) {
        const Result<std::string> endpoint = free_endpoint(port);
        if (!endpoint) return Failure<Error>{endpoint.error()};
        text = with_endpoints(text, {*endpoint});
        connect(channel, port.binding.endpoints.front(), *endpoint);
      } else if (port.binding.kind == BindingKind::pubsub) {
        count_subscribers(channel, 1);
      } else if (!port.binding.reply_to.empty()) {
        const std::string queue = reply_queue(channel, node_, replica);
        text = with_option(text, "reply_to=" + port.binding.reply_to, "reply_to=" + queue);
        copy_queue(port.binding.reply_to, queue);
      }
    }
    return {};
  }

  /// Whoever connects to `neighbour` connects to `endpoint`, too.
  void connect(const std::string& channel, const std::string& neighbour, const std::string& endpoint) {
    on_channel(channel, [&](const WiredPort& port, std::string& text) {
      std::vector<std::string> endpoints = port.binding.endpoints;
      const auto at = std::find(endpoints.begin(), endpoints.end(), neighbour);
      if (port.listens() || at == endpoints.end()) return;
      endpoints.insert(at + 1, endpoint);
      text = with_endpoints(text, endpoints);
    });
  }

  void copy_queue(const std::string& from, const std::string& to) {
    const auto found = std::find_if(plan_.queues.begin(), plan_.queues.end(), [&](const QueuePlan& q) { return q.name == from; });
    if (found == plan_.queues.end()) return;
    QueuePlan queue = *found;
    queue.name = to;
    plan_.queues.insert(found + 1, std::move(queue));
  }

  void remove() {
    const std::size_t going = last();
    const ProcessPlan process = std::move(plan_.processes[going]);
    plan_.processes.erase(plan_.processes.begin() + static_cast<std::ptrdiff_t>(going));
    for (const WiredPort& port : wired_ports(plan_, process)) {
      if (port.listens()) {
        on_channel(port.binding.channel, [&](const WiredPort& other, std::string& text) {
          std::vector<std::string> endpoints = other.binding.endpoints;
          if (other.listens() || std::erase(endpoints, port.binding.endpoints.front()) == 0) return;
          text = with_endpoints(text, endpoints);
        });
      } else if (port.binding.kind == BindingKind::pubsub) {
        count_subscribers(port.binding.channel, -1);
      } else if (!port.binding.reply_to.empty()) {
        std::erase_if(plan_.queues, [&](const QueuePlan& queue) { return queue.name == port.binding.reply_to; });
      }
    }
  }
};

/// A node of another machine at the other end of a channel on which this one listens; nullptr: none.
const Link* neighbour_elsewhere(const Plan& plan, const ProcessPlan& process) {
  for (const WiredPort& port : wired_ports(plan, process)) {
    if (!port.listens()) continue;
    for (const Link& link : plan.links) {
      if (link.channel == port.binding.channel && link.into_node != port.into_process && replicas_of(plan, link.node) == 0)
        return &link;
    }
  }
  return nullptr;
}

}  // namespace

int replicas_of(const Plan& plan, const std::string& node) {
  return static_cast<int>(std::count_if(plan.processes.begin(), plan.processes.end(),
                                        [&](const ProcessPlan& process) { return process.node == node; }));
}

Result<Plan> scaled(const Plan& plan, const std::string& node, int replicas) {
  const auto first =
      std::find_if(plan.processes.begin(), plan.processes.end(), [&](const ProcessPlan& process) { return process.node == node; });
  if (first == plan.processes.end()) return fail("no_such_node", fmt::format("no node '{}' here", node));
  if (first->kind == ProcessPlan::Kind::broker)
    return fail("not_scalable",
                fmt::format("{} is a broker: its queues have one owner; name more brokers in the launch file", node));
  if (const Link* const other = neighbour_elsewhere(plan, *first)) {
    return fail("not_scalable",
                fmt::format("{} runs on another machine and is wired to {} directly, by {}, so it cannot be told of its "
                            "replicas; say broker = \"...\" for {}, or replicas in the launch file",
                            other->node, node, other->channel, other->channel));
  }
  return Scaling{plan, node}.to(replicas);
}

Result<std::vector<std::pair<std::string, int>>> replica_counts(const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, int>> counts;
  for (const std::string& word : words) {
    const auto equals = word.rfind('=');
    int number = 0;
    const char* const end = word.data() + word.size();
    const bool is_number = equals != std::string::npos && equals > 0 &&
                           std::from_chars(word.data() + equals + 1, end, number) == std::from_chars_result{end, std::errc{}};
    if (!is_number) return fail("wrong_usage", fmt::format("'{}' is not NODE=N, as in accounting=3", word));
    const std::string node = word.substr(0, equals);
    if (number < 1 || number > topology::replicas_max)
      return fail("wrong_usage", fmt::format("{}: `replicas` must be from 1 to {}, not {}", node, topology::replicas_max, number));
    if (std::any_of(counts.begin(), counts.end(), [&](const auto& known) { return known.first == node; }))
      return fail("wrong_usage", fmt::format("{} is named twice", node));
    counts.emplace_back(node, number);
  }
  return counts;
}

std::vector<ReplyQueue> reply_queues_added(const Plan& before, const Plan& after) {
  std::vector<ReplyQueue> added;
  for (std::size_t i = 1; i < after.queues.size(); ++i) {
    const QueuePlan& queue = after.queues[i];
    const bool is_known =
        std::any_of(before.queues.begin(), before.queues.end(), [&](const QueuePlan& q) { return q.name == queue.name; });
    // One stands behind the one that it was made after.
    if (!is_known)
      added.push_back(
          {queue.name,
           added.empty() || added.back().name != after.queues[i - 1].name ? after.queues[i - 1].name : added.back().like,
           queue.broker});
  }
  return added;
}

std::vector<std::string> remarks_on(const Plan& plan, const std::string& node) {
  std::vector<std::string> remarks;
  const int replicas = replicas_of(plan, node);
  for (const Link& link : plan.links) {
    if (link.node != node || !link.into_node || replicas < 2) continue;
    if (link.kind == topology::ChannelKind::topic)
      remarks.push_back(fmt::format("each of the {} replicas gets every message of topic {}; a queue between shares the work",
                                    replicas, link.channel));
    for (const topology::StreamPlan& stream : plan.streams) {
      if (stream.name == link.channel && replicas > stream.partitions) {
        remarks.push_back(fmt::format("{} replicas share stream {}, which has {} partition{}: some have nothing to do", replicas,
                                      stream.name, stream.partitions, stream.partitions == 1 ? "" : "s"));
      }
    }
  }
  return remarks;
}

std::vector<std::string> changed_ports(const ProcessPlan& before, const ProcessPlan& after) {
  std::vector<std::string> changed;
  for (std::size_t i = 0; i + 1 < after.arguments.size(); ++i) {
    const std::string& text = after.arguments[i + 1];
    if (after.arguments[i] == "--port" &&
        std::find(before.arguments.begin(), before.arguments.end(), text) == before.arguments.end())
      changed.push_back(text);
  }
  return changed;
}

}  // namespace remuda::supervisor
