#include "common/runtime/describe.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "remuda/version.hpp"

namespace remuda {
namespace {

template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

std::string describe_json(const NodeDescription& description) {
  using Json = nlohmann::ordered_json;
  auto ports = Json::array();
  for (const auto& port : description.ports) {
    ports.push_back({{"name", port.name},
                     {"direction", printed(port.direction)},
                     {"message", port.message},
                     {"wants_acknowledgement", port.wants_acknowledgement},
                     {"request", port.request},
                     {"optional", port.optional}});
  }
  auto parameters = Json::array();
  for (const auto& parameter : description.parameters) {
    parameters.push_back({{"name", parameter.name},
                          {"type", printed(parameter.type)},
                          {"default", parameter.default_value.empty() ? Json(nullptr) : Json(parameter.default_value)},
                          {"help", parameter.help}});
  }
  const Json json{{"name", description.name},
                  {"version", remuda_version()},
                  {"summary", description.summary},
                  {"ports", std::move(ports)},
                  {"parameters", std::move(parameters)},
                  {"open_request_ports", description.open_request_ports},
                  {"open_outputs", description.open_outputs}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* remuda_version() {
  return REMUDA_VERSION;
}

}  // namespace remuda
