#include <set>

#include "common/topology/channel_use.hpp"
#include "common/topology/checks.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

class ChannelChecks {
 public:
  ChannelChecks(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics)
      : file_{file}, diagnostics_{diagnostics}, uses_{channel_uses(file, descriptions)} {
    // A name that leads nowhere was perhaps meant for a channel that then looks unused: no warnings about what may
    // be a consequence.
    for (const auto& [channel, use] : uses_) warns_ = warns_ && file.kind_of(channel).has_value();
    for (const auto& queue : file.queues) {
      if (!queue.from.empty()) chained_.insert(queue.from.text);
      if (!queue.dead_letter.empty()) dead_letter_queues_.insert(queue.dead_letter.text);
    }
    for (const auto& stream : file.streams) {
      chained_.insert(stream.from.text);
      dead_letter_queues_.insert(stream.dead_letter.text);
    }
    for (const auto& node : file.nodes) has_nodes_ = has_nodes_ || !node.implied;
  }

  void run() {
    for (const auto& queue : file_.queues) check_consumer(queue);
    for (const auto& stream : file_.streams) check_readers(stream);
    for (const auto& topic : file_.topics) check_topic(topic);
    for (const auto& pipe : file_.pipes) check_pipe(pipe);
    for (const auto& request : file_.requests) check_request(request);
  }

 private:
  const LaunchFile& file_;
  Diagnostics& diagnostics_;
  std::map<std::string, ChannelUse> uses_;
  bool warns_ = true;
  bool has_nodes_ = false;  ///< that somebody wrote
  std::set<std::string> chained_;
  std::set<std::string> dead_letter_queues_;

  [[nodiscard]] const ChannelUse& use(const std::string& channel) const {
    static const ChannelUse none;
    const auto found = uses_.find(channel);
    return found == uses_.end() ? none : found->second;
  }

  // A broker's channels alone, without nodes, are for clients from elsewhere.

  void check_consumer(const QueueSpec& queue) {
    const ChannelUse& used = use(queue.name.text);
    if (!warns_ || !has_nodes_ || queue.created || used.unknown || !used.inputs.empty() ||
        dead_letter_queues_.count(queue.name.text) > 0)
      return;
    diagnostics_.warning(queue.name.place, "T302",
                         "no node takes from queue " + in_quotes(queue.name.text) + "; its messages stay until retention ends");
  }

  void check_readers(const StreamSpec& stream) {
    const ChannelUse& used = use(stream.name.text);
    if (warns_ && has_nodes_ && !used.unknown && used.inputs.empty()) {
      diagnostics_.warning(stream.name.place, "T302",
                           "no node reads stream " + in_quotes(stream.name.text) + "; its records stay until retention ends");
    }
    for (const auto& end : used.inputs) {
      if (end.node->replicas <= stream.settings.partitions) continue;
      diagnostics_.warning(end.node->replicas_place, "T310",
                           std::to_string(end.node->replicas) + " replicas of " + in_quotes(end.node->name.text) +
                               " share stream " + in_quotes(stream.name.text) + ", which has " +
                               std::to_string(stream.settings.partitions) + " partition" +
                               (stream.settings.partitions == 1 ? "" : "s") +
                               ": one replica at a time reads a partition, so some have nothing to do",
                           "give the stream partitions = " + std::to_string(end.node->replicas));
    }
  }

  void check_topic(const TopicSpec& topic) {
    const std::string& name = topic.name.text;
    const ChannelUse& used = use(name);
    const bool is_for_others = !has_nodes_ && !topic.broker.empty();
    if (warns_ && !is_for_others && !used.unknown && used.inputs.empty() && chained_.count(name) == 0) {
      diagnostics_.warning(
          topic.name.place, "T301",
          "topic " + in_quotes(name) + " has neither a subscriber nor a queue or stream chained to it; what is published is lost");
    }
    if (topic.broker.empty() && !used.unknown && used.outputs.empty() && !used.inputs.empty()) {
      diagnostics_.error(used.inputs.front().channel->place, "T309",
                         "no node publishes to topic " + in_quotes(name) + ", and without a broker nobody else can: " +
                             in_quotes(used.inputs.front().node->name.text) + " would wait for ever",
                         "name it at an output port, or add broker = \"<broker>\" to [topics." + name + "]");
    }
    for (const auto& end : used.inputs) {
      if (end.node->replicas < 2) continue;
      diagnostics_.warning(end.node->replicas_place, "T305",
                           std::to_string(end.node->replicas) + " replicas of " + in_quotes(end.node->name.text) + " read topic " +
                               in_quotes(name) + " directly, so each gets every message; put a queue between to share the work");
    }
  }

  void check_pipe(const PipeSpec& pipe) {
    const ChannelUse& used = use(pipe.name.text);
    if (used.unknown) return;
    if (used.inputs.empty() && !used.outputs.empty()) {
      diagnostics_.error(used.outputs.front().channel->place, "T309",
                         "no node takes from pipe " + in_quotes(pipe.name.text) + ", so nothing can be sent into it");
    } else if (warns_ && used.outputs.empty()) {
      diagnostics_.warning(pipe.name.place, "T312", "no node sends into pipe " + in_quotes(pipe.name.text));
    }
  }

  void check_request(const RequestSpec& request) {
    const ChannelUse& used = use(request.name.text);
    for (std::size_t i = 1; i < used.inputs.size(); ++i) {
      diagnostics_.error(used.inputs[i].channel->place, "T311",
                         "requests of " + in_quotes(request.name.text) + " are answered by " +
                             in_quotes(used.inputs.front().node->name.text) + " already; " +
                             "one node answers a request, with as many replicas as needed");
    }
    if (used.unknown) return;
    if (used.inputs.empty() && !used.outputs.empty()) {
      diagnostics_.error(used.outputs.front().channel->place, "T309",
                         "no node answers the requests of " + in_quotes(request.name.text));
    } else if (warns_ && used.outputs.empty()) {
      diagnostics_.warning(request.name.place, "T312", "no node asks over request " + in_quotes(request.name.text));
    }
  }
};

}  // namespace

void check_channels(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics) {
  ChannelChecks{file, descriptions, diagnostics}.run();
}

}  // namespace remuda::topology
