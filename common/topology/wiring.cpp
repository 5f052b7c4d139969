#include "common/topology/wiring.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/topology/channel_use.hpp"
#include "common/topology/config_view.hpp"
#include "common/topology/endpoint.hpp"
#include "common/topology/parameter_value.hpp"
#include "common/topology/start_order.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

constexpr std::string_view broker_executable = "remuda-broker";

/// FNV-1a: tells plans and folders apart; nothing here resists an adversary, and nothing has to.
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return hash;
}

std::string hexadecimal(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = 0; i < digits; ++i) text[digits - 1 - i] = "0123456789abcdef"[(number >> (4 * i)) & 15U];
  return text;
}

std::string filter_json(const FilterSpec& filter) {
  if (filter.table) return to_json(*filter.table);
  return filter.text ? filter.text->text : "";
}

class Wiring {
 public:
  Wiring(const LaunchFile& file, const Descriptions& descriptions, const PlanOptions& options, Diagnostics& diagnostics)
      : file_{file},
        descriptions_{descriptions},
        options_{options},
        diagnostics_{diagnostics},
        uses_{channel_uses(file, descriptions)} {
    prefix_ = "ipc://@remuda/" + file.name.text + "-" + options.folder_hash + "/";
    for (const auto& host : file.hosts) hosts_.emplace(host.name.text, &host);
    for (const auto& broker : file.brokers) brokers_.emplace(broker.name.text, &broker);
    for (const auto& topic : file.topics) topics_.emplace(topic.name.text, &topic);
    for (const auto& request : file.requests) requests_.emplace(request.name.text, &request);
    for (const auto& queue : file.queues) queue_brokers_.emplace(queue.name.text, queue.broker.text);
    for (const auto& stream : file.streams) stream_brokers_.emplace(stream.name.text, stream.broker.text);
  }

  Plan run() {
    plan_.name = file_.name.text;
    place_brokers();
    place_direct_channels();
    plan_.queues = queue_plans(file_);
    plan_.streams = stream_plans(file_);
    for (const auto& request : file_.requests) add_request_queues(request);
    for (const auto& topic : file_.topics) {
      const auto bound = direct_.find(topic.name.text);
      const bool has_publisher = bound != direct_.end() && !bound->second.endpoints.empty();
      plan_.topics.push_back(topic_plan(topic, has_publisher ? bound->second.endpoints.front() : ""));
    }
    add_broker_processes();
    add_node_processes();
    plan_.hash = hexadecimal(fnv1a(without_folder(plan_as_json(plan_))), 16);
    return std::move(plan_);
  }

 private:
  /// The endpoints of a channel without a broker, and which of them belong to which node.
  struct DirectChannel {
    std::vector<std::string> endpoints;
    std::map<const NodeSpec*, std::size_t> first_of;
    Direction binder = Direction::input;
  };

  const LaunchFile& file_;
  const Descriptions& descriptions_;
  const PlanOptions& options_;
  Diagnostics& diagnostics_;
  std::map<std::string, ChannelUse> uses_;
  std::string prefix_;
  std::map<std::string, const HostSpec*> hosts_;
  std::map<std::string, const BrokerSpec*> brokers_;
  std::map<std::string, const TopicSpec*> topics_;
  std::map<std::string, const RequestSpec*> requests_;
  std::map<std::string, std::string> queue_brokers_;
  std::map<std::string, std::string> stream_brokers_;
  std::map<std::string, std::vector<std::string>> broker_endpoints_;
  std::map<std::string, DirectChannel> direct_;
  std::map<std::string, int> next_port_;  ///< by host
  Plan plan_;

  /// Where a copy of the topology keeps its data is each machine's own business: the hash is the same on all of them.
  [[nodiscard]] std::string without_folder(std::string json) const {
    const std::string here = "-" + options_.folder_hash + "/";
    const std::string anywhere = "-00000000/";
    for (auto at = json.find(here); at != std::string::npos; at = json.find(here, at + anywhere.size()))
      json.replace(at, here.size(), anywhere);
    return json;
  }

  /// The folder of keys of a host; nothing where --local makes all of them one machine.
  [[nodiscard]] std::string keys_of(const Name& host) const {
    const auto known = hosts_.find(host.text);
    return options_.local || known == hosts_.end() ? std::string{} : known->second->keys;
  }
  [[nodiscard]] std::string keys_of(const BrokerSpec& broker) const {
    return broker.keys.empty() ? keys_of(broker.host) : broker.keys;
  }

  /// The label of another machine, or nothing: hosts without an address are this one, and --local folds them all.
  [[nodiscard]] std::string machine(const Name& host) const {
    const auto known = hosts_.find(host.text);
    return options_.local || known == hosts_.end() || known->second->address.empty() ? std::string{} : host.text;
  }

  [[nodiscard]] std::string label(const Name& host) const { return options_.local ? std::string{} : host.text; }

  std::string tcp_endpoint(const Name& host, const std::string& what, const Place& place) {
    const std::string where = machine(host);
    if (where.empty()) {
      diagnostics_.error(place, "T405", what + " is reached from another host, so its own host needs an address",
                         "add one to [hosts], or use --local");
      return "tcp://127.0.0.1:1";
    }
    const HostSpec& spec = *hosts_.at(where);
    return "tcp://" + spec.address + ":" + std::to_string(spec.base_port + next_port_[where]++);
  }

  /// A queue node that other machines reach wants keys.
  void check_keys(const BrokerSpec& broker) {
    const auto host = hosts_.find(machine(broker.host));
    if (host == hosts_.end() || is_loopback_host(host->second->address) || !keys_of(broker).empty()) return;
    diagnostics_.error(
        host->second->name.place, "T401",
        "host " + in_quotes(host->first) + " would be reached at " + host->second->address + ", where broker " +
            in_quotes(broker.name.text) + " listens, and nothing proves who connects: no keys are set up",
        "make keys there with `remuda keys init --keys FOLDER` and say keys = \"FOLDER\" for this host, or use --local");
  }

  /// A channel without a broker has no keys, so it must not leave the machine.
  void check_stays(const ChannelUse::End& end, const std::string& channel) {
    const auto host = hosts_.find(machine(end.node->host));
    if (host == hosts_.end() || is_loopback_host(host->second->address)) return;
    const bool is_request = requests_.contains(channel);
    const bool is_topic = topics_.contains(channel);
    diagnostics_.error(end.channel->place, "T401",
                       in_quotes(channel) + " would go over the network to host " + in_quotes(host->first) + " (" +
                           host->second->address + ") in the clear: a channel without a broker has no keys",
                       is_request ? "say broker = \"...\" in [requests." + channel + "]: it goes over queues then"
                       : is_topic ? "say broker = \"...\" in [topics." + channel + "]"
                                  : "make it a queue: [queues." + channel + "]");
  }

  std::string ipc_endpoint(const std::string& name, const Place& wanted_by) {
    std::string endpoint = prefix_ + name;
    if (const auto parsed = parse_endpoint(endpoint); !parsed && parsed.error().code == "name_too_long") {
      diagnostics_.error(wanted_by, "T404",
                         "the names of the topology and of this make an endpoint that is too long: " + parsed.error().message,
                         "shorten one of them");
    }
    return endpoint;
  }

  /// The broker of a request channel over queues; empty for any other channel.
  [[nodiscard]] std::string request_broker(const std::string& channel) const {
    const auto request = requests_.find(channel);
    return request == requests_.end() ? std::string{} : request->second->broker.text;
  }

  [[nodiscard]] static std::string reply_queue(const std::string& channel, const NodeSpec& node, int replica) {
    return channel + "-replies-" + node.name.text + "-" + std::to_string(replica);
  }

  /// One queue for the questions, one for the answers to each process that asks. Neither keeps anything longer than somebody waits.
  void add_request_queues(const RequestSpec& request) {
    if (request.broker.empty()) return;
    QueuePlan queue;
    queue.name = request.name.text;
    queue.broker = request.broker.text;
    queue.visibility_timeout = std::max<std::chrono::milliseconds>(request.timeout, std::chrono::seconds{1});
    queue.retention = std::max<std::chrono::milliseconds>(request.timeout, std::chrono::minutes{1});
    queue.of_request = true;
    plan_.queues.push_back(queue);
    const auto use = uses_.find(request.name.text);
    if (use == uses_.end()) return;
    for (const auto& asker : use->second.outputs) {
      for (int replica = 0; replica < asker.node->replicas; ++replica) {
        queue.name = reply_queue(request.name.text, *asker.node, replica);
        plan_.queues.push_back(queue);
      }
    }
  }

  [[nodiscard]] bool is_on_broker(const std::string& channel, const std::string& broker) const {
    const auto queue = queue_brokers_.find(channel);
    const auto stream = stream_brokers_.find(channel);
    const auto topic = topics_.find(channel);
    return (queue != queue_brokers_.end() && queue->second == broker) ||
           (stream != stream_brokers_.end() && stream->second == broker) ||
           (topic != topics_.end() && topic->second->broker.text == broker) || request_broker(channel) == broker;
  }

  /// A node that talks to the broker itself, instead of through channels.
  [[nodiscard]] bool names_broker(const NodeSpec& node, const std::string& broker) const {
    return std::any_of(node.parameters.begin(), node.parameters.end(), [&](const ParameterSpec& parameter) {
      return parameter_type(node, parameter.name.text) == ParameterType::broker && parameter.value.text == broker;
    });
  }

  void place_brokers() {
    for (const auto& broker : file_.brokers) {
      std::vector<std::string> endpoints;
      for (const auto& listen : broker.listen) endpoints.push_back(listen.text);
      bool from_elsewhere = false;
      for (const auto& [channel, use] : uses_) {
        if (!is_on_broker(channel, broker.name.text)) continue;
        for (const auto* ends : {&use.inputs, &use.outputs}) {
          for (const auto& end : *ends) from_elsewhere = from_elsewhere || machine(end.node->host) != machine(broker.host);
        }
      }
      for (const auto& node : file_.nodes)
        from_elsewhere = from_elsewhere || (names_broker(node, broker.name.text) && machine(node.host) != machine(broker.host));
      if (endpoints.empty()) endpoints.push_back(ipc_endpoint(broker.name.text, broker.name.place));
      const bool has_tcp =
          std::any_of(endpoints.begin(), endpoints.end(), [](const auto& text) { return text.substr(0, 4) == "tcp:"; });
      if (from_elsewhere) check_keys(broker);
      if (from_elsewhere && !has_tcp)
        endpoints.push_back(tcp_endpoint(broker.host, "broker " + in_quotes(broker.name.text), broker.name.place));
      plan_.brokers.push_back({broker.name.text, label(broker.host), endpoints, broker.store});
      broker_endpoints_.emplace(broker.name.text, std::move(endpoints));
    }
  }

  void place_direct_channel(const std::string& channel, Direction binder) {
    const auto found = uses_.find(channel);
    if (found == uses_.end()) return;
    const auto& binders = binder == Direction::input ? found->second.inputs : found->second.outputs;
    const auto& others = binder == Direction::input ? found->second.outputs : found->second.inputs;
    DirectChannel direct;
    direct.binder = binder;
    for (const auto& end : binders) {
      direct.first_of.emplace(end.node, direct.endpoints.size());
      const bool from_elsewhere = std::any_of(others.begin(), others.end(), [&](const ChannelUse::End& other) {
        return machine(other.node->host) != machine(end.node->host);
      });
      if (from_elsewhere) check_stays(end, channel);
      for (int replica = 0; replica < end.node->replicas; ++replica) {
        const std::string name = channel + "." + std::to_string(direct.endpoints.size());
        direct.endpoints.push_back(from_elsewhere
                                       ? tcp_endpoint(end.node->host, "node " + in_quotes(end.node->name.text), end.channel->place)
                                       : ipc_endpoint(name, end.channel->place));
      }
    }
    direct_.emplace(channel, std::move(direct));
  }

  void place_direct_channels() {
    for (const auto& topic : file_.topics) {
      if (topic.broker.empty()) place_direct_channel(topic.name.text, Direction::output);
    }
    for (const auto& pipe : file_.pipes) place_direct_channel(pipe.name.text, Direction::input);
    for (const auto& request : file_.requests) {
      if (request.broker.empty()) place_direct_channel(request.name.text, Direction::input);
    }
  }

  /// On the broker's own machine its first endpoint, elsewhere its first that is not ipc.
  [[nodiscard]] std::string broker_endpoint(const std::string& broker, const NodeSpec& node) const {
    const auto known = brokers_.find(broker);
    const auto endpoints = broker_endpoints_.find(broker);
    if (known == brokers_.end() || endpoints == broker_endpoints_.end()) return {};
    const bool same_machine = machine(node.host) == machine(known->second->host);
    for (const auto& endpoint : endpoints->second) {
      if (same_machine) return endpoint;
      if (endpoint.substr(0, 4) == "tcp:") return as_seen_from_outside(endpoint, known->second->host);
    }
    return {};
  }

  /// Who listens on every address is reached at the host's own.
  [[nodiscard]] std::string as_seen_from_outside(const std::string& endpoint, const Name& host) const {
    const auto parsed = parse_endpoint(endpoint);
    const auto spec = hosts_.find(machine(host));
    if (!parsed || spec == hosts_.end() || (parsed->host != "0.0.0.0" && parsed->host != "*" && parsed->host != "[::]"))
      return endpoint;
    return "tcp://" + spec->second->address + ":" + std::to_string(parsed->port);
  }

  /// KIND:ENDPOINT[,ENDPOINT...]/CHANNEL[?options]
  [[nodiscard]] std::string binding(const NodeSpec& node, int replica, Direction direction, const std::string& channel,
                                    ChannelKind kind) const {
    const auto topic = topics_.find(channel);
    if (kind == ChannelKind::queue) return "queue:" + broker_endpoint(queue_brokers_.at(channel), node) + "/" + channel;
    if (kind == ChannelKind::stream) return "stream:" + broker_endpoint(stream_brokers_.at(channel), node) + "/" + channel;
    if (topic != topics_.end() && !topic->second->broker.empty()) {
      return "topic:" + broker_endpoint(topic->second->broker.text, node) + "/" + channel;
    }
    if (const auto broker = request_broker(channel); !broker.empty()) {
      const std::string text = "queued-request:" + broker_endpoint(broker, node) + "/" + channel;
      return direction == Direction::input ? text : text + "?reply_to=" + reply_queue(channel, node, replica);
    }
    const auto direct = direct_.find(channel);
    if (direct == direct_.end()) return {};
    std::string text = kind == ChannelKind::topic ? "pubsub:" : kind == ChannelKind::pipe ? "pipe:" : "request:";
    if (direction == direct->second.binder) {
      const auto first = direct->second.first_of.find(&node);
      if (first == direct->second.first_of.end()) return {};
      text += direct->second.endpoints[first->second + static_cast<std::size_t>(replica)];
    } else {
      for (std::size_t i = 0; i < direct->second.endpoints.size(); ++i) text += (i > 0 ? "," : "") + direct->second.endpoints[i];
    }
    text += "/" + channel;
    if (kind == ChannelKind::topic && direction == Direction::output) {
      text += "?subscribers=" + std::to_string(uses_.at(channel).input_processes());
    }
    const auto request = requests_.find(channel);
    if (kind == ChannelKind::request && direction == Direction::output && request != requests_.end()) {
      text += "?timeout_ms=" + std::to_string(request->second->timeout.count());
    }
    return text;
  }

  [[nodiscard]] static std::string live_filter(const FilterSpec& filter) {
    if (filter.empty()) return {};
    return (filter.on_attributes ? "?filter_scope=attributes&filter=" : "?filter=") + filter_json(filter);
  }

  /// A consumer group is the node's own unless it says another: its replicas share the partitions, other nodes read everything too.
  [[nodiscard]] static std::string reader_options(const NodeSpec& node, const StreamReaderSpec& reader) {
    std::string text = "?group=" + (reader.group.empty() ? node.name.text : reader.group);
    if (reader.from_latest) text += "&start=latest";
    if (reader.batch != 0) text += "&batch=" + std::to_string(reader.batch);
    if (reader.visibility_timeout.count() != 0)
      text += "&visibility_timeout_ms=" + std::to_string(reader.visibility_timeout.count());
    return text;
  }

  void add_broker_processes() {
    for (std::size_t i = 0; i < file_.brokers.size(); ++i) {
      const BrokerSpec& broker = file_.brokers[i];
      ProcessPlan process;
      process.kind = ProcessPlan::Kind::broker;
      process.node = broker.name.text;
      process.host = label(broker.host);
      process.exec = broker_executable;
      process.arguments = {"--name", broker.name.text};
      for (const auto& endpoint : plan_.brokers[i].endpoints) {
        process.arguments.emplace_back("--listen");
        process.arguments.push_back(endpoint);
      }
      // Those of the host matter where it listens to more than this machine: they may be there for its nodes alone.
      const auto& endpoints = plan_.brokers[i].endpoints;
      const bool has_tcp =
          std::any_of(endpoints.begin(), endpoints.end(), [](const auto& text) { return text.starts_with("tcp:"); });
      if (const auto keys = has_tcp || !broker.keys.empty() ? keys_of(broker) : ""; !keys.empty())
        process.arguments.insert(process.arguments.end(), {"--keys", keys});
      if (broker.body_cache_bytes) {
        process.arguments.insert(process.arguments.end(), {"--body-cache", std::to_string(*broker.body_cache_bytes) + "B"});
      }
      process.environment = broker.environment;
      process.restart = broker.restart;
      process.stop_grace = broker.stop_grace;
      process.limits = broker.limits;
      plan_.processes.push_back(std::move(process));
    }
  }

  void add_node_processes() {
    const std::vector<int> ranks = start_ranks(file_, uses_);
    const int first_rank = file_.brokers.empty() ? 0 : 1;
    for (std::size_t i = 0; i < file_.nodes.size(); ++i) {
      const NodeSpec& node = file_.nodes[i];
      add_links(node);
      for (int replica = 0; replica < node.replicas; ++replica) {
        ProcessPlan process;
        process.node = node.name.text;
        process.replica = replica;
        process.host = label(node.host);
        process.exec = node.exec.text;
        process.arguments = arguments(node, replica);
        process.environment = node.environment;
        if (const auto keys = keys_of(node.host); !keys.empty()) process.environment.try_emplace("REMUDA_KEYS", keys);
        process.restart = node.restart;
        process.stop_grace = node.stop_grace;
        process.limits = node.limits;
        process.start_rank = first_rank + ranks[i];
        process.implied = node.implied;
        plan_.processes.push_back(std::move(process));
      }
    }
  }

  [[nodiscard]] std::vector<std::string> arguments(const NodeSpec& node, int replica) const {
    std::vector<std::string> out{"--name", node.name.text, "--replica", std::to_string(replica)};
    for (const auto& port : node.ports) {
      const PortDescription* description = find_port(descriptions_, node, port.name.text);
      const Direction direction = description == nullptr ? Direction::input : description->direction;
      for (const auto& channel : port.channels) {
        const auto kind = file_.kind_of(channel.text);
        if (!kind) continue;
        out.emplace_back("--port");
        std::string text = port.name.text + "=" + binding(node, replica, direction, channel.text, *kind);
        const bool reads_stream = *kind == ChannelKind::stream && direction == Direction::input;
        text += reads_stream ? reader_options(node, channel.reader) : live_filter(channel.filter);
        out.push_back(std::move(text));
      }
    }
    for (const auto& parameter : node.parameters) {
      out.emplace_back("--param");
      const auto type = parameter_type(node, parameter.name.text);
      out.push_back(parameter.name.text + "=" +
                    (type == ParameterType::broker ? toml_text(broker_endpoint(parameter.value.text, node))
                                                   : parameter_text(parameter.value, type)));
    }
    return out;
  }

  [[nodiscard]] ParameterType parameter_type(const NodeSpec& node, const std::string& name) const {
    if (node.implied) return name == "outboxes" ? ParameterType::table : ParameterType::broker;  // known without being asked
    const auto description = descriptions_.find(node.exec.text);
    if (description == descriptions_.end()) return ParameterType::text;
    for (const auto& known : description->second.parameters) {
      if (known.name == name) return known.type;
    }
    return ParameterType::text;
  }

  void add_links(const NodeSpec& node) {
    for (const auto& port : node.ports) {
      const PortDescription* description = find_port(descriptions_, node, port.name.text);
      // A queue is read far more often than written to by hand: without a description that is the better guess for a picture.
      const bool into_node = description == nullptr || description->direction == Direction::input;
      for (const auto& channel : port.channels) {
        if (const auto kind = file_.kind_of(channel.text))
          plan_.links.push_back({node.name.text, port.name.text, into_node, channel.text, *kind, filter_json(channel.filter)});
      }
    }
  }
};

}  // namespace

std::string folder_hash(std::string_view canonical_path) {
  const std::uint64_t hash = fnv1a(canonical_path);
  return hexadecimal(hash ^ (hash >> 32U), 8);
}

TopicPlan topic_plan(const TopicSpec& topic, std::string endpoint) {
  return {.name = topic.name.text,
          .broker = topic.broker.text,
          .endpoint = std::move(endpoint),
          .fifo = topic.fifo,
          .deduplicate_by = topic.deduplicate_by};
}

std::vector<QueuePlan> queue_plans(const LaunchFile& file) {
  std::vector<QueuePlan> plans;
  for (const auto& queue : file.queues) {
    QueuePlan settings = queue.settings;
    settings.name = queue.name.text;
    settings.broker = queue.broker.text;
    settings.from_topic = queue.from.text;
    settings.outbox = queue.outbox;
    settings.dead_letter_queue = queue.dead_letter.text;
    settings.filter_policy = filter_json(queue.filter);
    plans.push_back(std::move(settings));
  }
  return plans;
}

std::vector<StreamPlan> stream_plans(const LaunchFile& file) {
  std::vector<StreamPlan> plans;
  for (const auto& stream : file.streams) {
    StreamPlan settings = stream.settings;
    settings.name = stream.name.text;
    settings.broker = stream.broker.text;
    settings.from_topic = stream.from.text;
    settings.outbox = stream.outbox;
    settings.dead_letter_queue = stream.dead_letter.text;
    settings.filter_policy = filter_json(stream.filter);
    settings.filter_on_attributes = stream.filter.on_attributes;
    plans.push_back(std::move(settings));
  }
  return plans;
}

Plan plan(const LaunchFile& file, const Descriptions& descriptions, const PlanOptions& options, Diagnostics& diagnostics) {
  return Wiring{file, descriptions, options, diagnostics}.run();
}

Topology resolve(const std::string& path, const Surroundings& surroundings) {
  Topology topology;
  topology.file = load(path, surroundings.read, surroundings.load, topology.diagnostics);
  const Descriptions descriptions =
      describe_all(topology.file, surroundings.describe, surroundings.executables, topology.diagnostics);
  check(topology.file, descriptions, topology.diagnostics);
  topology.plan = plan(topology.file, descriptions, surroundings.plan, topology.diagnostics);
  return topology;
}

}  // namespace remuda::topology
