// The parser: turns the table of commands into CLI11's. The only file that includes CLI11, which costs four seconds each time.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "cli/command.hpp"
#include "common/suggestion.hpp"
#include "common/units.hpp"

namespace remuda::cli {

namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

std::chrono::milliseconds duration_or_throw(const std::string& text) {
  const Result<std::chrono::milliseconds> duration = parse_duration(text);
  if (!duration) throw CLI::ValidationError{"'" + text + "' is not a duration; write for example 250ms, 10s or 5m"};
  return *duration;
}

CLI::Option* add_option(CLI::App& app, const Option& option) {
  CLI::Option* added =
      std::visit(overloaded{
                     [&](bool* target) { return app.add_flag(option.names, *target, option.help); },
                     [&](std::chrono::milliseconds* target) {
                       return app.add_option_function<std::string>(
                           option.names, [target](const std::string& text) { *target = duration_or_throw(text); }, option.help);
                     },
                     [&](std::optional<std::chrono::milliseconds>* target) {
                       return app.add_option_function<std::string>(
                           option.names, [target](const std::string& text) { *target = duration_or_throw(text); }, option.help);
                     },
                     [&](auto* target) { return app.add_option(option.names, *target, option.help); },
                 },
                 option.target);
  if (option.required) added->required();
  if (option.hidden) added->group("");
  if (!option.choices.empty()) added->check(CLI::IsMember(option.choices));
  if (std::holds_alternative<std::vector<std::string>*>(option.target) && !option.is_positional()) {
    added->allow_extra_args(false);  // `--set a=1 FILE`: the option takes one value each time, not the rest of the line
  }
  const bool is_duration = std::holds_alternative<std::chrono::milliseconds*>(option.target) ||
                           std::holds_alternative<std::optional<std::chrono::milliseconds>*>(option.target);
  if (is_duration) added->type_name("DURATION");
  return added;
}

/// What `app` and its children hold; `chosen` receives the command whose `run` is to be called.
void fill(CLI::App& app, const Command& command, const Command*& chosen) {
  app.set_help_flag("-h,--help", "Print this help");
  app.footer(command.details);
  for (const Option& option : command.options) add_option(app, option);
  for (const Command& child : command.subcommands) fill(*app.add_subcommand(child.name, child.summary), child, chosen);
  if (!command.subcommands.empty()) {
    if (!command.run) app.require_subcommand(1);
  }
  if (command.run)
    app.final_callback([&chosen, &command] {
      if (chosen == nullptr) chosen = &command;
    });
}

std::vector<std::string> names_of(const Command& command) {
  std::vector<std::string> names;
  for (const Command& child : command.subcommands) names.push_back(child.name);
  return names;
}

/// The words before the first option: `queue`, `ls`. Says which level of help to offer.
const Command* deepest(const Command& root, const std::vector<std::string>& arguments, std::string& path, std::string& unknown) {
  const Command* level = &root;
  path = root.name;
  for (const std::string& word : arguments) {
    if (word.starts_with('-') || level->subcommands.empty()) break;
    const auto child =
        std::find_if(level->subcommands.begin(), level->subcommands.end(), [&](const Command& c) { return c.name == word; });
    if (child == level->subcommands.end()) {
      unknown = word;
      break;
    }
    level = &*child;
    path += " " + word;
  }
  return level;
}

std::vector<std::string> long_names(const Command& command) {
  std::vector<std::string> names{"--help"};
  for (const Option& option : command.options) {
    const auto start = option.names.find("--");
    if (start != std::string::npos) names.push_back(option.names.substr(start));
  }
  return names;
}

ExitCode usage_problem(const Command& root, const std::vector<std::string>& arguments, const std::string& parser_says,
                       Terminal& terminal) {
  std::string path;
  std::string unknown;
  const Command* level = deepest(root, arguments, path, unknown);
  std::string what = parser_says;
  std::vector<std::string> known;
  if (!unknown.empty()) {
    what = "'" + path + "' has no command '" + unknown + "'";
    known = names_of(*level);
  } else if (!level->subcommands.empty() && level->run == nullptr) {
    what = "'" + path + "' needs one of:";
    for (const std::string& name : names_of(*level)) what += " " + name;
  } else {
    const std::vector<std::string> options = long_names(*level);
    for (const std::string& word : arguments) {
      const std::string name = word.substr(0, word.find('='));
      if (!name.starts_with("--") || std::find(options.begin(), options.end(), name) != options.end()) continue;
      what = "'" + path + "' has no option '" + name + "'";
      unknown = name;
      known = options;
      break;
    }
  }
  const std::vector<std::string_view> known_views{known.begin(), known.end()};
  const std::string_view meant = closest_name(unknown, known_views);
  if (!meant.empty()) what += "; did you mean '" + std::string{meant} + "'?";
  return terminal.problem(ExitCode::wrong_usage, what, path + " --help");
}

}  // namespace

Option json_option(bool& json) {
  return {"--json", "One JSON object per line, for programs", &json};
}
Option topology_option(std::optional<std::string>& topology) {
  return {"--topology", "Which running topology, when several run", &topology, false, {}, ValueKind::topology};
}
Option yes_option(bool& yes) {
  return {"-y,--yes", "Do it without asking", &yes};
}
Option dry_run_option(bool& dry_run) {
  return {"--dry-run", "Say what would be done, change nothing", &dry_run};
}

ExitCode run_command_line(const Command& root, const std::vector<std::string>& arguments, Terminal& terminal) {
  CLI::App app{root.summary, root.name};
  app.get_formatter()->column_width(28);
  const Command* chosen = nullptr;
  fill(app, root, chosen);
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};  // CLI11 takes its words from the back
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    terminal.out << app.help();
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    return usage_problem(root, arguments, error.what(), terminal);
  }
  if (chosen == nullptr) {
    terminal.out << app.help();
    return ExitCode::done;
  }
  return chosen->run(terminal);
}

}  // namespace remuda::cli
