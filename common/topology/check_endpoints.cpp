#include <algorithm>
#include <map>

#include "common/topology/checks.hpp"
#include "common/topology/endpoint.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {

void check_endpoints(const LaunchFile& file, Diagnostics& diagnostics) {
  std::map<std::string, const BrokerSpec*> taken;
  for (const auto& broker : file.brokers) {
    const bool has_keys = !broker.keys.empty() || std::any_of(file.hosts.begin(), file.hosts.end(), [&](const HostSpec& host) {
      return host.name.text == broker.host.text && !host.keys.empty();
    });
    for (const auto& listen : broker.listen) {
      const auto endpoint = parse_endpoint(listen.text);
      if (!endpoint) {
        const bool too_long = endpoint.error().code == "name_too_long";
        diagnostics.error(listen.place, too_long ? "T404" : "T402", endpoint.error().message);
        continue;
      }
      if (!has_keys && !is_loopback(*endpoint)) {
        diagnostics.error(
            listen.place, "T401",
            in_quotes(listen.text) + " can be reached from other machines, and nothing proves who they are: no keys are set up",
            "make keys with `remuda keys init --keys FOLDER` and say keys = \"FOLDER\" here, or listen on tcp://127.0.0.1:" +
                std::to_string(endpoint->port) + " or ipc://@name");
      }
      const auto [earlier, is_new] = taken.emplace(listen.text, &broker);
      if (!is_new) {
        diagnostics.error(
            listen.place, "T403",
            earlier->second == &broker
                ? "broker " + in_quotes(broker.name.text) + " lists " + in_quotes(listen.text) + " twice"
                : in_quotes(listen.text) + " is where broker " + in_quotes(earlier->second->name.text) + " listens already");
      }
    }
  }
}

}  // namespace remuda::topology
