#pragma once
// The plan: what a launch file and its arguments come to. Wiring is a pure function (launch file + arguments -> plan): no
// process, socket, clock or file is touched, so every supervisor computes the same plan by itself, and a plan has a hash.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::topology {

enum class ChannelKind { pipe, topic, queue, stream, request };
std::ostream& operator<<(std::ostream& out, ChannelKind kind);

/// When to start a process again after it ended by itself. A planned stop never counts.
struct RestartPolicy {
  enum class When { never, on_failure, always };
  When when = When::on_failure;
  std::chrono::milliseconds delay{100};  ///< the first; doubles after each failure, with jitter
  std::chrono::milliseconds max_delay{30'000};
  int max_restarts = 10;  ///< more than this within `window`: held as failed
  std::chrono::milliseconds window{600'000};
};

/// One process of the topology: a replica of a node, or a broker.
/// What a process may use of its machine, told to the kernel before it runs. Absent: as whoever started the supervisor.
struct ResourceLimits {
  std::optional<std::uint64_t> memory_max_bytes;  ///< private writable memory (RLIMIT_DATA): a request for more fails
  std::optional<int> nofile;                      ///< open descriptors
  std::optional<int> nice;                        ///< -20 (first served) to 19 (last)
  friend bool operator==(const ResourceLimits&, const ResourceLimits&) = default;
};

struct ProcessPlan {
  enum class Kind { broker, node };
  Kind kind = Kind::node;
  std::string node;  ///< the name in the launch file
  int replica = 0;   ///< from 0
  std::string host;  ///< the label; empty: this machine
  std::string exec;  ///< as written; the supervisor finds it in the binary folders
  /// Complete but for what only the supervisor knows (data folder, control endpoint): `--name accounting --replica 0
  /// --port rides=queue:ipc://@.../customer-accounting --param tax=0.19`. Never passed through a shell.
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  RestartPolicy restart;
  std::chrono::milliseconds stop_grace{10'000};
  ResourceLimits limits = {};
  /// Processes are started in waves: all of rank 0, then when those are ready rank 1, and so on; they stop in the opposite order.
  int start_rank = 0;
  bool implied = false;  ///< not in the launch file: it carries what waits in outboxes to another broker
};

/// What makes a queue a FIFO queue. Selectors name a place in a message, see common/filter/selector.hpp.
struct FifoPlan {
  std::string group_by = "group_id";          ///< selector of the message group
  std::string deduplicate_by = "id";          ///< selector of the deduplication id
  std::string deduplication_scope = "queue";  ///< or "message_group"
  std::string on_dead_letter = "skip";        ///< or "block": what becomes of a group whose head went to the dead-letter queue
  friend bool operator==(const FifoPlan&, const FifoPlan&) = default;
};

struct QueuePlan {
  std::string name;
  std::string broker;
  std::string from_topic;             ///< empty: not chained
  std::string filter_policy;          ///< JSON text; empty: everything
  bool filter_on_attributes = false;  ///< scope
  std::chrono::milliseconds visibility_timeout{30'000};
  std::chrono::milliseconds retention{4LL * 24 * 3'600'000};
  std::chrono::milliseconds delay{0};
  std::string dead_letter_queue;  ///< empty: none
  int max_receives = 0;           ///< 0: no limit
  std::uint64_t max_message_size_bytes = 1'048'576;
  std::uint64_t max_messages = 0;  ///< that it takes to hold; 0: no limit
  std::uint64_t max_bytes = 0;     ///< likewise
  bool relaxed = false;            ///< durability = "relaxed": confirmed before the sync
  std::optional<FifoPlan> fifo;    ///< absent: a standard queue
  std::map<std::string, std::string> tags;
  /// Its topic is on another broker, where its messages wait in this queue until a forwarder brings them: `from_topic` and the filter are
  /// that queue's, and this one's broker knows neither. Empty: the topic is on the same broker, or there is none.
  std::string outbox;
  std::string outbox_of;    ///< not in the launch file: what waits here, or its dead letters, are for this queue or stream
  bool of_request = false;  ///< not in the launch file: it carries a request channel's questions or answers
};

struct StreamPlan {
  std::string name;
  std::string broker;
  std::string from_topic;             ///< empty: not chained
  std::string filter_policy;          ///< JSON text; empty: everything
  bool filter_on_attributes = false;  ///< scope
  int partitions = 1;
  std::string partition_by;  ///< selector of the partition key; empty: the header `group_id`, and without one the message's id
  std::chrono::milliseconds retention{24LL * 3'600'000};
  std::uint64_t max_bytes = 0;    ///< that are kept; 0: no limit
  std::string dead_letter_queue;  ///< empty: none
  int max_receives = 0;           ///< 0: no limit
  std::string outbox;             ///< as of a queue
};

struct TopicPlan {
  std::string name;
  std::string broker;    ///< empty: direct PUB/SUB
  std::string endpoint;  ///< direct topics: where the publisher binds
  bool fifo = false;
  std::string deduplicate_by = "id";  ///< of a FIFO topic
};

struct BrokerPlan {
  std::string name;
  std::string host;
  /// Where it listens; the first is the one this machine's nodes use. `ipc://@...` or `tcp://127.0.0.1:5550`.
  std::vector<std::string> endpoints;
  std::string data_folder;  ///< as written; empty: `<topology data>/<name>`
};

/// One line between a port and a channel: for pictures and for `ps --links`.
struct Link {
  std::string node;
  std::string port;
  bool into_node = false;
  std::string channel;
  ChannelKind kind = ChannelKind::queue;
  std::string filter_policy;  ///< of a topic that is read live; empty: everything
};

struct Plan {
  std::string name;
  std::string hash;  ///< over everything below, hexadecimal
  std::vector<BrokerPlan> brokers;
  std::vector<QueuePlan> queues;
  std::vector<TopicPlan> topics;
  std::vector<StreamPlan> streams;
  std::vector<ProcessPlan> processes;  ///< brokers first, then nodes, in the order of the file
  std::vector<Link> links;
};

}  // namespace remuda::topology
