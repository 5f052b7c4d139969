// remuda saga start, retry, skip, stop: what an operator does to sagas. All of it stays in their histories.

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <memory>

#include "cli/saga_access.hpp"
#include "cli/verbs/saga/commands.hpp"

namespace remuda::cli {

namespace {

using saga::Json;

struct OperateOptions {
  SagaOptions saga;
  std::string id;
  std::optional<std::string> definition;
  std::optional<std::string> input;
  std::optional<std::string> output;
  std::optional<std::string> note;
  bool force = false;
  bool yes = false;
  bool json = false;
};
using Shared = std::shared_ptr<OperateOptions>;

ExitCode tell(Terminal& terminal, const OperateOptions& options, Json question) {
  question["id"] = options.id;
  if (options.note) question["note"] = *options.note;
  if (const char* user = std::getenv("USER"); user != nullptr) question["by"] = user;
  const auto answer = ask_orchestrator(options.saga, question);
  if (!answer) return refused_saga(terminal, answer.error());
  if (options.json) {
    terminal.out << saga::to_text(*answer) << '\n';
  } else {
    terminal.out << fmt::format("{} is {}{}\n", options.id, answer->value("status", ""),
                                answer->value("states", "").empty() ? "" : " in " + answer->value("states", ""));
  }
  return ExitCode::done;
}

/// The JSON in `text`; errors are told.
std::optional<Json> json_in(const Terminal& terminal, const std::string& text, ExitCode& code) {
  auto json = saga::read_json(text);
  if (json) return std::move(*json);
  code = terminal.problem(ExitCode::wrong_usage, fmt::format("no JSON at byte {}: {}", json.error().offset, json.error().what),
                          "write it as '{\"fareId\": \"wr_1\"}'");
  return std::nullopt;
}

ExitCode start(Terminal& terminal, const OperateOptions& options) {
  ExitCode code = ExitCode::done;
  const auto input =
      json_in(terminal, options.input ? *options.input : std::string{std::istreambuf_iterator<char>{terminal.in}, {}}, code);
  if (!input) return code;
  Json question{{"verb", "start"}, {"input", *input}};
  if (options.definition) question["definition"] = *options.definition;
  return tell(terminal, options, std::move(question));
}

ExitCode skip(Terminal& terminal, const OperateOptions& options) {
  ExitCode code = ExitCode::done;
  const auto output = json_in(terminal, options.output.value_or("null"), code);
  if (!output) return code;
  if (!terminal.confirm(fmt::format("count where {} is stuck as done, without doing it", options.id), options.yes))
    return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  return tell(terminal, options, {{"verb", "skip"}, {"output", *output}});
}

ExitCode stop(Terminal& terminal, const OperateOptions& options) {
  const std::string what = options.force ? fmt::format("end {} as it is: nothing of what it did is undone", options.id)
                                         : fmt::format("stop {}: what runs fails, and what it did is undone", options.id);
  if (!terminal.confirm(what, options.yes)) return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  return tell(terminal, options, {{"verb", "stop"}, {"force", options.force}});
}

Command command_of(const Shared& options, std::string name, std::string summary, std::string details) {
  Command command{.name = std::move(name), .summary = std::move(summary)};
  command.details = std::move(details);
  command.options = {{"ID", "The saga", &options->id, true}};
  return command;
}

void add_common(const Shared& options, Command& command, bool asks) {
  if (command.name != "start") command.options.push_back({"--note", "Why: stays in the history", &options->note});
  if (asks) command.options.push_back(yes_option(options->yes));
  command.options.push_back(json_option(options->json));
  for (auto& option : saga_options(options->saga)) command.options.push_back(std::move(option));
}

}  // namespace

Command saga_start() {
  auto options = std::make_shared<OperateOptions>();
  Command command =
      command_of(options, "start", "Start a saga, once for each id",
                 "remuda saga start wr_563 '{\"fareId\": \"wr_563\"}'\nThe same id with the same input again changes nothing.");
  command.options.push_back({"INPUT", "Its input as JSON; read from the input when absent", &options->input});
  command.options.push_back({"--definition", "Which one, where the orchestrator has several", &options->definition});
  add_common(options, command, false);
  command.run = [options](Terminal& terminal) { return start(terminal, *options); };
  return command;
}

Command saga_retry() {
  auto options = std::make_shared<OperateOptions>();
  Command command = command_of(options, "retry", "Try now what a saga is stuck in, or waits to try again", {});
  add_common(options, command, false);
  command.run = [options](Terminal& terminal) { return tell(terminal, *options, {{"verb", "retry"}}); };
  return command;
}

Command saga_skip() {
  auto options = std::make_shared<OperateOptions>();
  Command command = command_of(options, "skip", "Count what a saga is stuck in as done: somebody did it by hand", {});
  command.options.push_back({"--output", "What it came to, as JSON (null)", &options->output});
  add_common(options, command, true);
  command.run = [options](Terminal& terminal) { return skip(terminal, *options); };
  return command;
}

Command saga_stop() {
  auto options = std::make_shared<OperateOptions>();
  Command command = command_of(options, "stop", "Stop a saga: what runs fails, and its catchers undo what was done",
                               "Refused where nobody catches, and after the definition's pivot; --force ends it as it is.");
  command.options.push_back({"--force", "End it as it is, undoing nothing", &options->force});
  add_common(options, command, true);
  command.run = [options](Terminal& terminal) { return stop(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
