#include "common/topology/sections.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "common/filter/selector.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

using namespace std::chrono_literals;

/// Names that Amazon's clients know for FIFO: those of queues and topics may end so.
bool is_name_in(std::string_view section, std::string_view name) {
  constexpr std::string_view fifo = ".fifo";
  const bool may_end_so = section == "queues" || section == "topics";
  if (may_end_so && name.ends_with(fifo)) name.remove_suffix(fifo.size());
  return is_name(name);
}

/// Calls `each` for every named table of a section such as [queues.*].
void each_named(TableReader& root, const std::string& section, const std::function<void(const Name&, const Value&)>& each) {
  const Value* tables = root.take(section);
  if (tables == nullptr || !expect(*tables, Value::Kind::table, in_quotes(section), root.diagnostics())) return;
  for (const auto& entry : tables->entries) {
    const Name name{entry.key, entry.key_place};
    if (!is_name_in(section, entry.key)) {
      root.diagnostics().error(
          entry.key_place, "T008",
          in_quotes(entry.key) + " cannot be a name; a name is 1 to 80 of a-z A-Z 0-9 - _ and does not begin with '-'");
      continue;
    }
    if (expect(entry.value, Value::Kind::table, "[" + section + "." + entry.key + "]", root.diagnostics())) each(name, entry.value);
  }
}

std::string title(std::string_view section, const Name& name) {
  return std::string{"["}.append(section) + "." + name.text + "]";
}

RestartPolicy read_restart(std::optional<TableReader> table) {
  RestartPolicy restart;
  if (!table) return restart;
  const auto policy = table->choice("policy", {"never", "on-failure", "always"});
  if (policy == "never") restart.when = RestartPolicy::When::never;
  if (policy == "always") restart.when = RestartPolicy::When::always;
  restart.delay = table->duration("delay", 0ms, 1h).value_or(restart.delay);
  restart.max_delay = table->duration("max_delay", 0ms, 24h).value_or(std::max(restart.max_delay, restart.delay));
  restart.max_restarts = static_cast<int>(table->integer("max_restarts", 0, 1'000'000).value_or(restart.max_restarts));
  restart.window = table->duration("window", 1ms, 24h).value_or(restart.window);
  if (restart.max_delay < restart.delay) {
    if (const Value* shorter = table->take("max_delay")) {
      table->diagnostics().error(shorter->place, "T007", "'max_delay' is shorter than 'delay'");
    }
  }
  table->finish();
  return restart;
}

ResourceLimits read_limits(TableReader& table) {
  constexpr std::uint64_t memory_least = std::uint64_t{16} << 20U;  // below it no program of ours reaches its main()
  constexpr std::uint64_t memory_most = std::uint64_t{1} << 40U;
  const auto number = [&](std::string_view key, std::int64_t min, std::int64_t max) {
    const auto value = table.integer(key, min, max);
    return value ? std::optional{static_cast<int>(*value)} : std::nullopt;
  };
  ResourceLimits limits;
  limits.memory_max_bytes = table.size("memory_max", memory_least, memory_most);
  limits.nofile = number("nofile", 32, 1'048'576);
  limits.nice = number("nice", -20, 19);
  return limits;
}

void read_host(TableReader& table, HostSpec& host) {
  host.address = table.text("address").value_or(host.address);
  host.base_port = static_cast<int>(table.integer("base_port", 1, 65'000).value_or(host.base_port));
  host.keys = table.text("keys").value_or(host.keys);
  table.finish();
}

BrokerSpec read_broker(const Name& name, TableReader& table, const Name& include_host) {
  BrokerSpec broker;
  broker.name = name;
  broker.host = table.has("host") ? table.name("host") : include_host;
  broker.store = table.text("store").value_or("");
  broker.listen = table.names("listen");
  broker.keys = table.text("keys").value_or("");
  broker.body_cache_bytes = table.size("body_cache", 0, std::uint64_t{1} << 40U);
  broker.restart = read_restart(table.table("restart"));
  broker.stop_grace = table.duration("stop_grace", 0ms, 1h).value_or(broker.stop_grace);
  broker.limits = read_limits(table);
  broker.environment = table.texts("env");
  table.finish();
  return broker;
}

/// The text of a selector, or `otherwise` where it is absent or names no place in a message.
std::string read_selector(TableReader& table, std::string_view key, const std::string& otherwise) {
  const Name selector = table.name(key);
  if (selector.empty()) return otherwise;
  const Result<Selector> compiled = Selector::compile(selector.text);
  if (compiled) return selector.text;
  table.diagnostics().error(selector.place, "T007", compiled.error().message);
  return otherwise;
}

/// `fifo = true`, `fifo = false` or `fifo = { ... }`: calls `details` with the table, which may be empty.
bool read_fifo(TableReader& table, Place& place, const std::function<void(TableReader&)>& details) {
  const Value* value = table.take("fifo");
  if (value == nullptr) return false;
  place = value->place;
  if (value->is(Value::Kind::boolean)) return value->boolean;
  if (!value->is(Value::Kind::table)) {
    if (!value->broken) {
      table.diagnostics().error(value->place, "T006",
                                "'fifo' must be true, false or a table, not " + std::string{kind_name(value->kind)});
    }
    return false;
  }
  auto inner = table.table("fifo");
  if (!inner) return false;
  details(*inner);
  inner->finish();
  return true;
}

TopicSpec read_topic(const Name& name, TableReader& table) {
  TopicSpec topic;
  topic.name = name;
  topic.broker = table.name("broker");
  topic.message = table.text("message").value_or("");
  topic.may_lose = table.boolean("may_lose").value_or(false);
  topic.fifo = read_fifo(table, topic.fifo_place,
                         [&](TableReader& fifo) { topic.deduplicate_by = read_selector(fifo, "dedup_by", topic.deduplicate_by); });
  table.finish();
  return topic;
}

void receives_are_missing(TableReader& table, const Value& value) {
  table.diagnostics().error(value.place, "T005", "'dead_letter' does not say after how many receives", "add max_receives = 5");
}

/// Of a queue or a stream.
template <class Spec>
void read_dead_letter(Spec& queue, TableReader& table) {
  constexpr std::int64_t most = 1'000;
  queue.dead_letter_by_default = !table.has_own("dead_letter") && !table.has_own("max_receives");
  std::int64_t receives = table.integer("max_receives", 1, most).value_or(0);
  if (const auto* value = table.take("max_receives")) queue.max_receives_place = value->place;
  if (const Value* value = table.take("dead_letter")) {
    if (queue.max_receives_place.line == 0) queue.max_receives_place = value->place;
    if (value->is(Value::Kind::text)) {  // its name alone
      queue.dead_letter = table.name("dead_letter");
      if (!table.has("max_receives")) receives_are_missing(table, *value);
    } else if (auto dead_letter = table.table("dead_letter")) {
      queue.dead_letter = dead_letter->name("queue");
      const std::int64_t inner = dead_letter->integer("max_receives", 1, most).value_or(0);
      // What the queue's own table says counts before what the defaults say.
      if (inner != 0 && (receives == 0 || table.has_own("dead_letter"))) receives = inner;
      if (!dead_letter->has("max_receives") && !table.has("max_receives")) receives_are_missing(table, *value);
      dead_letter->finish();
    } else {
      return;
    }
  }
  queue.settings.max_receives = static_cast<int>(receives);
}

/// `filter`, `filter_policy` and `filter_scope` of a queue, a stream or a port's channel.
FilterSpec read_filter(TableReader& table, const std::string& who) {
  auto& diagnostics = table.diagnostics();
  FilterSpec filter;
  const Value* policy = table.take("filter");
  const Value* text = table.take("filter_policy");
  if (policy != nullptr && expect(*policy, Value::Kind::table, "'filter'", diagnostics)) filter.table = *policy;
  if (text != nullptr && expect(*text, Value::Kind::text, "'filter_policy'", diagnostics)) filter.text = *text;
  const auto scope = table.choice("filter_scope", {"body", "attributes"});
  filter.on_attributes = scope == "attributes";
  if (policy != nullptr && text != nullptr) {
    diagnostics.error(text->place, "T202", who + " has one filter: either 'filter' (a table) or 'filter_policy' (JSON text)");
  }
  return filter;
}

template <class Spec>
void read_chain_filter(Spec& queue, const std::string& kind, TableReader& table) {
  auto& diagnostics = table.diagnostics();
  queue.filter = read_filter(table, "a " + kind);
  queue.settings.filter_on_attributes = queue.filter.on_attributes;
  const Value* policy = table.take("filter");
  const Value* first = policy != nullptr ? policy : table.take("filter_policy");
  if (first != nullptr && queue.from.empty() && !table.has("from")) {
    diagnostics.error(first->place, "T202",
                      "a filter chooses what a " + kind + " takes from a topic, and this " + kind + " has no 'from'",
                      "add from = \"<topic>\"");
  }
}

void read_queue_fifo(QueueSpec& queue, TableReader& table) {
  FifoPlan plan;
  const bool fifo = read_fifo(table, queue.fifo_place, [&](TableReader& inner) {
    plan.group_by = read_selector(inner, "group_by", plan.group_by);
    plan.deduplicate_by = read_selector(inner, "dedup_by", plan.deduplicate_by);
    plan.deduplication_scope = inner.choice("dedup_scope", {"queue", "message_group"}).value_or(plan.deduplication_scope);
    plan.on_dead_letter = inner.choice("on_dead", {"skip", "block"}).value_or(plan.on_dead_letter);
  });
  if (fifo) queue.settings.fifo = std::move(plan);
}

void read_tags(QueuePlan& settings, TableReader& table) {
  constexpr std::size_t tags_max = 50;
  constexpr std::size_t name_max = 128;
  constexpr std::size_t value_max = 256;
  settings.tags = table.texts("tags");
  const Value* tags = table.take("tags");
  if (settings.tags.size() > tags_max) table.diagnostics().error(tags->place, "T007", "a queue has at most 50 tags");
  for (const auto& [name, value] : settings.tags) {
    if (name.empty() || name.size() > name_max || value.size() > value_max) {
      table.diagnostics().error(tags->place, "T007",
                                "tag " + in_quotes(name) + ": a tag has a name of 1 to 128 bytes and a value of at most 256");
    }
  }
}

QueueSpec read_queue(const Name& name, TableReader& table) {
  QueueSpec queue;
  queue.name = name;
  queue.broker = table.name("broker");
  queue.from = table.name("from");
  QueuePlan& settings = queue.settings;
  settings.name = name.text;
  read_chain_filter(queue, "queue", table);
  settings.visibility_timeout = table.duration("visibility_timeout", 0s, 12h).value_or(settings.visibility_timeout);
  settings.retention = table.duration("retention", 60s, 14 * 24h).value_or(settings.retention);
  settings.delay = table.duration("delay", 0s, 15min).value_or(settings.delay);
  read_dead_letter(queue, table);
  settings.max_message_size_bytes = table.size("max_message_size", 1'024, 1'048'576).value_or(settings.max_message_size_bytes);
  settings.max_messages = static_cast<std::uint64_t>(table.integer("max_messages", 1, INT64_MAX).value_or(0));
  settings.max_bytes = table.size("max_bytes", 1'024, INT64_MAX).value_or(0);
  settings.relaxed = table.choice("durability", {"synced", "relaxed"}) == "relaxed";
  read_queue_fifo(queue, table);
  read_tags(settings, table);
  table.finish();
  return queue;
}

StreamSpec read_stream(const Name& name, TableReader& table) {
  StreamSpec stream;
  stream.name = name;
  stream.broker = table.name("broker");
  stream.from = table.name("from");
  StreamPlan& settings = stream.settings;
  settings.name = name.text;
  read_chain_filter(stream, "stream", table);
  settings.partitions = static_cast<int>(table.integer("partitions", 1, 1'024).value_or(settings.partitions));
  settings.partition_by = read_selector(table, "partition_by", settings.partition_by);
  settings.retention = table.duration("retention", 1s, 365 * 24h).value_or(settings.retention);
  settings.max_bytes = table.size("max_bytes", 1'024, INT64_MAX).value_or(0);
  read_dead_letter(stream, table);
  table.finish();
  return stream;
}

/// `group`, `start`, `batch` and `visibility_timeout` of a port that reads a stream.
StreamReaderSpec read_reader(TableReader& table) {
  StreamReaderSpec reader;
  for (const char* key : {"group", "start", "batch", "visibility_timeout"}) {
    const Value* value = table.take(key);
    if (value != nullptr && reader.place.line == 0) reader.place = value->place;
  }
  const Name group = table.name("group");
  constexpr std::size_t group_max = 128;
  const bool is_written = group.text.find_first_of("&?/") == std::string::npos && group.text.size() <= group_max;
  if (!group.empty() && !is_written) {
    table.diagnostics().error(group.place, "T008", in_quotes(group.text) + " cannot be a consumer group",
                              "1 to 128 bytes without '&', '?' and '/'");
  }
  reader.group = group.text;
  reader.from_latest = table.choice("start", {"oldest", "latest"}) == "latest";
  reader.batch = static_cast<int>(table.integer("batch", 1, 10'000).value_or(0));
  reader.visibility_timeout = table.duration("visibility_timeout", 1s, 12h).value_or(0ms);
  return reader;
}

/// "ride-completion", or { channel = "ride-completion", filter = { ... } }, or { channel = "bookings", group = "lake" }
std::optional<PortChannel> read_port_channel(const Value& item, const std::string& port, Diagnostics& diagnostics) {
  if (!item.is(Value::Kind::table)) {
    if (!expect(item, Value::Kind::text, "the channel of a port", diagnostics)) return std::nullopt;
    return PortChannel{{item.text, item.place}, {}, {}};
  }
  TableReader table{"port " + in_quotes(port), item, nullptr, diagnostics};
  PortChannel channel{table.name("channel"), read_filter(table, "a channel of a port"), read_reader(table)};
  if (!table.has("channel"))
    diagnostics.error(item.place, "T005", "port " + in_quotes(port) + " does not say which channel", "add channel = \"...\"");
  table.finish();
  return channel.text.empty() ? std::nullopt : std::optional{std::move(channel)};
}

std::vector<PortSpec> read_ports(const Value& ports, Diagnostics& diagnostics) {
  std::vector<PortSpec> out;
  if (!expect(ports, Value::Kind::table, "'ports'", diagnostics)) return out;
  for (const auto& entry : ports.entries) {
    PortSpec port{{entry.key, entry.key_place}, {}};
    const bool several = entry.value.is(Value::Kind::array);
    const std::vector<Value> one{several ? Value{} : entry.value};
    for (const auto& item : several ? entry.value.items : one) {
      auto channel = read_port_channel(item, entry.key, diagnostics);
      if (!channel) continue;
      const bool again =
          std::any_of(port.channels.begin(), port.channels.end(), [&](const Name& known) { return known.text == channel->text; });
      if (again) {
        diagnostics.error(channel->place, "T007",
                          "port " + in_quotes(entry.key) + " lists the channel " + in_quotes(channel->text) + " twice");
      } else {
        port.channels.push_back(std::move(*channel));
      }
    }
    if (several && entry.value.items.empty()) {
      diagnostics.error(entry.value.place, "T007",
                        "port " + in_quotes(entry.key) + " lists no channel; leave the port out instead");
    }
    out.push_back(std::move(port));
  }
  return out;
}

NodeSpec read_node(const Name& name, TableReader& table, const Name& include_host) {
  NodeSpec node;
  node.name = name;
  node.exec = table.name("exec");
  if (!table.has("exec") && name.place.line > 0) {
    table.diagnostics().error(name.place, "T005", table.title() + " does not say which executable it runs", "add exec = \"...\"");
  }
  node.host = table.has("host") ? table.name("host") : include_host;
  node.ports_place = name.place;
  if (const Value* ports = table.take("ports")) {
    node.ports = read_ports(*ports, table.diagnostics());
    node.ports_place = ports->place;
  }
  if (const Value* params = table.take("params");
      params != nullptr && expect(*params, Value::Kind::table, "'params'", table.diagnostics())) {
    for (const auto& entry : params->entries) node.parameters.push_back({{entry.key, entry.key_place}, entry.value});
  }
  node.replicas_place = name.place;
  if (const Value* replicas = table.take("replicas")) node.replicas_place = replicas->place;
  node.replicas = static_cast<int>(table.integer("replicas", 1, replicas_max).value_or(1));
  node.restart = read_restart(table.table("restart"));
  node.environment = table.texts("env");
  node.depends_on = table.names("depends_on");
  node.stop_grace = table.duration("stop_grace", 0ms, 1h).value_or(node.stop_grace);
  node.limits = read_limits(table);
  table.finish();
  return node;
}

/// The defaults must be right even when nothing uses them.
void check_defaults(const Defaults& defaults, const Name& include_host, Diagnostics& diagnostics) {
  const Value none;
  const Name nobody;
  if (defaults.node != nullptr) {
    TableReader table{"[defaults.node]", *defaults.node, nullptr, diagnostics};
    static_cast<void>(read_node(nobody, table, include_host));
  }
  if (defaults.queue != nullptr) {
    TableReader table{"[defaults.queue]", *defaults.queue, nullptr, diagnostics};
    static_cast<void>(read_queue(nobody, table));
  }
  if (defaults.broker != nullptr) {
    TableReader table{"[defaults.broker]", *defaults.broker, nullptr, diagnostics};
    static_cast<void>(read_broker(nobody, table, include_host));
  }
}

Defaults read_defaults(TableReader& root) {
  Defaults defaults;
  auto table = root.table("defaults");
  if (!table) return defaults;
  const auto read = [&](std::string_view key) {
    const Value* value = table->take(key);
    return value != nullptr && expect(*value, Value::Kind::table, in_quotes(key), table->diagnostics()) ? value : nullptr;
  };
  defaults = {read("node"), read("queue"), read("broker")};
  table->finish();
  return defaults;
}

}  // namespace

void read_topics(TableReader& root, LaunchFile& file) {
  each_named(root, "topics", [&](const Name& name, const Value& value) {
    TableReader table{title("topics", name), value, nullptr, root.diagnostics()};
    file.topics.push_back(read_topic(name, table));
  });
}

void read_queues(TableReader& root, const Defaults& defaults, LaunchFile& file) {
  each_named(root, "queues", [&](const Name& name, const Value& value) {
    TableReader table{title("queues", name), value, defaults.queue, root.diagnostics()};
    file.queues.push_back(read_queue(name, table));
  });
}

void read_streams(TableReader& root, LaunchFile& file) {
  each_named(root, "streams", [&](const Name& name, const Value& value) {
    TableReader table{title("streams", name), value, nullptr, root.diagnostics()};
    file.streams.push_back(read_stream(name, table));
  });
}

void read_inventory(TableReader& root, LaunchFile& file) {
  auto& diagnostics = root.diagnostics();
  std::vector<std::string> names;
  for (const auto& host : file.hosts) names.push_back(host.name.text);
  each_named(root, "hosts", [&](const Name& name, const Value& value) {
    TableReader table{title("hosts", name), value, nullptr, diagnostics};
    const auto known = std::find(names.begin(), names.end(), name.text);
    if (known == names.end()) {
      diagnostics.error(name.place, "T102",
                        "the launch file has no host " + in_quotes(name.text) + "; its [hosts] has: " + listed(names),
                        did_you_mean(name.text, names));
    } else {
      read_host(table, file.hosts[static_cast<std::size_t>(known - names.begin())]);
    }
  });
  root.finish();
}

void read_sections(TableReader& root, const Name& include_host, LaunchFile& file) {
  auto& diagnostics = root.diagnostics();
  const Defaults defaults = read_defaults(root);
  check_defaults(defaults, include_host, diagnostics);

  each_named(root, "hosts", [&](const Name& name, const Value& value) {
    TableReader table{title("hosts", name), value, nullptr, diagnostics};
    HostSpec host;
    host.name = name;
    read_host(table, host);
    file.hosts.push_back(std::move(host));
  });
  each_named(root, "brokers", [&](const Name& name, const Value& value) {
    TableReader table{title("brokers", name), value, defaults.broker, diagnostics};
    file.brokers.push_back(read_broker(name, table, include_host));
  });
  read_topics(root, file);
  read_queues(root, defaults, file);
  read_streams(root, file);
  each_named(root, "pipes", [&](const Name& name, const Value& value) {
    TableReader table{title("pipes", name), value, nullptr, diagnostics};
    const bool may_lose = table.boolean("may_lose").value_or(false);
    table.finish();
    file.pipes.push_back({name, may_lose});
  });
  each_named(root, "requests", [&](const Name& name, const Value& value) {
    TableReader table{title("requests", name), value, nullptr, diagnostics};
    RequestSpec request;
    request.name = name;
    request.broker = table.name("broker");
    request.timeout = table.duration("timeout", 1ms, 1h).value_or(request.timeout);
    table.finish();
    file.requests.push_back(std::move(request));
  });
  each_named(root, "nodes", [&](const Name& name, const Value& value) {
    TableReader table{title("nodes", name), value, defaults.node, diagnostics};
    file.nodes.push_back(read_node(name, table, include_host));
  });
}

}  // namespace remuda::topology
