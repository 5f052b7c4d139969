#include "cli/program_check.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/parameters.hpp"
#include "common/runtime/wiring.hpp"

namespace remuda::cli {

namespace {

/// The values of a repeated option.
std::vector<std::string> values_of(const topology::ProcessPlan& process, std::string_view option) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i + 1 < process.arguments.size(); ++i) {
    if (process.arguments[i] == option) values.push_back(process.arguments[i + 1]);
  }
  return values;
}

Failure<Error> does_not_fit(const std::string& why) {
  return fail("does_not_fit", why);
}

}  // namespace

Result<void> check_program(const NodeDescription& description, const topology::ProcessPlan& process,
                           const std::vector<topology::Link>& links) {
  std::vector<PortBinding> bindings;
  for (const std::string& text : values_of(process, "--port")) {
    auto binding = parse_port_binding(text);
    if (!binding) return does_not_fit(binding.error().message);
    bindings.push_back(std::move(*binding));
  }
  if (const Result<void> wired = check_bindings(description, bindings); !wired) return does_not_fit(wired.error().message);
  for (const PortDescription& port : description.ports) {
    const auto link = std::find_if(links.begin(), links.end(), [&](const topology::Link& known) {
      return known.node == process.node && known.port == port.name;
    });
    if (link == links.end() || link->into_node == (port.direction == Direction::input)) continue;
    return does_not_fit("Port `" + port.name + "` is an " + (link->into_node ? "input" : "output") + " of " + process.node +
                        ", and an " + (link->into_node ? "output" : "input") + " of " + description.name + ".");
  }
  std::vector<std::pair<std::string, std::string>> given;
  for (const std::string& text : values_of(process, "--param")) {
    const auto equals = text.find('=');
    given.emplace_back(text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1));
  }
  if (const auto parameters = Parameters::make(description.parameters, given); !parameters)
    return does_not_fit(parameters.error().message);
  return {};
}

std::vector<topology::Link> links_from_json(const std::string& plan_json) {
  std::vector<topology::Link> links;
  const auto json = nlohmann::json::parse(plan_json, nullptr, false);
  if (!json.is_object() || !json.contains("links")) return links;
  try {
    for (const auto& one : json["links"]) {
      topology::Link link;
      link.node = one.at("node");
      link.port = one.at("port");
      link.into_node = one.at("direction") == "input";
      link.channel = one.at("channel");
      links.push_back(std::move(link));
    }
  } catch (const nlohmann::json::exception&) {
    return {};
  }
  return links;
}

}  // namespace remuda::cli
