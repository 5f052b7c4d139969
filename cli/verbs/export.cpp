// remuda export systemd|compose|k8s: the same launch file under a scheduler that is there already.

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/export/export.hpp"
#include "cli/launch.hpp"
#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

namespace {

struct Options {
  LaunchOptions launch;
  std::string out;
  std::string data = "/var/lib/remuda";
  std::string user;
  std::string image = "remuda:latest";
};
using Files = std::vector<ExportedFile>;
using Export = std::function<Result<Files>(const ExportInput&)>;

Result<void> write(const std::string& folder, const Files& files) {
  std::error_code trouble;
  std::filesystem::create_directories(folder, trouble);
  if (trouble) return fail("failed", folder + ": " + trouble.message());
  if (!std::filesystem::is_empty(folder, trouble)) return fail("failed", folder + " is not empty; name a new folder with --out");
  for (const ExportedFile& file : files) {
    std::ofstream out{folder + "/" + file.name, std::ios::binary};
    out << file.text;
    if (!out.flush()) return fail("failed", "cannot write " + folder + "/" + file.name);
  }
  return {};
}

Result<std::vector<std::string>> paths_of(const Launch& launch) {
  std::vector<std::string> paths;
  for (const auto& process : launch.topology.plan.processes) {
    auto path = launch.executables.find(process.exec);
    if (!path) return Failure{path.error()};
    paths.push_back(*std::move(path));
  }
  return paths;
}

ExitCode run(Terminal& terminal, const Options& options, const Export& convert) {
  const auto launch = resolve_launch(options.launch);
  if (!launch) return terminal.problem(launch.error(), "remuda export --help");
  if (!show_diagnostics(launch->topology.diagnostics, terminal)) return ExitCode::wrong_usage;
  ExportInput input;
  input.plan = &launch->topology.plan;
  auto paths = paths_of(*launch);
  if (!paths) return terminal.problem(paths.error(), "remuda check " + options.launch.file);
  input.executables = *std::move(paths);
  input.folder = std::filesystem::absolute(options.out).lexically_normal().string();
  input.data_folder = std::filesystem::absolute(options.data).string() + "/" + input.plan->name;
  input.user = options.user;
  input.image = options.image;
  const auto files = convert(input);
  if (!files) return terminal.problem(files.error(), "remuda export --help");
  if (auto written = write(input.folder, *files); !written) return terminal.problem(written.error(), "remuda export --help");
  for (const ExportedFile& file : *files) terminal.out << options.out << "/" << file.name << '\n';
  return ExitCode::done;
}

Command kind(const std::shared_ptr<Options>& options, const std::string& name, const std::string& summary,
             const std::string& details, std::vector<Option> more, const Export& convert) {
  Command command{.name = name, .summary = summary, .details = details, .options = launch_options(options->launch)};
  command.options.push_back({"--out", "Folder to write into; new or empty", &options->out, true, {}, ValueKind::folder});
  for (Option& option : more) command.options.push_back(std::move(option));
  command.run = [options, convert](Terminal& terminal) { return run(terminal, *options, convert); };
  return command;
}

}  // namespace

Command export_verb() {
  auto options = std::make_shared<Options>();
  const Option image{"--image", "Container image that has remuda and the nodes in its PATH", &options->image};
  return {.name = "export",
          .summary = "Write what another scheduler needs to run a launch file",
          .subcommands = {
              kind(options, "systemd", "A unit for each process, and a target that starts them all",
                   "Then: systemctl --user link OUT/*; systemctl --user start remuda-NAME.target. Leave the folder where it is: "
                   "the definitions are in it.",
                   {{"--data", "Where data is kept; NAME is added", &options->data, false, {}, ValueKind::folder},
                    {"--run-as", "User of all of them (of system units; unless said whoever runs systemd --user)", &options->user}},
                   export_systemd),
              kind(options, "compose", "A compose file", "Then: docker compose up, in the folder.", {image}, export_compose),
              kind(options, "k8s", "Kubernetes manifests: one pod that keeps its data", "Then: kubectl apply -f OUT.", {image},
                   export_kubernetes),
          }};
}

}  // namespace remuda::cli
