#include "cli/running.hpp"

#include <nlohmann/json.hpp>

#include "cli/supervisor/command_server.hpp"

namespace remuda::cli {

using nlohmann::ordered_json;

Result<supervisor::TopologyEntry> find_running(const std::optional<std::string>& name) {
  const Result<supervisor::Registry> registry = supervisor::Registry::of_this_user();
  if (!registry) return Failure<Error>{registry.error()};
  return registry->choose(name);
}

std::vector<supervisor::TopologyEntry> all_running() {
  const Result<supervisor::Registry> registry = supervisor::Registry::of_this_user();
  return registry ? registry->running() : std::vector<supervisor::TopologyEntry>{};
}

ExitCode none_running(const Terminal& terminal, const Error& error) {
  return terminal.problem(error,
                          error.code == "not_running" ? "remuda ps shows what runs; remuda up FILE starts one" : "remuda ps");
}

Result<SupervisorAnswer> ask(const supervisor::TopologyEntry& entry, const std::string& verb, const std::vector<std::string>& nodes,
                             std::chrono::milliseconds patience, bool now) {
  const Result<supervisor::Registry> registry = supervisor::Registry::of_this_user();
  if (!registry) return Failure<Error>{registry.error()};
  const ordered_json question{{"do", verb}, {"nodes", nodes}, {"now", now}};
  const Result<std::string> answer =
      supervisor::ask_supervisor(registry->socket_path(entry.name), question.dump(), static_cast<int>(patience.count()));
  if (!answer) return Failure<Error>{answer.error()};
  const ordered_json json = ordered_json::parse(*answer, nullptr, false);
  if (!json.is_object()) return fail("failed", "the supervisor's answer cannot be read; it may be of another version");
  if (!json.contains("processes")) return fail(json.value("code", "failed"), json.value("message", "the supervisor refused"));
  SupervisorAnswer result{json.value("ok", false), {}};
  for (const ordered_json& process : json["processes"]) result.processes.push_back(process);
  return result;
}

}  // namespace remuda::cli
