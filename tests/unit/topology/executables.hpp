#pragma once
// What the executables of the tests say of themselves: the Wild Rydes services, small, and one that prints nonsense.

#include <optional>
#include <string>
#include <vector>

namespace remuda::topology::testing {

inline std::string service(const std::string& name) {
  return R"({"name": ")" + name + R"(", "version": "1", "summary": "", "open_request_ports": false,
    "ports": [{"name": "rides", "direction": "input", "message": "ride.completed", "wants_acknowledgement": true, "request": false, "optional": false},
              {"name": "query", "direction": "input", "message": "query", "wants_acknowledgement": false, "request": true, "optional": true}],
    "parameters": [{"name": "tax_rate", "type": "number", "default": "0.19", "help": ""},
                   {"name": "currency", "type": "text", "default": "\"EUR\"", "help": ""},
                   {"name": "settle_every", "type": "duration", "default": "\"1m\"", "help": ""},
                   {"name": "largest", "type": "size", "default": "\"1MiB\"", "help": ""},
                   {"name": "batch", "type": "integer", "default": "64", "help": ""},
                   {"name": "wants", "type": "table", "default": "{}", "help": ""},
                   {"name": "log_rides", "type": "boolean", "default": "false", "help": ""},
                   {"name": "fail", "type": "table", "default": "{}", "help": ""}]})";
}

inline const std::vector<std::string>& executables() {
  static const std::vector<std::string> names{"completed_rides",
                                              "customer_accounting",
                                              "customer_loyalty",
                                              "customer_notification",
                                              "data_lake_ingestion",
                                              "extraordinary_rides",
                                              "gateway",
                                              "ticker",
                                              "display"};
  return names;
}

/// As a Describer.
inline std::optional<std::string> describe(const std::string& exec) {
  if (exec == "gateway") {
    return R"({"name": "gateway", "ports": [], "open_request_ports": true,
      "parameters": [{"name": "listen", "type": "text", "default": null, "help": ""},
                     {"name": "routes", "type": "table", "default": "{}", "help": ""}]})";
  }
  if (exec == "completed_rides") {
    return R"({"name": "completed_rides", "parameters": [{"name": "answer", "type": "text", "default": "\"stored\"", "help": ""}], "ports": [
      {"name": "submit", "direction": "input", "message": "ride.submit", "request": true},
      {"name": "completed", "direction": "output", "message": "ride.completed", "wants_acknowledgement": true}]})";
  }
  if (exec == "web_door" || exec == "signed_door") {
    return R"({"name": "door", "ports": [], "parameters": [
      {"name": "listen", "type": "text", "default": "\"127.0.0.1:8080\"", "help": ""},
      {"name": "tls_certificate", "type": "text", "default": "\"\"", "help": ""},
      {"name": "tls_key", "type": "text", "default": "\"\"", "help": ""},
      {"name": "behind_proxy", "type": "boolean", "default": "false", "help": ""},
      {"name": ")" +
           std::string{exec == "web_door" ? R"(tokens", "type": "text", "default": "\"\"")"
                                          : R"(credentials", "type": "list", "default": "[]")"} +
           R"(, "help": ""}]})";
  }
  if (exec == "front_door") {
    return R"({"name": "front_door", "ports": [], "parameters": [{"name": "broker", "type": "broker", "default": null, "help": ""}]})";
  }
  if (exec == "recipient_list") {
    return R"({"name": "recipient_list", "open_outputs": true, "parameters": [{"name": "recipients", "type": "table", "default": null, "help": ""}], "ports": [
      {"name": "messages", "direction": "input", "message": "any", "wants_acknowledgement": true}]})";
  }
  if (exec == "forwarder") {
    return R"({"name": "forwarder", "ports": [], "parameters": [
      {"name": "from", "type": "broker", "default": null, "help": ""}, {"name": "to", "type": "broker", "default": null, "help": ""},
      {"name": "outboxes", "type": "table", "default": null, "help": ""}]})";
  }
  if (exec == "ticker") return R"({"name": "ticker", "ports": [{"name": "ticks", "direction": "output"}], "parameters": []})";
  if (exec == "display") return R"({"name": "display", "ports": [{"name": "ticks", "direction": "input"}], "parameters": []})";
  if (exec == "broken_describe") return "usage: broken_describe FILE";
  for (const auto& name : executables()) {
    if (exec == name) return service(exec);
  }
  return std::nullopt;
}

}  // namespace remuda::topology::testing
