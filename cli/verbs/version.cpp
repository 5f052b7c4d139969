// remuda version.

#include <zmq.h>

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verbs/verbs.hpp"
#include "common/wire.hpp"
#include "remuda/version.hpp"

namespace remuda::cli {

Command version_verb() {
  auto json = std::make_shared<bool>(false);
  Command command{.name = "version", .summary = "Print versions of the command, the protocol and ZeroMQ"};
  command.options = {json_option(*json)};
  command.run = [json](Terminal& terminal) {
    int major = 0;
    int minor = 0;
    int patch = 0;
    zmq_version(&major, &minor, &patch);
    const std::string zeromq = fmt::format("{}.{}.{}", major, minor, patch);
    if (*json) {
      terminal.out
          << nlohmann::ordered_json{{"version", REMUDA_VERSION}, {"protocol", wire::protocol_version}, {"zeromq", zeromq}}.dump()
          << '\n';
    } else {
      terminal.out << fmt::format("remuda {} (protocol {}, ZeroMQ {})\n", REMUDA_VERSION, wire::protocol_version, zeromq);
    }
    return ExitCode::done;
  };
  return command;
}

}  // namespace remuda::cli
