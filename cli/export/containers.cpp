// Containers: a compose file, or the manifests of one pod.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/export/process_words.hpp"

namespace remuda::cli {

namespace {

using Json = nlohmann::ordered_json;
using topology::ProcessPlan;

constexpr const char* definitions_folder = "/etc/remuda";
constexpr const char* data_folder = "/var/lib/remuda";

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);  // JSON's quoted text is YAML's
}

/// Block style, every text quoted: nothing can be taken for a number, a boolean or a comment.
void write_yaml(const Json& value, int depth, std::string& out) {
  const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
  if ((value.is_object() || value.is_array()) && !value.empty()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      out += "\n" + indent + (value.is_object() ? quoted(it.key()) + ":" : "-");
      write_yaml(*it, depth + 1, out);
    }
    return;
  }
  out += " " + (value.is_string() ? quoted(value.get<std::string>()) : value.dump());
}

std::string yaml(const Json& value) {
  std::string out;
  write_yaml(value, 0, out);
  return out.substr(1) + "\n";
}

/// Compose and Kubernetes both expand `$` in words, and read `$$` as one.
std::string without_references(const std::string& word) {
  std::string out;
  for (const char c : word) out += c == '$' ? std::string{"$$"} : std::string{c};
  return out;
}

std::vector<std::string> words_of(const ExportInput& input, std::size_t index) {
  const ProcessPlan& process = input.plan->processes[index];
  std::vector<std::string> words{std::filesystem::path{input.executables[index]}.filename().string()};
  for (const std::string& word : arguments_of(process, *input.plan, definitions_folder, data_folder)) words.push_back(word);
  for (std::string& word : words) word = without_references(word);
  return words;
}

std::optional<std::string> keys_of(const ProcessPlan& process) {
  const auto at = std::find(process.arguments.begin(), process.arguments.end(), "--keys");
  if (!is_broker(process) || at == process.arguments.end() || at + 1 == process.arguments.end()) return std::nullopt;
  return *(at + 1);
}

/// Asks the queue node for its queues: it answers only when it serves.
std::vector<std::string> probe_of(const ExportInput& input, const ProcessPlan& process) {
  for (const auto& broker : input.plan->brokers) {
    if (broker.name == process.node) return {"remuda", "queue", "ls", "--broker", broker.endpoints.front()};
  }
  return {};
}

std::string restart_word(const topology::RestartPolicy& restart) {
  if (restart.when == topology::RestartPolicy::When::never) return "no";
  if (restart.when == topology::RestartPolicy::When::always) return "always";
  return fmt::format("on-failure:{}", restart.max_restarts);
}

Json compose_service(const ExportInput& input, std::size_t index) {
  const ProcessPlan& process = input.plan->processes[index];
  Json service;
  service["image"] = input.image;
  service["command"] = words_of(input, index);
  // All in the network namespace of the first: abstract ipc names end there.
  if (index > 0) service["network_mode"] = "service:" + unit_name(input.plan->processes.front());
  for (const auto& [name, value] : process.environment) service["environment"][name] = without_references(value);
  service["volumes"].push_back(std::string{"data:"} + data_folder);
  if (const auto keys = keys_of(process)) {
    service["volumes"].push_back(
        {{"type", "bind"}, {"source", without_references(*keys)}, {"target", without_references(*keys)}, {"read_only", true}});
  }
  if (is_broker(process)) {
    service["configs"].push_back(
        {{"source", unit_name(process)}, {"target", fmt::format("{}/{}", definitions_folder, definitions_file(process.node))}});
    Json test = Json::array({"CMD"});
    for (const std::string& word : probe_of(input, process)) test.push_back(without_references(word));
    service["healthcheck"] = {{"test", test}, {"interval", "5s"}, {"timeout", "5s"}, {"retries", 3}};
  }
  for (const ProcessPlan& other : input.plan->processes) {
    if (other.start_rank < process.start_rank)
      service["depends_on"][unit_name(other)] = {{"condition", is_broker(other) ? "service_healthy" : "service_started"}};
  }
  service["restart"] = restart_word(process.restart);
  service["stop_grace_period"] = fmt::format("{}ms", process.stop_grace.count());
  if (process.limits.memory_max_bytes) service["mem_limit"] = *process.limits.memory_max_bytes;
  if (process.limits.nofile) service["ulimits"]["nofile"] = *process.limits.nofile;
  service["read_only"] = true;
  service["cap_drop"] = {"ALL"};
  service["security_opt"] = {"no-new-privileges:true"};
  return service;
}

Json container(const ExportInput& input, std::size_t index) {
  const ProcessPlan& process = input.plan->processes[index];
  Json container;
  container["name"] = unit_name(process);
  container["image"] = input.image;
  container["command"] = words_of(input, index);
  for (const auto& [name, value] : process.environment)
    container["env"].push_back({{"name", name}, {"value", without_references(value)}});
  container["volumeMounts"].push_back({{"name", "data"}, {"mountPath", data_folder}});
  if (process.limits.memory_max_bytes)
    container["resources"]["limits"]["memory"] = std::to_string(*process.limits.memory_max_bytes);
  container["securityContext"] = {
      {"allowPrivilegeEscalation", false}, {"readOnlyRootFilesystem", true}, {"capabilities", {{"drop", {"ALL"}}}}};
  if (!is_broker(process)) return container;
  container["volumeMounts"].push_back({{"name", "definitions"}, {"mountPath", definitions_folder}, {"readOnly", true}});
  const Json asks{{"exec", {{"command", probe_of(input, process)}}}, {"periodSeconds", 10}, {"timeoutSeconds", 5}};
  container["readinessProbe"] = asks;
  container["livenessProbe"] = asks;
  container["livenessProbe"]["initialDelaySeconds"] = 30;  // a journal of many gigabytes is read first
  return container;
}

/// What a cluster takes as a name (RFC 1123): our names may be longer, and have capitals, '_' and '.'.
bool is_cluster_name(const std::string& name) {
  constexpr std::size_t size_max = 63;
  const auto is_right = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= size_max && name.back() != '-' && std::all_of(name.begin(), name.end(), is_right);
}

/// The first name that a cluster would not take; empty: none.
std::string wrong_name(const topology::Plan& plan) {
  if (!is_cluster_name(plan.name)) return plan.name;
  for (const ProcessPlan& process : plan.processes) {
    if (!is_cluster_name(unit_name(process))) return unit_name(process);
  }
  return {};
}

}  // namespace

std::vector<ExportedFile> export_compose(const ExportInput& input) {
  const topology::Plan& plan = *input.plan;
  Json file;
  file["name"] = plan.name;
  for (std::size_t i = 0; i < plan.processes.size(); ++i)
    file["services"][unit_name(plan.processes[i])] = compose_service(input, i);
  for (const auto& broker : plan.brokers) file["configs"][broker.name] = {{"file", "./" + definitions_file(broker.name)}};
  file["volumes"]["data"] = Json::object();
  std::vector<ExportedFile> files = definitions_of(plan);
  files.push_back({"compose.yaml", yaml(file)});
  return files;
}

Result<std::vector<ExportedFile>> export_kubernetes(const ExportInput& input) {
  const topology::Plan& plan = *input.plan;
  if (const std::string name = wrong_name(plan); !name.empty())
    return fail("failed", "'" + name + "' cannot be a name in a cluster; rename it to at most 63 of a-z 0-9 - in the launch file");
  const Json labels{{"app", plan.name}};
  Json containers = Json::array();
  for (std::size_t i = 0; i < plan.processes.size(); ++i) {
    if (const auto keys = keys_of(plan.processes[i])) {
      return fail("failed", "the queue node '" + plan.processes[i].node +
                                "' has keys, and a pod would show them as links that anybody in it may follow; "
                                "export without `keys`, or to systemd");
    }
    containers.push_back(container(input, i));
  }
  Json definitions = Json::object();
  for (const ExportedFile& file : definitions_of(plan)) definitions[file.name] = file.text;
  const Json map{{"apiVersion", "v1"},
                 {"kind", "ConfigMap"},
                 {"metadata", {{"name", plan.name + "-definitions"}, {"labels", labels}}},
                 {"data", definitions}};
  Json pod{{"containers", containers},
           {"securityContext", {{"runAsNonRoot", true}, {"runAsUser", 10001}, {"fsGroup", 10001}}},
           {"volumes", Json::array({{{"name", "definitions"}, {"configMap", {{"name", plan.name + "-definitions"}}}}})}};
  Json claim{{"metadata", {{"name", "data"}}},
             {"spec", {{"accessModes", {"ReadWriteOnce"}}, {"resources", {{"requests", {{"storage", "10Gi"}}}}}}}};
  Json spec{{"serviceName", plan.name},
            {"replicas", 1},
            {"selector", {{"matchLabels", labels}}},
            {"template", {{"metadata", {{"labels", labels}}}, {"spec", pod}}},
            {"volumeClaimTemplates", Json::array({claim})}};
  const Json set{
      {"apiVersion", "apps/v1"}, {"kind", "StatefulSet"}, {"metadata", {{"name", plan.name}, {"labels", labels}}}, {"spec", spec}};
  return std::vector<ExportedFile>{{"definitions.yaml", yaml(map)}, {"statefulset.yaml", yaml(set)}};
}

}  // namespace remuda::cli
