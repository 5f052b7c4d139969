#pragma once
// The launch file as a model: which nodes run, which channel each of their ports is wired to, which kind each channel is.
// Includes, arguments and defaults are resolved here; whether the parts fit together is check.hpp's business, what they come
// to is wiring.hpp's. Pure: files and the environment are read through functions that are handed in.
//
// Channel names share one name space across kinds, so that changing [topics.x] into [queues.x] is a one-word edit.

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.hpp"
#include "common/topology/diagnostics.hpp"
#include "common/topology/plan.hpp"
#include "common/topology/value.hpp"

namespace remuda::topology {

/// A name with the place where it is written.
struct Name {
  std::string text;
  Place place;
  [[nodiscard]] bool empty() const { return text.empty(); }
};

/// [args]: what `--set` may change.
struct ArgumentSpec {
  std::string name;
  Place place;
  std::string type;  ///< text, int, float, bool, duration or size
  std::string help;
  std::optional<Value> value;  ///< given, else the default
};

/// [hosts]: labels; `address` empty: this machine. An inventory may say all but the name.
struct HostSpec {
  Name name;
  std::string address;
  int base_port = 5550;  ///< ports that other hosts connect to count up from here
  std::string keys;      ///< a folder there: what its queue nodes demand and its nodes show; empty: none
};

struct BrokerSpec {
  Name name;
  Name host;
  std::string store;                              ///< data folder; empty: the topology's own
  std::vector<Name> listen;                       ///< empty: an ipc name of the topology
  std::string keys;                               ///< folder of keys; empty: it serves this machine only
  std::optional<std::uint64_t> body_cache_bytes;  ///< memory for message bodies; absent: the queue node's own default
  RestartPolicy restart;
  std::chrono::milliseconds stop_grace{10'000};
  ResourceLimits limits = {};
  std::map<std::string, std::string> environment;
  bool implicit = false;  ///< not written: there are queues and no [brokers]
};

struct TopicSpec {
  Name name;
  Name broker;  ///< empty: direct PUB/SUB
  std::string message;
  bool may_lose = false;  ///< what is lost while a reader is away is meant to be lost: no warnings about it
  bool fifo = false;
  Place fifo_place;
  std::string deduplicate_by = "id";
};

/// A filter policy as it is written.
struct FilterSpec {
  std::optional<Value> table;  ///< `filter`
  std::optional<Value> text;   ///< or `filter_policy`, JSON text
  bool on_attributes = false;  ///< `filter_scope`
  [[nodiscard]] bool empty() const { return !table && !text; }
};

struct QueueSpec {
  Name name;
  Name broker;  ///< empty: the only broker
  Name from;    ///< empty: not chained
  FilterSpec filter;
  Name dead_letter;  ///< empty: none. `max_receives` alone names `<queue>-dlq`
  bool dead_letter_by_default =
      false;              ///< came from [defaults.queue]: not applied to queues that are dead-letter queues themselves
  bool created = false;   ///< nobody wrote it: it is the `<queue>-dlq` of another queue
  std::string outbox;     ///< its topic is on another broker: the queue there that its messages wait in; see outboxes.hpp
  std::string outbox_of;  ///< this is such a queue, or its dead-letter queue, of that channel
  Place max_receives_place;
  Place fifo_place;  ///< of `fifo = `; no line when it is not written
  /// The settings; `broker`, `from_topic`, `dead_letter_queue` and `filter_policy` are filled in by wiring.
  QueuePlan settings;
};

struct StreamSpec {
  Name name;
  Name broker;  ///< as of a queue, and so are the next
  Name from;
  FilterSpec filter;
  Name dead_letter;
  bool dead_letter_by_default = false;
  std::string outbox;
  Place max_receives_place;
  StreamPlan settings;
};

struct PipeSpec {
  Name name;
  bool may_lose = false;  ///< as of a topic
};

struct RequestSpec {
  Name name;
  Name broker;  ///< empty: from node to node; else over queues of this broker
  std::chrono::milliseconds timeout{5'000};
};

/// How a port reads a stream.
struct StreamReaderSpec {
  std::string group;  ///< consumer group; empty: the node's name
  bool from_latest = false;
  int batch = 0;                                    ///< records at a time; 0: as many as usual
  std::chrono::milliseconds visibility_timeout{0};  ///< of a batch; 0: as long as usual
  Place place;                                      ///< of the first of these keys; no line when none is written
};

/// One channel of a port: its name, or a table with what else is said about it.
struct PortChannel : Name {
  FilterSpec filter;  ///< of a topic that is read live
  StreamReaderSpec reader = {};
};

struct PortSpec {
  Name name;
  std::vector<PortChannel> channels;
};

struct ParameterSpec {
  Name name;
  Value value;
};

inline constexpr int replicas_max = 256;

struct NodeSpec {
  Name name;
  Name exec;
  Name host;
  std::vector<PortSpec> ports;
  Place ports_place;  ///< of `ports = `, else of the node
  std::vector<ParameterSpec> parameters;
  int replicas = 1;
  Place replicas_place;
  RestartPolicy restart;
  std::map<std::string, std::string> environment;
  std::vector<Name> depends_on;
  std::chrono::milliseconds stop_grace{10'000};
  ResourceLimits limits = {};
  bool implied = false;  ///< nobody wrote it: it carries what waits in outboxes
};

struct LaunchFile {
  Name name;
  std::vector<ArgumentSpec> arguments;
  std::vector<HostSpec> hosts;
  std::vector<BrokerSpec> brokers;
  std::vector<TopicSpec> topics;
  std::vector<QueueSpec> queues;
  std::vector<PipeSpec> pipes;
  std::vector<RequestSpec> requests;
  std::vector<StreamSpec> streams;
  std::vector<NodeSpec> nodes;

  /// The kind of the channel, or nothing when no section has that name.
  [[nodiscard]] std::optional<ChannelKind> kind_of(std::string_view channel) const;
  [[nodiscard]] std::vector<std::string> channel_names() const;
};

/// Reads a file named by a path. Included files are named relative to the includer.
using FileReader = std::function<Result<std::string>(const std::string& path)>;
/// A variable of the environment, when it is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct LoadOptions {
  /// `--set name=value`, in order; the last of a name counts. Checked against the type of the argument.
  std::vector<std::pair<std::string, std::string>> set;
  Environment environment;  ///< none: nothing is set
  std::string inventory;    ///< a file that says where the hosts are; empty: none
};

/// Reads and interprets `path` and everything it includes. All errors go to `diagnostics`; with errors the model is as complete as
/// it can be, good for finding further errors and for nothing else.
[[nodiscard]] LaunchFile load(const std::string& path, const FileReader& read, const LoadOptions& options,
                              Diagnostics& diagnostics);

/// Names of nodes, channels, brokers, hosts and arguments: 1 to 80 of a-z A-Z 0-9 - _, not beginning with '-'.
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace remuda::topology
