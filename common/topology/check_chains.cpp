#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "common/topology/checks.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

std::string word(ChannelKind kind) {
  std::ostringstream out;
  out << kind;
  return out.str();
}

template <class Spec>
std::vector<std::string> names(const std::vector<Spec>& specs) {
  std::vector<std::string> out;
  for (const auto& spec : specs) out.push_back(spec.name.text);
  return out;
}

class ChainChecks {
 public:
  ChainChecks(const LaunchFile& file, Diagnostics& diagnostics) : file_{file}, diagnostics_{diagnostics} {
    for (const auto& topic : file.topics) topics_.emplace(topic.name.text, &topic);
    for (const auto& queue : file.queues) queues_.emplace(queue.name.text, &queue);
  }

  void run() {
    for (const auto& topic : file_.topics) {
      if (topic.fifo && topic.broker.empty()) {
        diagnostics_.error(topic.fifo_place, "T307",
                           "a FIFO topic keeps its order in a broker, and " + in_quotes(topic.name.text) + " has none",
                           "add broker = \"main\"");
      }
    }
    for (const auto& queue : file_.queues) {
      check_chain(queue, "queue");
      check_dead_letter(queue, "queue");
    }
    for (const auto& stream : file_.streams) {
      check_chain(stream, "stream");
      check_dead_letter(stream, "stream");
    }
    check_dead_letter_loops();
  }

 private:
  const LaunchFile& file_;
  Diagnostics& diagnostics_;
  std::map<std::string, const TopicSpec*> topics_;
  std::map<std::string, const QueueSpec*> queues_;

  static bool keeps_no_order(const QueueSpec& queue) { return !queue.settings.fifo && !queue.created; }
  static bool keeps_no_order(const StreamSpec&) { return false; }  // it keeps that of each partition
  static bool is_fifo(const QueueSpec& queue) { return queue.settings.fifo.has_value(); }
  static bool is_fifo(const StreamSpec&) { return false; }

  template <class Spec>
  void check_chain(const Spec& queue, const std::string& word_for_it) {
    if (queue.from.empty()) return;
    const auto topic = topics_.find(queue.from.text);
    if (topic == topics_.end()) {
      const auto kind = file_.kind_of(queue.from.text);
      const auto known = names(file_.topics);
      diagnostics_.error(queue.from.place, "T105",
                         kind ? "a " + word_for_it + " feeds on a topic, and " + in_quotes(queue.from.text) + " is a " + word(*kind)
                              : "there is no topic " + in_quotes(queue.from.text) + "; [topics] has: " + listed(known),
                         kind ? "" : did_you_mean(queue.from.text, known));
      return;
    }
    const Name& broker = topic->second->broker;
    if (broker.empty()) {
      const std::string holder = queue.broker.empty() ? "main" : queue.broker.text;
      diagnostics_.error(queue.from.place, "T307",
                         "topic " + in_quotes(queue.from.text) + " has no broker, so no " + word_for_it +
                             " can be chained to it; add broker = " + toml_text(holder) + " to [topics." + queue.from.text + "]");
    } else if (topic->second->fifo && keeps_no_order(queue)) {
      diagnostics_.warning(
          queue.from.place, "T313",
          "topic " + in_quotes(queue.from.text) + " keeps an order and queue " + in_quotes(queue.name.text) + " does not",
          "add fifo = true");
    }
  }

  template <class Spec>
  void check_dead_letter(const Spec& queue, const std::string& word_for_it) {
    if (queue.dead_letter.empty()) return;
    const auto target = queues_.find(queue.dead_letter.text);
    if (target == queues_.end()) {
      const auto kind = file_.kind_of(queue.dead_letter.text);
      const auto known = names(file_.queues);
      diagnostics_.error(queue.dead_letter.place, "T106",
                         kind ? "dead letters go to a queue, and " + in_quotes(queue.dead_letter.text) + " is a " + word(*kind)
                              : "there is no queue " + in_quotes(queue.dead_letter.text) + " for dead letters",
                         kind ? "" : did_you_mean(queue.dead_letter.text, known));
      return;
    }
    const Name& there = target->second->broker;
    if (!there.empty() && !queue.broker.empty() && there.text != queue.broker.text) {
      diagnostics_.error(queue.dead_letter.place, "T307",
                         word_for_it + " " + in_quotes(queue.name.text) + " is held by broker " + in_quotes(queue.broker.text) +
                             " and its dead-letter queue by " + in_quotes(there.text) + "; both must be on one broker");
    }
    const bool fifo = is_fifo(queue);
    if (target->second->settings.fifo.has_value() != fifo) {
      diagnostics_.error(queue.dead_letter.place, "T314",
                         "the dead letters of a " + (word_for_it == "stream" ? "" : std::string{fifo ? "FIFO " : "standard "}) +
                             word_for_it + " go to a " + (fifo ? "FIFO" : "standard") + " queue, and " +
                             in_quotes(queue.dead_letter.text) + " is a " + (fifo ? "standard" : "FIFO") + " queue",
                         "give " + in_quotes(queue.dead_letter.text) + (fifo ? " fifo = true" : " fifo = false"));
    }
  }

  /// Every queue has at most one dead-letter queue, so a walk from each queue finds every loop; it is reported from its first queue
  /// in the file.
  void check_dead_letter_loops() {
    std::set<std::string> reported;
    for (const auto& start : file_.queues) {
      std::vector<std::string> path;
      const QueueSpec* queue = &start;
      while (queue != nullptr && std::find(path.begin(), path.end(), queue->name.text) == path.end()) {
        path.push_back(queue->name.text);
        const auto next = queues_.find(queue->dead_letter.text);
        queue = next == queues_.end() ? nullptr : next->second;
      }
      if (queue != &start || reported.count(start.name.text) > 0) continue;
      reported.insert(path.begin(), path.end());
      std::string circle;
      for (const auto& name : path) circle += name + " -> ";
      diagnostics_.error(start.dead_letter.place, "T303", "dead letters would go round in a circle: " + circle + start.name.text);
    }
  }
};

}  // namespace

void check_chains(const LaunchFile& file, Diagnostics& diagnostics) {
  ChainChecks{file, diagnostics}.run();
}

}  // namespace remuda::topology
