// remuda saga ls, show: reading only.

#include <fmt/format.h>

#include <fstream>
#include <memory>

#include "cli/saga_access.hpp"
#include "cli/saga_story.hpp"
#include "cli/table.hpp"
#include "cli/verbs/saga/commands.hpp"

namespace remuda::cli {

namespace {

using saga::Json;

struct ListOptions {
  SagaOptions saga;
  std::optional<std::string> status;
  int limit = 50;
  bool json = false;
};

Colour colour_of(const std::string& status) {
  return status == "completed" ? Colour::green
         : status == "stuck"   ? Colour::yellow
         : status == "failed"  ? Colour::red
                               : Colour::blue;
}

ExitCode list(Terminal& terminal, const ListOptions& options) {
  Json question{{"verb", "ls"}, {"limit", options.limit}};
  if (options.status) question["status"] = *options.status;
  const auto answer = ask_orchestrator(options.saga, question);
  if (!answer) return refused_saga(terminal, answer.error());
  const Json& sagas = answer->at("sagas");
  if (options.json) {
    for (const Json& saga : sagas) terminal.out << saga::to_text(saga) << '\n';
    return ExitCode::done;
  }
  Table table{{{"SAGA", false, true},
               {"DEFINITION", false, true},
               {"STATUS"},
               {"EVENTS", true},
               {"IN", false, true},
               {"ERROR", false, true}}};
  for (const Json& saga : sagas) {
    const std::string status = saga.value("status", "");
    table.add({{saga.value("id", "")},
               {saga.value("definition", "")},
               {status, colour_of(status)},
               {std::to_string(saga.value("events", 0))},
               {saga.value("states", "")},
               {saga.value("error", "")}});
  }
  if (!table.empty()) terminal.out << table.render(terminal.width, terminal.colours);
  std::string counts;
  for (const auto& [status, count] : answer->at("counts").items())
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", grouped(count.get<std::uint64_t>()), status);
  terminal.out << counts << '\n';
  return ExitCode::done;
}

struct ShowOptions {
  SagaOptions saga;
  std::string id;
  std::optional<std::string> format;
  std::string output;
  bool json = false;
};

Result<std::string> drawn(const Json& story, const std::string& format, const Terminal& terminal) {
  if (format == "timeline") return timeline_as_text(story, terminal.width, terminal.colours);
  auto picture = picture_of(story);
  if (!picture) return Failure{picture.error()};
  if (format == "svg") return picture_as_svg(*picture);
  if (format == "dot") return picture_as_dot(*picture);
  return picture_as_text(*picture, terminal.colours);
}

ExitCode show(Terminal& terminal, const ShowOptions& options) {
  const auto story = ask_orchestrator(options.saga, {{"verb", "show"}, {"id", options.id}});
  if (!story) return refused_saga(terminal, story.error());
  if (options.json) {
    terminal.out << saga::to_text(*story) << '\n';
    return ExitCode::done;
  }
  const std::string& output = options.output;
  const std::string format = options.format.value_or(output.ends_with(".svg")   ? "svg"
                                                     : output.ends_with(".dot") ? "dot"
                                                                                : "timeline");
  const auto text = drawn(*story, format, terminal);
  if (!text) return refused_saga(terminal, text.error());
  if (output.empty()) {
    terminal.out << *text;
    return ExitCode::done;
  }
  std::ofstream file{output, std::ios::binary | std::ios::trunc};
  file << *text;
  if (!file.flush()) return terminal.problem(ExitCode::failed, "cannot write " + output, "choose another file with -o");
  return ExitCode::done;
}

}  // namespace

Command saga_ls() {
  auto options = std::make_shared<ListOptions>();
  Command command{.name = "ls", .summary = "List sagas, the newest first, and how many there are of each status"};
  command.options = {
      {"--status", "running, stuck, completed or failed", &options->status, false, {"running", "stuck", "completed", "failed"}},
      {"--limit", "At most so many (50)", &options->limit},
      json_option(options->json)};
  for (auto& option : saga_options(options->saga)) command.options.push_back(std::move(option));
  command.run = [options](Terminal& terminal) { return list(terminal, *options); };
  return command;
}

Command saga_show() {
  auto options = std::make_shared<ShowOptions>();
  Command command{.name = "show", .summary = "Tell what happened to a saga, or draw its state machine with the way it took"};
  command.details = "remuda saga show wr_563\nremuda saga show wr_563 -f text\nremuda saga show wr_563 -o wr_563.svg";
  command.options = {{"ID", "The saga", &options->id, true},
                     {"-f,--format",
                      "timeline, text, dot or svg; by default what the name of the output says, else timeline",
                      &options->format,
                      false,
                      {"timeline", "text", "dot", "svg"}},
                     {"-o,--output", "Write to this file", &options->output, false, {}, ValueKind::file},
                     json_option(options->json)};
  for (auto& option : saga_options(options->saga)) command.options.push_back(std::move(option));
  command.run = [options](Terminal& terminal) { return show(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
