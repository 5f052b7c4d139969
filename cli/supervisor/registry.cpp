#include "cli/supervisor/registry.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace remuda::supervisor {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

/// Open-file-description locks belong to the open file, not to the process: they survive a fork and end with the last copy.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// `submit=request:ipc://a,ipc://b/submit-ride?timeout_ms=2000` -> port, kind, endpoints, channel.
struct Binding {
  std::string port;
  std::string kind;
  std::vector<std::string> endpoints;
  std::string channel;
};
std::optional<Binding> parse_binding(const std::string& text) {
  const auto equals = text.find('=');
  const auto colon = text.find(':', equals == std::string::npos ? 0 : equals);
  const auto question = text.find('?', colon == std::string::npos ? 0 : colon);
  const std::string before_options = text.substr(0, question);
  const auto slash = before_options.rfind('/');
  if (equals == std::string::npos || colon == std::string::npos || slash == std::string::npos || slash < colon) return std::nullopt;
  Binding binding{text.substr(0, equals), text.substr(equals + 1, colon - equals - 1), {}, before_options.substr(slash + 1)};
  std::istringstream endpoints{before_options.substr(colon + 1, slash - colon - 1)};
  for (std::string endpoint; std::getline(endpoints, endpoint, ',');) binding.endpoints.push_back(endpoint);
  return binding;
}

}  // namespace

const ChannelEntry* TopologyEntry::find_channel(const std::string& channel_name) const {
  const auto found = std::find_if(channels.begin(), channels.end(), [&](const ChannelEntry& c) { return c.name == channel_name; });
  return found == channels.end() ? nullptr : &*found;
}

TopologyEntry entry_of(const topology::Plan& plan, const std::string& host) {
  TopologyEntry entry;
  entry.name = plan.name;
  entry.plan_hash = plan.hash;
  for (const topology::BrokerPlan& broker : plan.brokers) {
    const auto usable = std::find_if(broker.endpoints.begin(), broker.endpoints.end(), [&](const std::string& endpoint) {
      return broker.host == host || endpoint.starts_with("tcp:");
    });
    if (usable != broker.endpoints.end()) entry.brokers[broker.name] = *usable;
  }
  for (const topology::QueuePlan& queue : plan.queues)
    entry.channels.push_back({queue.name, "queue", queue.broker, queue.from_topic, {}});
  for (const topology::StreamPlan& stream : plan.streams)
    entry.channels.push_back({stream.name, "stream", stream.broker, stream.from_topic, {}});
  for (const topology::TopicPlan& topic : plan.topics) {
    entry.channels.push_back({topic.name, topic.broker.empty() ? "pubsub" : "topic", topic.broker, "", {}});
  }
  for (const topology::ProcessPlan& process : plan.processes) {
    for (std::size_t i = 0; i + 1 < process.arguments.size(); ++i) {
      if (process.arguments[i] != "--port") continue;
      const std::optional<Binding> binding = parse_binding(process.arguments[i + 1]);
      if (!binding) continue;
      std::vector<std::string>& channels = entry.ports[process.node + "." + binding->port];
      if (std::find(channels.begin(), channels.end(), binding->channel) == channels.end()) channels.push_back(binding->channel);
      auto channel = std::find_if(entry.channels.begin(), entry.channels.end(),
                                  [&](const ChannelEntry& c) { return c.name == binding->channel; });
      if (channel == entry.channels.end()) {
        channel = entry.channels.insert(entry.channels.end(), ChannelEntry{binding->channel, binding->kind, "", "", {}});
      }
      if (channel->kind == "queue" || channel->kind == "topic" || channel->kind == "stream")
        continue;  // those are reached through their broker
      for (const std::string& endpoint : binding->endpoints) {
        if (std::find(channel->endpoints.begin(), channel->endpoints.end(), endpoint) == channel->endpoints.end()) {
          channel->endpoints.push_back(endpoint);
        }
      }
    }
  }
  return entry;
}

void replace_endpoints(TopologyEntry& entry, const topology::Plan& before, const topology::Plan& now) {
  const TopologyEntry earlier = entry_of(before);
  const TopologyEntry later = entry_of(now);
  const auto endpoints_of = [](const TopologyEntry& of, const std::string& channel) {
    const ChannelEntry* const found = of.find_channel(channel);
    return found == nullptr ? std::vector<std::string>{} : found->endpoints;
  };
  for (ChannelEntry& channel : entry.channels) {
    const std::vector<std::string> gone = endpoints_of(earlier, channel.name);
    std::erase_if(channel.endpoints,
                  [&](const std::string& endpoint) { return std::find(gone.begin(), gone.end(), endpoint) != gone.end(); });
    for (std::string& endpoint : endpoints_of(later, channel.name)) channel.endpoints.push_back(std::move(endpoint));
  }
}

std::string to_json(const TopologyEntry& entry) {
  ordered_json json;
  json["topology"] = entry.name;
  json["pid"] = entry.pid;
  json["started_ms"] = entry.started_ms;
  json["launch_file"] = entry.launch_file;
  json["data_folder"] = entry.data_folder;
  json["plan_hash"] = entry.plan_hash;
  json["brokers"] = entry.brokers;
  json["channels"] = ordered_json::array();
  for (const ChannelEntry& channel : entry.channels) {
    json["channels"].push_back({{"name", channel.name},
                                {"kind", channel.kind},
                                {"broker", channel.broker},
                                {"from", channel.from},
                                {"endpoints", channel.endpoints}});
  }
  json["ports"] = entry.ports;
  return json.dump(1, ' ', false, ordered_json::error_handler_t::replace);
}

std::optional<TopologyEntry> topology_entry_from_json(const std::string& text) {
  try {
    const ordered_json json = ordered_json::parse(text);
    TopologyEntry entry;
    json.at("topology").get_to(entry.name);
    json.at("pid").get_to(entry.pid);
    json.at("started_ms").get_to(entry.started_ms);
    json.at("launch_file").get_to(entry.launch_file);
    json.at("data_folder").get_to(entry.data_folder);
    json.at("plan_hash").get_to(entry.plan_hash);
    json.at("brokers").get_to(entry.brokers);
    for (const ordered_json& channel : json.at("channels")) {
      entry.channels.push_back({channel.at("name").get<std::string>(), channel.at("kind").get<std::string>(),
                                channel.at("broker").get<std::string>(), channel.at("from").get<std::string>(),
                                channel.at("endpoints").get<std::vector<std::string>>()});
    }
    json.at("ports").get_to(entry.ports);
    return entry;
  } catch (const ordered_json::exception&) {
    return std::nullopt;  // cut short by a crash, or of another version
  }
}

Result<Registry> Registry::of_this_user() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string folder =
      runtime != nullptr && *runtime == '/' ? std::string{runtime} + "/remuda" : fmt::format("/tmp/remuda-{}", geteuid());
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail("failed", fmt::format("cannot create {}: {}", folder, std::strerror(errno)));
  }
  struct stat status {};
  if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
      (status.st_mode & 0077) != 0) {
    return fail("failed", fmt::format("{} must be a folder of yours that nobody else can enter (mode 0700)", folder));
  }
  return Registry{folder};
}

bool Registry::is_taken(const std::string& name) const {
  const FileDescriptor file{open(path(name, ".lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  if (!file.is_open()) return false;
  struct flock lock = whole_file(F_WRLCK);
  return fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::optional<TopologyEntry> Registry::read_entry(const std::string& name) const {
  std::ifstream in{path(name, ".json")};
  std::ostringstream text;
  text << in.rdbuf();
  return topology_entry_from_json(text.str());
}

std::vector<TopologyEntry> Registry::running() const {
  std::vector<TopologyEntry> entries;
  std::error_code error;
  for (const auto& file : fs::directory_iterator{folder_, error}) {
    if (file.path().extension() != ".json") continue;
    const std::string name = file.path().stem();
    if (!is_taken(name)) continue;  // its supervisor was killed; the next `up` of that name cleans up
    if (std::optional<TopologyEntry> entry = read_entry(name)) entries.push_back(std::move(*entry));
  }
  std::sort(entries.begin(), entries.end(), [](const TopologyEntry& a, const TopologyEntry& b) { return a.name < b.name; });
  return entries;
}

Result<TopologyEntry> Registry::choose(const std::optional<std::string>& name) const {
  std::vector<TopologyEntry> entries = running();
  std::string names;
  for (const TopologyEntry& entry : entries) names += (names.empty() ? "" : ", ") + entry.name;
  if (name) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const TopologyEntry& e) { return e.name == *name; });
    if (found != entries.end()) return *found;
    return fail("not_running", fmt::format("no topology '{}' runs{}", *name, names.empty() ? "" : "; these do: " + names));
  }
  if (entries.empty()) return fail("not_running", "no topology runs");
  if (entries.size() > 1)
    return fail("wrong_usage", fmt::format("several topologies run ({}); say which with --topology NAME", names));
  return entries.front();
}

Result<FileDescriptor> Registry::take(const std::string& name) const {
  FileDescriptor file{open(path(name, ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file.is_open()) return fail("failed", fmt::format("cannot open {}: {}", path(name, ".lock"), std::strerror(errno)));
  struct flock lock = whole_file(F_WRLCK);
  if (fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return file;
  // The supervisor may have been killed a moment ago: then its helper is ending the processes, and the lock is free when
  // that is done.
  const std::optional<TopologyEntry> entry = read_entry(name);
  const bool owner_is_dead = entry && kill(static_cast<pid_t>(entry->pid), 0) != 0 && errno == ESRCH;
  lock = whole_file(F_WRLCK);
  if (owner_is_dead && fcntl(file.get(), F_OFD_SETLKW, &lock) == 0) return file;
  return fail("already_running", fmt::format("topology '{}' runs already", name));
}

Result<void> Registry::write(const TopologyEntry& entry) const {
  const std::string final_path = path(entry.name, ".json");
  const std::string draft = final_path + ".new";
  const std::string text = to_json(entry) + "\n";
  const FileDescriptor file{open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file.is_open() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      rename(draft.c_str(), final_path.c_str()) != 0) {
    return fail("failed", fmt::format("cannot write {}: {}", final_path, std::strerror(errno)));
  }
  return {};
}

void Registry::remove(const std::string& name) const {
  // The lock file stays: removing it would let two processes hold "the" lock on two different files.
  unlink(path(name, ".json").c_str());
  unlink(path(name, ".sock").c_str());
}

}  // namespace remuda::supervisor
