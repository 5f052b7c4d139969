#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "common/topology/check.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool flag_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

const Json& list_of(const Json& object, const char* key) {
  static const Json none = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}

std::optional<ParameterType> parameter_type(std::string_view name) {
  static const std::map<std::string_view, ParameterType> types{
      {"text", ParameterType::text},       {"integer", ParameterType::integer},   {"number", ParameterType::number},
      {"boolean", ParameterType::boolean}, {"duration", ParameterType::duration}, {"size", ParameterType::size},
      {"list", ParameterType::list},       {"table", ParameterType::table},       {"broker", ParameterType::broker}};
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

Result<NodeDescription> parse_description(std::string_view json) {
  const Json root = Json::parse(json, nullptr, false);
  if (!root.is_object() || text_of(root, "name").empty())
    return fail("invalid_description", "what --describe printed is not a node's description");
  NodeDescription description;
  description.name = text_of(root, "name");
  description.summary = text_of(root, "summary");
  description.open_request_ports = flag_of(root, "open_request_ports");
  description.open_outputs = flag_of(root, "open_outputs");
  for (const auto& port : list_of(root, "ports")) {
    const std::string direction = port.is_object() ? text_of(port, "direction") : "";
    if (direction != "input" && direction != "output") return fail("invalid_description", "a port in it has no direction");
    description.ports.push_back({text_of(port, "name"), direction == "input" ? Direction::input : Direction::output,
                                 text_of(port, "message"), flag_of(port, "wants_acknowledgement"), flag_of(port, "request"),
                                 flag_of(port, "optional")});
  }
  for (const auto& parameter : list_of(root, "parameters")) {
    const auto type = parameter.is_object() ? parameter_type(text_of(parameter, "type")) : std::nullopt;
    if (!type) return fail("invalid_description", "a parameter in it has no known type");
    description.parameters.push_back(
        {text_of(parameter, "name"), *type, text_of(parameter, "default"), text_of(parameter, "help")});
  }
  return description;
}

Descriptions describe_all(const LaunchFile& file, const Describer& describe, const std::vector<std::string>& known,
                          Diagnostics& diagnostics) {
  Descriptions descriptions;
  std::set<std::string> asked;
  if (!describe) return descriptions;
  for (const auto& node : file.nodes) {
    if (node.exec.empty() || !asked.insert(node.exec.text).second) continue;
    const auto json = describe(node.exec.text);
    if (!json) {
      diagnostics.error(node.exec.place, "T117", "there is no executable " + in_quotes(node.exec.text),
                        did_you_mean(node.exec.text, known));
      continue;
    }
    auto description = parse_description(*json);
    if (description) {
      descriptions.emplace(node.exec.text, std::move(*description));
    } else {
      diagnostics.error(node.exec.place, "T117", in_quotes(node.exec.text) + " is no node: " + description.error().message);
    }
  }
  return descriptions;
}

}  // namespace remuda::topology
