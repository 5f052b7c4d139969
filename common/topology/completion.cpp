#include "common/topology/completion.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <type_traits>
#include <utility>

#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

/// Dead-letter queues that only `max_receives` asks for, and the defaults that do not apply to dead-letter queues themselves.
void complete_dead_letters(LaunchFile& file) {
  std::set<std::string> targets;
  for (const auto& queue : file.queues) {
    if (!queue.dead_letter.empty() && queue.dead_letter.text != queue.name.text) targets.insert(queue.dead_letter.text);
  }
  for (const auto& stream : file.streams) targets.insert(stream.dead_letter.text);
  for (auto& queue : file.queues) {
    if (!queue.dead_letter_by_default) continue;
    if (targets.count(queue.name.text) == 0 && queue.dead_letter.text != queue.name.text) continue;
    queue.dead_letter = {};
    queue.settings.max_receives = 0;
  }
  std::vector<QueueSpec> created;
  const auto complete = [&](auto& queue) {
    if (queue.settings.max_receives == 0 || !queue.dead_letter.empty()) return;
    queue.dead_letter = {queue.name.text + "-dlq", queue.max_receives_place};
    if (file.kind_of(queue.dead_letter.text)) return;
    QueueSpec letters;
    letters.name = queue.dead_letter;
    letters.broker = queue.broker;
    letters.created = true;
    letters.settings.name = letters.name.text;
    letters.settings.retention = std::chrono::hours{14 * 24};
    if constexpr (std::is_same_v<decltype(queue), QueueSpec&>) letters.settings.fifo = queue.settings.fifo;
    if (letters.settings.fifo) letters.settings.fifo->on_dead_letter = FifoPlan{}.on_dead_letter;
    // It takes whatever its queue takes, and lives where that lives: `from` decides the broker when nothing else does.
    if (letters.broker.empty() && !queue.from.empty()) {
      const auto topic = std::find_if(file.topics.begin(), file.topics.end(),
                                      [&](const TopicSpec& known) { return known.name.text == queue.from.text; });
      if (topic != file.topics.end()) letters.broker = topic->broker;
    }
    created.push_back(std::move(letters));
  };
  for (auto& queue : file.queues) complete(queue);
  for (auto& stream : file.streams) complete(stream);
  std::move(created.begin(), created.end(), std::back_inserter(file.queues));
}

void complete_brokers(LaunchFile& file, Diagnostics& diagnostics) {
  if (file.brokers.empty() && (!file.queues.empty() || !file.streams.empty())) {
    BrokerSpec broker;
    broker.name = {"main", file.queues.empty() ? file.streams.front().name.place : file.queues.front().name.place};
    broker.implicit = true;
    file.brokers.push_back(std::move(broker));
  }
  const auto complete = [&](auto& queue, const std::string& kind, bool created) {
    if (queue.broker.empty() && !queue.from.empty()) {
      for (const auto& topic : file.topics) {
        if (topic.name.text == queue.from.text) queue.broker = topic.broker;
      }
    }
    if (queue.broker.empty() && file.brokers.size() == 1) queue.broker = {file.brokers.front().name.text, queue.name.place};
    if (queue.broker.empty() && !created) {
      std::vector<std::string> names;
      for (const auto& broker : file.brokers) names.push_back(broker.name.text);
      diagnostics.error(
          queue.name.place, "T306",
          kind + " " + in_quotes(queue.name.text) + " does not say which broker holds it; there are: " + listed(names),
          "add broker = \"" + names.front() + "\"");
    }
    queue.settings.broker = queue.broker.text;
  };
  for (auto& queue : file.queues) complete(queue, "queue", queue.created);
  for (auto& stream : file.streams) complete(stream, "stream", false);
}

}  // namespace

void complete(LaunchFile& file, Diagnostics& diagnostics) {
  complete_dead_letters(file);
  complete_brokers(file, diagnostics);
}

}  // namespace remuda::topology
