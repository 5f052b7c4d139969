#include "common/topology/config_view.hpp"

#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "common/topology/queue_values.hpp"
#include "common/units.hpp"

namespace remuda::topology {
namespace {

using Json = nlohmann::ordered_json;

const char* policy_name(RestartPolicy::When when) {
  switch (when) {
    case RestartPolicy::When::never:
      return "never";
    case RestartPolicy::When::on_failure:
      return "on-failure";
    case RestartPolicy::When::always:
      return "always";
  }
  return "never";
}

Value restart_value(const RestartPolicy& restart) {
  Value table;
  table.add("policy", Value::of(policy_name(restart.when)));
  table.add("delay", Value::of(format_duration(restart.delay)));
  table.add("max_delay", Value::of(format_duration(restart.max_delay)));
  table.add("max_restarts", Value::of(std::int64_t{restart.max_restarts}));
  table.add("window", Value::of(format_duration(restart.window)));
  return table;
}

void add_limits(const ResourceLimits& limits, Value& table) {
  if (limits.memory_max_bytes) table.add("memory_max", Value::of(format_size(*limits.memory_max_bytes)));
  if (limits.nofile) table.add("nofile", Value::of(std::int64_t{*limits.nofile}));
  if (limits.nice) table.add("nice", Value::of(std::int64_t{*limits.nice}));
}

Value list_value(const std::vector<Name>& names) {
  Value list;
  list.kind = Value::Kind::array;
  for (const auto& name : names) list.items.push_back(Value::of(name.text));
  return list;
}

Value texts_value(const std::map<std::string, std::string>& texts) {
  Value table;
  for (const auto& [name, text] : texts) table.add(name, Value::of(text));
  return table;
}

Value broker_value(const BrokerSpec& broker, const BrokerPlan* planned) {
  Value table;
  if (!broker.host.empty()) table.add("host", Value::of(broker.host.text));
  if (!broker.store.empty()) table.add("store", Value::of(broker.store));
  // Where it listens without being told depends on the folder it is started from, so only what was written is shown.
  if (!broker.listen.empty() && planned != nullptr) table.add("listen", list_value(broker.listen));
  if (!broker.keys.empty()) table.add("keys", Value::of(broker.keys));
  table.add("stop_grace", Value::of(format_duration(broker.stop_grace)));
  add_limits(broker.limits, table);
  table.add("restart", restart_value(broker.restart));
  if (!broker.environment.empty()) table.add("env", texts_value(broker.environment));
  return table;
}

Value port_channel_value(const PortChannel& channel) {
  const StreamReaderSpec& reader = channel.reader;
  if (channel.filter.empty() && reader.place.line == 0) return Value::of(channel.text);
  Value table;
  table.add("channel", Value::of(channel.text));
  if (channel.filter.table) table.add("filter", *channel.filter.table);
  if (channel.filter.text) table.add("filter_policy", *channel.filter.text);
  if (channel.filter.on_attributes) table.add("filter_scope", Value::of("attributes"));
  if (!reader.group.empty()) table.add("group", Value::of(reader.group));
  if (reader.from_latest) table.add("start", Value::of("latest"));
  if (reader.batch != 0) table.add("batch", Value::of(std::int64_t{reader.batch}));
  if (reader.visibility_timeout.count() != 0)
    table.add("visibility_timeout", Value::of(format_duration(reader.visibility_timeout)));
  return table;
}

Value node_value(const NodeSpec& node) {
  Value table;
  table.add("exec", Value::of(node.exec.text));
  if (!node.host.empty()) table.add("host", Value::of(node.host.text));
  Value ports;
  for (const auto& port : node.ports) {
    Value channels;
    channels.kind = Value::Kind::array;
    for (const auto& channel : port.channels) channels.items.push_back(port_channel_value(channel));
    ports.add(port.name.text, channels.items.size() == 1 ? channels.items.front() : channels);
  }
  if (!ports.entries.empty()) table.add("ports", std::move(ports));
  Value parameters;
  for (const auto& parameter : node.parameters) parameters.add(parameter.name.text, parameter.value);
  if (!parameters.entries.empty()) table.add("params", std::move(parameters));
  table.add("replicas", Value::of(std::int64_t{node.replicas}));
  if (!node.depends_on.empty()) table.add("depends_on", list_value(node.depends_on));
  table.add("stop_grace", Value::of(format_duration(node.stop_grace)));
  add_limits(node.limits, table);
  table.add("restart", restart_value(node.restart));
  if (!node.environment.empty()) table.add("env", texts_value(node.environment));
  return table;
}

/// `${` in a resolved value stands for itself, and the file must say so when it is read again.
void escape_references(Value& value) {
  for (auto& item : value.items) escape_references(item);
  for (auto& entry : value.entries) escape_references(entry.value);
  for (std::size_t at = value.text.find("${"); at != std::string::npos; at = value.text.find("${", at + 3))
    value.text.insert(at, "$");
}

Value config_value(const LaunchFile& file, const Plan& plan) {
  Value root;
  root.add("schema", Value::of(std::int64_t{1}));
  root.add("name", Value::of(file.name.text));
  const auto section = [&](const char* name, auto&& fill) {
    Value tables;
    fill(tables);
    if (!tables.entries.empty()) root.add(name, std::move(tables));
  };
  section("hosts", [&](Value& tables) {
    for (const auto& host : file.hosts) {
      Value table;
      if (!host.address.empty()) table.add("address", Value::of(host.address));
      table.add("base_port", Value::of(std::int64_t{host.base_port}));
      if (!host.keys.empty()) table.add("keys", Value::of(host.keys));
      tables.add(host.name.text, std::move(table));
    }
  });
  section("brokers", [&](Value& tables) {
    for (std::size_t i = 0; i < file.brokers.size(); ++i) {
      tables.add(file.brokers[i].name.text, broker_value(file.brokers[i], i < plan.brokers.size() ? &plan.brokers[i] : nullptr));
    }
  });
  section("topics", [&](Value& tables) {
    for (const auto& topic : file.topics) {
      Value table = topic_value({topic.name.text, topic.broker.text, ""}, true);
      if (!topic.message.empty()) table.add("message", Value::of(topic.message));
      if (topic.may_lose) table.add("may_lose", Value::of(true));
      tables.add(topic.name.text, std::move(table));
    }
  });
  section("queues", [&](Value& tables) {
    for (std::size_t i = 0; i < file.queues.size(); ++i) {  // what follows in the plan carries requests
      if (!file.queues[i].outbox_of.empty()) continue;      // it comes of itself
      Value table = queue_value(plan.queues[i], true);
      for (auto& entry : table.entries) {
        if (entry.key == "filter_policy" && file.queues[i].filter.table) entry = {"filter", {}, *file.queues[i].filter.table};
      }
      tables.add(plan.queues[i].name, std::move(table));
    }
  });
  section("streams", [&](Value& tables) {
    for (std::size_t i = 0; i < file.streams.size(); ++i) {
      Value table = stream_value(plan.streams[i], true);
      for (auto& entry : table.entries) {
        if (entry.key == "filter_policy" && file.streams[i].filter.table) entry = {"filter", {}, *file.streams[i].filter.table};
      }
      tables.add(plan.streams[i].name, std::move(table));
    }
  });
  section("pipes", [&](Value& tables) {
    for (const auto& pipe : file.pipes) {
      Value table;
      if (pipe.may_lose) table.add("may_lose", Value::of(true));
      tables.add(pipe.name.text, std::move(table));
    }
  });
  section("requests", [&](Value& tables) {
    for (const auto& request : file.requests) {
      Value table;
      if (!request.broker.empty()) table.add("broker", Value::of(request.broker.text));
      table.add("timeout", Value::of(format_duration(request.timeout)));
      tables.add(request.name.text, std::move(table));
    }
  });
  section("nodes", [&](Value& tables) {
    for (const auto& node : file.nodes) {
      if (!node.implied) tables.add(node.name.text, node_value(node));
    }
  });
  escape_references(root);
  return root;
}

/// Only what is said: a plan without limits stays what it was, and so does its hash.
Json limits_json(const ResourceLimits& limits) {
  Json json = Json::object();
  if (limits.memory_max_bytes) json["memory_max_bytes"] = *limits.memory_max_bytes;
  if (limits.nofile) json["nofile"] = *limits.nofile;
  if (limits.nice) json["nice"] = *limits.nice;
  return json;
}

Json process_json(const ProcessPlan& process) {
  Json json = {{"kind", process.kind == ProcessPlan::Kind::broker ? "broker" : "node"},
               {"node", process.node},
               {"replica", process.replica},
               {"host", process.host},
               {"exec", process.exec},
               {"arguments", process.arguments},
               {"environment", process.environment},
               {"start_rank", process.start_rank},
               {"stop_grace_ms", process.stop_grace.count()},
               {"restart",
                {{"policy", policy_name(process.restart.when)},
                 {"delay_ms", process.restart.delay.count()},
                 {"max_delay_ms", process.restart.max_delay.count()},
                 {"max_restarts", process.restart.max_restarts},
                 {"window_ms", process.restart.window.count()}}}};
  if (process.limits != ResourceLimits{}) json["limits"] = limits_json(process.limits);
  return json;
}

Json queue_json(const QueuePlan& queue) {
  Json json = {{"queue", queue.name},
               {"broker", queue.broker},
               {"from", queue.from_topic},
               {"filter_policy", queue.filter_policy},
               {"filter_scope", queue.filter_on_attributes ? "attributes" : "body"},
               {"visibility_timeout_ms", queue.visibility_timeout.count()},
               {"retention_ms", queue.retention.count()},
               {"delay_ms", queue.delay.count()},
               {"dead_letter_queue", queue.dead_letter_queue},
               {"max_receives", queue.max_receives},
               {"max_message_size_bytes", queue.max_message_size_bytes},
               {"durability", queue.relaxed ? "relaxed" : "synced"}};
  if (queue.max_messages != 0) json["max_messages"] = queue.max_messages;
  if (queue.max_bytes != 0) json["max_bytes"] = queue.max_bytes;
  if (queue.fifo) {
    json["fifo"] = {{"group_by", queue.fifo->group_by},
                    {"dedup_by", queue.fifo->deduplicate_by},
                    {"dedup_scope", queue.fifo->deduplication_scope},
                    {"on_dead", queue.fifo->on_dead_letter}};
  }
  if (!queue.tags.empty()) json["tags"] = queue.tags;
  if (!queue.outbox.empty()) json["outbox"] = queue.outbox;
  if (!queue.outbox_of.empty()) json["outbox_of"] = queue.outbox_of;
  return json;
}

Json stream_json(const StreamPlan& stream) {
  Json json = {{"stream", stream.name},
               {"broker", stream.broker},
               {"from", stream.from_topic},
               {"filter_policy", stream.filter_policy},
               {"filter_scope", stream.filter_on_attributes ? "attributes" : "body"},
               {"partitions", stream.partitions},
               {"partition_by", stream.partition_by},
               {"retention_ms", stream.retention.count()},
               {"max_bytes", stream.max_bytes},
               {"dead_letter_queue", stream.dead_letter_queue},
               {"max_receives", stream.max_receives}};
  if (!stream.outbox.empty()) json["outbox"] = stream.outbox;
  return json;
}

std::string pretty(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string config_as_toml(const LaunchFile& file, const Plan& plan) {
  return to_toml_document(config_value(file, plan));
}

std::string config_as_json(const LaunchFile& file, const Plan& plan) {
  return pretty(Json::parse(to_json(config_value(file, plan)), nullptr, false));
}

std::string plan_as_json(const Plan& plan) {
  Json json = {{"name", plan.name}, {"hash", plan.hash}};
  for (const char* list : {"brokers", "topics", "queues", "processes", "links"}) json[list] = Json::array();
  for (const auto& broker : plan.brokers) {
    json["brokers"].push_back(
        {{"broker", broker.name}, {"host", broker.host}, {"endpoints", broker.endpoints}, {"store", broker.data_folder}});
  }
  for (const auto& topic : plan.topics) {
    json["topics"].push_back({{"topic", topic.name}, {"broker", topic.broker}, {"endpoint", topic.endpoint}});
    if (topic.fifo) json["topics"].back()["fifo"] = {{"dedup_by", topic.deduplicate_by}};
  }
  for (const auto& queue : plan.queues) json["queues"].push_back(queue_json(queue));
  for (const auto& stream : plan.streams) json["streams"].push_back(stream_json(stream));
  for (const auto& process : plan.processes) json["processes"].push_back(process_json(process));
  for (const auto& link : plan.links) {
    std::ostringstream kind;
    kind << link.kind;
    json["links"].push_back({{"node", link.node},
                             {"port", link.port},
                             {"direction", link.into_node ? "input" : "output"},
                             {"channel", link.channel},
                             {"kind", kind.str()}});
    if (!link.filter_policy.empty()) json["links"].back()["filter_policy"] = link.filter_policy;
  }
  return pretty(json);
}

}  // namespace remuda::topology
