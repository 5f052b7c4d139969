#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "common/topology/arguments.hpp"
#include "common/topology/completion.hpp"
#include "common/topology/launch_file.hpp"
#include "common/topology/outboxes.hpp"
#include "common/topology/sections.hpp"
#include "common/topology/substitution.hpp"
#include "common/topology/table_reader.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

constexpr std::size_t depth_max = 16;
constexpr std::size_t files_max = 64;                        // includes may multiply: a includes b twice, b includes c twice, ...
constexpr std::size_t embedded_size_max_bytes = 100 * 1024;  ///< it becomes part of a command line
constexpr std::size_t file_size_max_bytes = std::size_t{4} << 20U;

template <class Spec>
bool has(const std::vector<Spec>& specs, std::string_view name) {
  return std::any_of(specs.begin(), specs.end(), [&](const Spec& spec) { return spec.name.text == name; });
}

/// How a file came to be included.
struct Inclusion {
  std::optional<Place> place;
  std::string prefix;           ///< before the names that the file defines; the prefixes of its includers are not in it
  std::string argument_prefix;  ///< of `--set`: all the prefixes
  Name host;
  const Value* arguments = nullptr;
  std::vector<std::string> chain;  ///< the files that are being read, the outermost first
};

/// Renames what an included file defines, and its references to that. Hosts and arguments keep their names.
class Prefixing {
 public:
  Prefixing(LaunchFile& file, const std::string& prefix) : file_{file}, prefix_{prefix + "-"} {
    for (const auto& name : file.channel_names()) channels_.insert(name);
    for (const auto& broker : file.brokers) brokers_.insert(broker.name.text);
    for (const auto& node : file.nodes) nodes_.insert(node.name.text);
  }

  void apply() {
    for (auto& broker : file_.brokers) rename(broker.name, brokers_);
    for (auto& topic : file_.topics) {
      rename(topic.name, channels_);
      rename(topic.broker, brokers_);
    }
    for (auto& queue : file_.queues) {
      rename(queue.name, channels_);
      queue.settings.name = queue.name.text;
      rename(queue.broker, brokers_);
      rename(queue.from, channels_);
      rename(queue.dead_letter, channels_);
    }
    for (auto& pipe : file_.pipes) rename(pipe.name, channels_);
    for (auto& request : file_.requests) {
      rename(request.name, channels_);
      rename(request.broker, brokers_);
    }
    for (auto& stream : file_.streams) {
      rename(stream.name, channels_);
      stream.settings.name = stream.name.text;
      rename(stream.broker, brokers_);
      rename(stream.from, channels_);
      rename(stream.dead_letter, channels_);
    }
    for (auto& node : file_.nodes) {
      rename(node.name, nodes_);
      for (auto& other : node.depends_on) rename(other, nodes_);
      for (auto& port : node.ports) {
        for (auto& channel : port.channels) rename(channel, channels_);
      }
    }
  }

 private:
  LaunchFile& file_;
  std::string prefix_;
  std::set<std::string> channels_;
  std::set<std::string> brokers_;
  std::set<std::string> nodes_;

  void rename(Name& name, const std::set<std::string>& own) const {
    if (own.count(name.text) > 0) name.text = prefix_ + name.text;
  }
};

class Loading {
 public:
  Loading(const FileReader& read, const LoadOptions& options, Diagnostics& diagnostics)
      : read_{read}, options_{options}, diagnostics_{diagnostics}, settings_{options.set, diagnostics} {}

  LaunchFile load(const std::string& path) {
    Inclusion outermost;
    LaunchFile file = read_file(path, outermost);
    file.arguments = declared_;
    settings_.report_unused(declared_);
    if (!options_.inventory.empty()) add_inventory(file);
    return file;
  }

 private:
  const FileReader& read_;
  const LoadOptions& options_;
  Diagnostics& diagnostics_;
  Settings settings_;
  std::vector<ArgumentSpec> declared_;  ///< of all files, under the names that `--set` uses
  std::size_t files_ = 0;

  void add_inventory(LaunchFile& file) {
    const std::string& path = options_.inventory;
    const auto text = read_ ? read_(path) : Result<std::string>{fail("no_such_file", "no file can be read here")};
    const std::uint32_t source = diagnostics_.add_source(path, text ? *text : "", std::nullopt);
    if (!text)
      return diagnostics_.error({source, 0, 0, 1}, "T001",
                                "cannot read the inventory " + in_quotes(path) + ": " + text.error().message);
    const auto root = parse_toml(source, diagnostics_);
    if (!root) return;
    TableReader table{"an inventory", *root, nullptr, diagnostics_};
    read_inventory(table, file);
  }

  LaunchFile read_file(const std::string& path, const Inclusion& inclusion) {
    LaunchFile file;
    if (std::find(inclusion.chain.begin(), inclusion.chain.end(), path) != inclusion.chain.end()) {
      diagnostics_.error(*inclusion.place, "T009", in_quotes(path) + " includes itself: " + listed(inclusion.chain) + ", " + path);
      return file;
    }
    if (inclusion.chain.size() > depth_max) {
      diagnostics_.error(*inclusion.place, "T009", "files include each other more than " + std::to_string(depth_max) + " deep");
      return file;
    }
    if (++files_ > files_max) {
      diagnostics_.error(*inclusion.place, "T009", "more than " + std::to_string(files_max) + " files are included");
      return file;
    }
    auto text = read_ ? read_(path) : Result<std::string>{fail("no_such_file", "no file can be read here")};
    if (text && text->size() > file_size_max_bytes) text = fail("too_large", "it is larger than 4 MiB");
    const std::uint32_t source = text || !inclusion.place ? diagnostics_.add_source(path, text ? *text : "", inclusion.place) : 0;
    if (!text) {
      diagnostics_.error(inclusion.place.value_or(Place{source, 0, 0, 1}), "T001",
                         "cannot read " + in_quotes(path) + ": " + text.error().message);
      return file;
    }
    auto root = parse_toml(source, diagnostics_);
    if (!root) return file;
    interpret(path, source, *root, inclusion, file);
    if (!inclusion.prefix.empty()) Prefixing{file, inclusion.prefix}.apply();
    return file;
  }

  void interpret(const std::string& path, std::uint32_t source, Value& root, const Inclusion& inclusion, LaunchFile& file) {
    static const Value no_arguments;
    const Entry* args = root.find("args");
    auto arguments = read_arguments(args == nullptr ? no_arguments : args->value, options_.environment, diagnostics_);
    give_arguments(arguments, inclusion);
    const auto read_beside = [&](const std::string& name) -> Result<std::string> {
      if (!read_) return fail("no_such_file", "no file can be read here");
      auto text = read_((std::filesystem::path{path}.parent_path() / name).lexically_normal().string());
      if (text && text->size() > embedded_size_max_bytes) return fail("too_large", "it is larger than 100 KiB");
      return text;
    };
    for (auto& entry : root.entries) {
      if (entry.key != "args") substitute(entry.value, arguments, options_.environment, diagnostics_, read_beside);
    }

    TableReader table{"a launch file", root, nullptr, diagnostics_};
    for (const char* key : {"schema", "name", "args"}) static_cast<void>(table.take(key));
    check_schema(table, source);
    file.name = table.name("name");
    if (!inclusion.place) check_name(file.name, source);
    const Value* includes = table.take("include");
    read_sections(table, inclusion.host, file);
    table.finish();
    if (includes != nullptr) read_includes(path, *includes, inclusion, file);
  }

  void check_schema(TableReader& table, std::uint32_t source) {
    const Value* schema = table.take("schema");
    if (schema == nullptr) {
      diagnostics_.error({source, 1, 1, 1}, "T003", "the file does not say which schema it is written in",
                         "begin it with schema = 1");
    } else if (!schema->is(Value::Kind::integer) || schema->integer != 1) {
      diagnostics_.error(schema->place, "T003", "this remuda understands schema 1", "write schema = 1");
    }
  }

  void check_name(const Name& name, std::uint32_t source) {
    if (name.place.line == 0) {
      diagnostics_.error({source, 1, 1, 1}, "T005", "the topology has no name", "add name = \"...\"");
    } else if (!is_name(name.text) && !name.text.empty()) {
      diagnostics_.error(
          name.place, "T008",
          in_quotes(name.text) + " cannot be a name; a name is 1 to 80 of a-z A-Z 0-9 - _ and does not begin with '-'");
    }
  }

  /// The includer's `args` and `--set` replace defaults; what then has no value is an error.
  void give_arguments(std::vector<ArgumentSpec>& arguments, const Inclusion& inclusion) {
    std::vector<std::string> names;
    for (const auto& argument : arguments) names.push_back(argument.name);
    if (inclusion.arguments != nullptr) {
      for (const auto& entry : inclusion.arguments->entries) {
        const auto found = std::find(names.begin(), names.end(), entry.key);
        if (found == names.end()) {
          diagnostics_.error(entry.key_place, "T010",
                             "the included file declares no argument " + in_quotes(entry.key) + "; it has: " + listed(names),
                             did_you_mean(entry.key, names));
        } else {
          set_argument(arguments[static_cast<std::size_t>(found - names.begin())], entry.value, diagnostics_);
        }
      }
    }
    for (auto& argument : arguments) {
      const std::string outside = inclusion.argument_prefix + argument.name;
      settings_.apply(outside, argument);
      if (!argument.value) {
        diagnostics_.error(argument.place, "T010", "the argument " + in_quotes(argument.name) + " has no default and was not given",
                           "add --set " + outside + "=... or a default");
        argument.value = Value{};
        argument.value->broken = true;
      }
      const bool known =
          std::any_of(declared_.begin(), declared_.end(), [&](const auto& earlier) { return earlier.name == outside; });
      if (known) continue;
      declared_.push_back(argument);
      declared_.back().name = outside;
    }
  }

  void read_includes(const std::string& path, const Value& includes, const Inclusion& inclusion, LaunchFile& file) {
    const bool several = includes.is(Value::Kind::array);
    const std::vector<Value> one{several ? Value{} : includes};
    for (const auto& item : several ? includes.items : one) {
      if (item.broken) continue;
      Inclusion next;
      next.place = item.place;
      next.host = inclusion.host;
      next.argument_prefix = inclusion.argument_prefix;
      next.chain = inclusion.chain;
      next.chain.push_back(path);
      Name included{item.text, item.place};
      if (!item.is(Value::Kind::text)) {
        if (!item.is(Value::Kind::table)) {
          static_cast<void>(expect(item, Value::Kind::table, "an include", diagnostics_));
          continue;
        }
        TableReader table{"an include", item, nullptr, diagnostics_};
        included = table.name("file");
        if (!table.has("file")) diagnostics_.error(item.place, "T005", "the include does not name its file", "add file = \"...\"");
        const Name prefix = table.name("prefix");
        if (!prefix.empty() && !is_name(prefix.text)) {
          diagnostics_.error(prefix.place, "T008", in_quotes(prefix.text) + " cannot begin a name");
        } else if (!prefix.empty()) {
          next.prefix = prefix.text;
          next.argument_prefix += prefix.text + "-";
        }
        if (table.has("host")) next.host = table.name("host");
        next.arguments = table.take("args");
        if (next.arguments != nullptr && !expect(*next.arguments, Value::Kind::table, "'args'", diagnostics_))
          next.arguments = nullptr;
        table.finish();
        if (included.place.line > 0) next.place = included.place;
      }
      if (included.empty()) continue;
      merge(file, read_file((std::filesystem::path{path}.parent_path() / included.text).lexically_normal().string(), next));
    }
  }

  /// Names that then stand twice are found by the checks over the whole model.
  static void merge(LaunchFile& into, LaunchFile&& from) {
    const auto append = [](auto& to, auto& what) { std::move(what.begin(), what.end(), std::back_inserter(to)); };
    append(into.brokers, from.brokers);
    append(into.topics, from.topics);
    append(into.queues, from.queues);
    append(into.pipes, from.pipes);
    append(into.requests, from.requests);
    append(into.streams, from.streams);
    append(into.nodes, from.nodes);
    for (auto& host : from.hosts) {
      const auto same = std::find_if(into.hosts.begin(), into.hosts.end(), [&](const HostSpec& known) {
        return known.name.text == host.name.text && known.address == host.address && known.base_port == host.base_port &&
               known.keys == host.keys;
      });
      if (same == into.hosts.end()) into.hosts.push_back(std::move(host));
    }
  }
};

}  // namespace

bool is_name(std::string_view text) {
  constexpr std::size_t longest = 80;
  return !text.empty() && text.size() <= longest && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<ChannelKind> LaunchFile::kind_of(std::string_view channel) const {
  if (has(topics, channel)) return ChannelKind::topic;
  if (has(queues, channel)) return ChannelKind::queue;
  if (has(pipes, channel)) return ChannelKind::pipe;
  if (has(requests, channel)) return ChannelKind::request;
  if (has(streams, channel)) return ChannelKind::stream;
  return std::nullopt;
}

std::vector<std::string> LaunchFile::channel_names() const {
  std::vector<std::string> names;
  for (const auto& topic : topics) names.push_back(topic.name.text);
  for (const auto& queue : queues) names.push_back(queue.name.text);
  for (const auto& pipe : pipes) names.push_back(pipe.name.text);
  for (const auto& request : requests) names.push_back(request.name.text);
  for (const auto& stream : streams) names.push_back(stream.name.text);
  return names;
}

LaunchFile load(const std::string& path, const FileReader& read, const LoadOptions& options, Diagnostics& diagnostics) {
  LaunchFile file = Loading{read, options, diagnostics}.load(path);
  complete(file, diagnostics);
  add_outboxes(file, diagnostics);
  return file;
}

}  // namespace remuda::topology
