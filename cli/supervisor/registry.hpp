#pragma once
// Which topologies run for this user, so that every verb works from any folder: one private folder with, per topology,
// `NAME.json` (where it is and what it holds), `NAME.lock` (held as long as it runs, released by the kernel even after kill -9) and
// `NAME.sock` (its supervisor's control socket).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/supervisor/spawner.hpp"
#include "common/result.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

/// Where a channel can be reached: for verbs that talk to brokers and nodes themselves.
struct ChannelEntry {
  std::string name;
  std::string kind;                    ///< "queue", "topic", "pubsub", "request", "pipe"
  std::string broker;                  ///< queue and topic
  std::string from;                    ///< queue: the topic it is chained to; may be empty
  std::vector<std::string> endpoints;  ///< pubsub: publishers; request: answering nodes
  friend bool operator==(const ChannelEntry&, const ChannelEntry&) = default;
};

struct TopologyEntry {
  std::string name;
  std::int64_t pid = 0;  ///< of the supervisor
  std::int64_t started_ms = 0;
  std::string launch_file;  ///< absolute
  std::string data_folder;  ///< absolute
  std::string plan_hash;
  std::map<std::string, std::string> brokers;  ///< name -> endpoint
  std::vector<ChannelEntry> channels;
  /// `NODE.PORT` -> channel, for verbs that take a port.
  std::map<std::string, std::vector<std::string>> ports;
  friend bool operator==(const TopologyEntry&, const TopologyEntry&) = default;

  [[nodiscard]] const ChannelEntry* find_channel(const std::string& channel_name) const;
};
std::string to_json(const TopologyEntry& entry);
std::optional<TopologyEntry> topology_entry_from_json(const std::string& json);
/// The channels, brokers and ports of a plan, as `host` reaches them. Pure.
TopologyEntry entry_of(const topology::Plan& plan, const std::string& host = {});

/// The channels of `entry` that have endpoints get those of `now` for those of `before`; what neither has, as it is of other machines,
/// stays. Pure.
void replace_endpoints(TopologyEntry& entry, const topology::Plan& before, const topology::Plan& now);

class Registry {
 public:
  explicit Registry(std::string folder) : folder_{std::move(folder)} {}
  /// `$XDG_RUNTIME_DIR/remuda`, or `/tmp/remuda-<uid>` where that is unset; created with mode 0700. Errors: `failed` when it
  /// belongs to somebody else or others may write there.
  static Result<Registry> of_this_user();

  /// Topologies that run now, by name. What a killed supervisor left behind is passed over.
  [[nodiscard]] std::vector<TopologyEntry> running() const;
  /// The one named, or the only one. Errors: `not_running`, `wrong_usage` when several run; both name what there is.
  [[nodiscard]] Result<TopologyEntry> choose(const std::optional<std::string>& name) const;

  /// Takes the name for this process and those it forks, until the last of them is gone. Waits
  /// for what a killed supervisor left behind to end. Errors: `already_running` (definite).
  Result<FileDescriptor> take(const std::string& name) const;
  Result<void> write(const TopologyEntry& entry) const;
  void remove(const std::string& name) const;
  [[nodiscard]] std::string socket_path(const std::string& name) const { return folder_ + "/" + name + ".sock"; }

 private:
  std::string folder_;
  [[nodiscard]] std::string path(const std::string& name, const char* suffix) const { return folder_ + "/" + name + suffix; }
  [[nodiscard]] std::optional<TopologyEntry> read_entry(const std::string& name) const;
  [[nodiscard]] bool is_taken(const std::string& name) const;
};

}  // namespace remuda::supervisor
