#include "common/topology/definitions.hpp"

#include "common/topology/checks.hpp"
#include "common/topology/completion.hpp"
#include "common/topology/queue_values.hpp"
#include "common/topology/sections.hpp"
#include "common/topology/table_reader.hpp"
#include "common/topology/wiring.hpp"

namespace remuda::topology {

std::string render_definitions(const Plan& plan, std::string_view broker) {
  Value topics;
  for (const auto& topic : plan.topics) {
    if (topic.broker == broker) topics.add(topic.name, topic_value(topic, false));
  }
  Value queues;
  for (const auto& queue : plan.queues) {
    if (queue.broker == broker) queues.add(queue.name, queue_value(queue, false));
  }
  Value root;
  root.add("topics", std::move(topics));
  root.add("queues", std::move(queues));
  Value streams;
  for (const auto& stream : plan.streams) {
    if (stream.broker == broker) streams.add(stream.name, stream_value(stream, false));
  }
  if (!streams.entries.empty()) root.add("streams", std::move(streams));
  return to_toml_document(root);
}

Result<Definitions> read_definitions(std::string_view toml, const std::string& name, const std::string& broker) {
  Diagnostics diagnostics;
  const auto root = parse_toml(diagnostics.add_source(name, std::string{toml}), diagnostics);
  LaunchFile file;
  if (root) {
    TableReader table{"a definitions file", *root, nullptr, diagnostics};
    read_topics(table, file);
    read_queues(table, {}, file);
    read_streams(table, file);
    table.finish();
    BrokerSpec holder;
    holder.name.text = broker;
    file.brokers.push_back(std::move(holder));
    for (auto& topic : file.topics) {
      if (topic.broker.empty()) topic.broker = {broker, topic.name.place};
    }
    complete(file, diagnostics);
    check_names(file, diagnostics);
    check_chains(file, diagnostics);
    check_filters(file, diagnostics);
  }
  if (!diagnostics.ok()) return fail("invalid_definitions", render(diagnostics));
  Definitions definitions;
  definitions.queues = queue_plans(file);
  definitions.streams = stream_plans(file);
  for (const auto& topic : file.topics) definitions.topics.push_back(topic_plan(topic));
  return definitions;
}

}  // namespace remuda::topology
