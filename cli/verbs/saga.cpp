// remuda saga check, test: is a definition right, and what does it do? Nothing of it needs a broker. What is done to sagas that run is in saga/.

#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "cli/verbs/saga/commands.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/saga/rehearsal.hpp"

namespace remuda::cli {

namespace {

struct CheckOptions {
  std::vector<std::string> files;
  bool json = false;
};

/// The line that holds `offset`, without its end.
std::string_view line_at(std::string_view text, std::size_t offset) {
  const std::size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
  return text.substr(start, std::min(text.find('\n', offset), text.size()) - start);
}

void show(Terminal& terminal, const std::string& file, const saga::Problem& problem, const saga::Json& place,
          std::string_view text) {
  const auto column = place["column"].get<std::size_t>();
  const std::string_view line = line_at(text, std::min(problem.offset, text.size()));
  terminal.err << fmt::format("{}:{}:{}: {}[{}]: {}\n", file, place["line"].get<int>(), column,
                              problem.is_error ? "error" : "warning", problem.code, problem.text);
  if (line.size() <= 200) terminal.err << fmt::format("    {}\n    {:>{}}\n", line, '^', column);
}

ExitCode check(Terminal& terminal, const CheckOptions& options) {
  bool all_right = true;
  for (const std::string& file : options.files) {
    const std::ifstream in{file, std::ios::binary};
    if (!in) return terminal.problem(ExitCode::wrong_usage, "cannot read '" + file + "'", "remuda saga check --help");
    std::ostringstream content;
    content << in.rdbuf();
    const std::string text = content.str();
    const saga::Reading reading = saga::read_definition(text);
    const saga::Json places = saga::describe_problems(reading.problems, text);
    all_right = all_right && reading.definition.has_value();
    if (options.json) {
      terminal.out << saga::to_text({{"file", file}, {"ok", reading.definition.has_value()}, {"problems", places}}) << '\n';
      continue;
    }
    for (std::size_t at = 0; at < places.size(); ++at) show(terminal, file, reading.problems[at], places[at], text);
    if (!reading.definition) continue;
    terminal.out << fmt::format("{}: {} ({} states)\n", file, terminal.paint(Colour::green, "right"),
                                reading.definition->machine.states.size());
  }
  return all_right ? ExitCode::done : ExitCode::wrong_usage;
}

ExitCode test(Terminal& terminal, const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) return terminal.problem(ExitCode::wrong_usage, "cannot read '" + file + "'", "remuda saga test --help");
  }
  std::istream& in = file == "-" ? terminal.in : opened;
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) terminal.out << saga::rehearse_line(line) << '\n';
  }
  return ExitCode::done;
}

Command check_command() {
  auto options = std::make_shared<CheckOptions>();
  Command command{.name = "check",
                  .summary = "Say everything that is wrong with saga definitions (Amazon States Language, JSONPath)"};
  command.details = "All errors in one pass, as file:line:column. Exit code 2 when there is one; warnings alone are 0.";
  command.options = {{"DEF", "Definitions, as JSON", &options->files, true, {}, ValueKind::file}, json_option(options->json)};
  command.run = [options](Terminal& terminal) { return check(terminal, *options); };
  return command;
}

Command test_command() {
  auto file = std::make_shared<std::string>();
  Command command{.name = "test", .summary = "Try definitions with scripted participants: JSON lines in, JSON lines out"};
  command.details =
      "In:   {\"definition\": {...}, \"input\": {...}, \"tasks\": {\"NAME\": [outcome, ...]}}\n"
      "      outcome: {\"return\": v}, {\"echo\": true}, {\"error\": e, \"cause\": c}, with \"delay_seconds\" or without;\n"
      "      or {\"by\": field, \"cases\": {value: [outcome, ...]}}. One that stands alone repeats.\n"
      "Out:  {\"status\": \"SUCCEEDED\"|\"FAILED\"|\"REJECTED\", \"output\" or \"error\" and \"cause\",\n"
      "       \"invocations\", \"retry_delays_seconds\", \"waits_seconds\", \"problems\"}\n"
      "Time is virtual: nothing sleeps.";
  command.options = {{"FILE", "The lines, or - for what comes in", file.get(), true, {}, ValueKind::file}};
  command.run = [file](Terminal& terminal) { return test(terminal, *file); };
  return command;
}

}  // namespace

Command saga_verb() {
  Command command{.name = "saga", .summary = "Look into sagas, decide what they are stuck in, and check and try their definitions"};
  command.subcommands = {saga_ls(),   saga_show(), saga_start(),    saga_retry(),
                         saga_skip(), saga_stop(), check_command(), test_command()};
  return command;
}

}  // namespace remuda::cli
