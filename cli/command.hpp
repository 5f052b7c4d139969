#pragma once
// A command as data: its name, what it says of itself, its options and what it runs. One table of these is walked by
// the parser, by `--help` and by `completion`, so that the three cannot disagree. Verbs include this header and no parser.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

namespace remuda::cli {

/// Where the text after an option goes once it is parsed. The target must live as long as the command.
using OptionTarget = std::variant<bool*, int*, std::string*, std::optional<std::string>*, std::optional<int>*,
                                  std::chrono::milliseconds*, std::optional<std::chrono::milliseconds>*, std::vector<std::string>*>;

/// What a shell offers when it completes the value of an option.
enum class ValueKind { text, file, folder, node, queue, topic, stream, topology };

struct Option {
  /// `-f,--follow`, `--json`; without a leading dash it is positional and this is the word that help shows: `NODE`.
  std::string names;
  std::string help;
  OptionTarget target;
  bool required = false;
  std::vector<std::string> choices = {};  ///< empty: anything
  ValueKind value = ValueKind::text;
  bool hidden = false;  ///< between our own processes: not in help, not completed

  [[nodiscard]] bool is_positional() const { return !names.starts_with('-'); }
  [[nodiscard]] bool is_flag() const { return std::holds_alternative<bool*>(target); }
};

struct Command {
  std::string name;
  std::string summary;       ///< one line, no full stop
  std::string details = {};  ///< shown below the options by `--help`: examples, what it never does
  std::vector<Option> options = {};
  std::vector<Command> subcommands = {};  ///< a command has these or `run`, not both
  std::function<ExitCode(Terminal&)> run = {};
};

/// Options that several verbs share, worded once.
Option json_option(bool& json);
Option topology_option(std::optional<std::string>& topology);
Option yes_option(bool& yes);
Option dry_run_option(bool& dry_run);

/// Parses `arguments` (without the program's name) and runs what they name. Usage errors go to `terminal.err` with the closest
/// known word and the help to read, and are `wrong_usage`. `-h` on any level prints that level's help and is `done`.
ExitCode run_command_line(const Command& root, const std::vector<std::string>& arguments, Terminal& terminal);

}  // namespace remuda::cli
