#include "common/runtime/node_options.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

#include "common/runtime/describe.hpp"
#include "common/units.hpp"

namespace remuda {
namespace {

/// A column of names and what they mean, wrapped to 80 columns.
class Column {
 public:
  explicit Column(std::string title) : text_{"\n" + std::move(title) + ":\n"} {}

  void add(const std::string& name, const std::string& meaning) {
    std::string line = "  " + name;
    if (line.size() > indent - 2) {
      text_ += line + "\n";
      line.clear();
    }
    line.resize(indent, ' ');
    std::istringstream words{meaning};
    bool first = true;
    for (std::string word; words >> word; first = false) {
      if (!first && line.size() + 1 + word.size() > width) {
        text_ += line + "\n";
        line.assign(indent, ' ');
        first = true;
      }
      if (!first) line += ' ';
      line += word;
    }
    text_ += line + "\n";
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static constexpr std::size_t indent = 28;
  static constexpr std::size_t width = 80;
  std::string text_;
};

std::string meaning_of(const PortDescription& port) {
  std::ostringstream text;
  if (port.request) {
    text << (port.direction == Direction::input ? "answers requests" : "asks");
  } else {
    text << port.direction;
  }
  if (!port.message.empty()) text << ": " << port.message;
  if (port.wants_acknowledgement) text << "; wants a queue";
  if (port.optional) text << " (optional)";
  return text.str();
}

std::string help_of(const NodeDescription& description) {
  std::string text = description.name + " - " + description.summary + "\n\nusage: " + description.name +
                     " [--port NAME=...]... [--param NAME=VALUE]...\n";
  if (!description.ports.empty() || description.open_request_ports || description.open_outputs) {
    Column ports{"ports"};
    for (const auto& port : description.ports) ports.add(port.name, meaning_of(port));
    if (description.open_request_ports) ports.add("...", "any other name: asks over a request channel");
    if (description.open_outputs) ports.add("...", "any other name: sends to whatever channel it is wired to");
    text += ports.text();
  }
  if (!description.parameters.empty()) {
    Column parameters{"parameters"};
    for (const auto& parameter : description.parameters) {
      std::ostringstream type;
      type << parameter.name << " (" << parameter.type << ")";
      parameters.add(type.str(),
                     parameter.help + (parameter.default_value.empty() ? "; required" : " [" + parameter.default_value + "]"));
    }
    text += parameters.text();
  }
  Column options{"options"};
  options.add("--port NAME=...", "wire a port: KIND is queue, topic, stream, pubsub, pipe or request; may be repeated");
  options.add("--param NAME=VALUE", "set a parameter; VALUE is TOML, a bare word is text; may be repeated");
  options.add("--name NAME", "this node's name [" + description.name + "]");
  options.add("--replica N", "which replica this is, from 0");
  options.add("--data FOLDER", "where it keeps its files [.remuda/nodes/NAME]");
  options.add("--prefetch N", "messages per queue that may wait here [64]");
  options.add("--stop-grace TIME", "how long a drain may take [8s]");
  options.add("--control ENDPOINT", "the supervisor; absent: runs alone");
  options.add("--log-format FORMAT", "text, json or auto");
  options.add("--log-level LEVEL", "debug, info, warning or error");
  options.add("--describe", "print ports and parameters as JSON");
  options.add("--help, --version", "print this text, or the version");
  return text + options.text();
}

Failure<Error> usage(const NodeDescription& description, const std::string& text) {
  return fail("usage", text + "\n`" + description.name + " --help` shows what it takes.");
}

}  // namespace

Result<NodeOptions> parse_node_options(const NodeDescription& description, int argc, const char* const* argv) {
  NodeOptions options;
  options.name = description.name;
  std::vector<std::string> ports;
  std::vector<std::string> parameters;
  std::string log_format = "auto";
  std::string log_level = "info";
  std::string stop_grace = "8s";
  bool help = false;
  bool version = false;
  bool describe = false;

  CLI::App app;
  app.set_help_flag();
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_flag("--describe", describe);
  app.add_option("--port", ports)->allow_extra_args(false);
  app.add_option("--param", parameters)->allow_extra_args(false);
  app.add_option("--name", options.name);
  app.add_option("--replica", options.replica)->check(CLI::NonNegativeNumber);
  app.add_option("--data", options.data_folder);
  app.add_option("--prefetch", options.prefetch)->check(CLI::Range(1, 10'000));
  app.add_option("--stop-grace", stop_grace);
  app.add_option("--control", options.control_endpoint);
  app.add_option("--log-format", log_format);
  app.add_option("--log-level", log_level);
  try {
    app.parse(argc, const_cast<char**>(argv));  // CLI11 2.1 takes them so and changes nothing
  } catch (const CLI::ParseError& error) {
    return usage(description, error.what());
  }
  if (help) options.answer = help_of(description);
  if (version) options.answer = description.name + " " + remuda_version() + "\n";
  if (describe) options.answer = describe_json(description);
  if (!options.answer.empty()) return options;

  for (const auto& port : ports) {
    auto binding = parse_port_binding(port);
    if (!binding) return usage(description, binding.error().message);
    options.ports.push_back(std::move(binding).value());
  }
  for (const auto& parameter : parameters) {
    const auto equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0) return usage(description, "`--param " + parameter + "`: write NAME=VALUE.");
    options.parameters.emplace_back(parameter.substr(0, equals), parameter.substr(equals + 1));
  }
  const auto format = parse_log_format(log_format);
  if (!format) return usage(description, format.error().message);
  options.log_format = *format;
  const auto level = parse_log_level(log_level);
  if (!level) return usage(description, level.error().message);
  options.log_level = *level;
  const auto grace = parse_duration(stop_grace);
  if (!grace) return usage(description, grace.error().message);
  options.stop_grace = *grace;
  if (options.name.empty() || options.name.find('/') != std::string::npos)
    return usage(description, "`--name` must be a plain name.");
  if (options.data_folder.empty()) options.data_folder = ".remuda/nodes/" + options.name;
  return options;
}

}  // namespace remuda
