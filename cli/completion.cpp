#include "cli/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <sstream>

namespace remuda::cli {

namespace {

/// `-f`, `--follow`.
std::vector<std::string> spellings(const Option& option) {
  std::vector<std::string> names;
  std::istringstream parts{option.names};
  for (std::string name; std::getline(parts, name, ',');) names.push_back(name);
  return names;
}

const Option help_option() {
  static bool unused = false;
  return {"-h,--help", "Print this help", &unused};
}

std::vector<Option> visible_options(const Command& command) {
  std::vector<Option> options;
  std::copy_if(command.options.begin(), command.options.end(), std::back_inserter(options),
               [](const Option& option) { return !option.hidden && !option.is_positional(); });
  options.push_back(help_option());
  return options;
}

/// Calls `visit` for a command and everything below it, with its path: `remuda queue ls`.
void walk(const Command& command, const std::string& path, const std::function<void(const Command&, const std::string&)>& visit) {
  visit(command, path);
  for (const Command& child : command.subcommands) walk(child, path + " " + child.name, visit);
}

/// Shell code that prints the words that may stand there; empty: files, or nothing. Running topologies are asked; where none runs
/// nothing is offered.
std::string words_of(const Option& option) {
  if (!option.choices.empty()) return fmt::format("printf '%s\\n' {}", fmt::join(option.choices, " "));
  const auto field = [](const std::string& command, const std::string& name) {
    return fmt::format(R"sh(remuda {} --json 2>/dev/null | sed -n 's/.*"{}":"\([^"]*\)".*/\1/p' | sort -u)sh", command, name);
  };
  switch (option.value) {
    case ValueKind::node:
      return field("ps", "node");
    case ValueKind::topology:
      return field("ps", "topology");
    case ValueKind::queue:
      return field("queue ls", "queue");
    case ValueKind::topic:
      return field("topic ls", "topic");
    case ValueKind::stream:
      return field("stream ls", "stream");
    case ValueKind::text:
    case ValueKind::file:
    case ValueKind::folder:
      return {};
  }
  return {};
}

bool takes_files(const Option& option) {
  return option.value == ValueKind::file || option.value == ValueKind::folder;
}

std::string single_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + "'";
}

/// Calls `visit` for every option that takes a value, with the shell code of its words and the pattern of what stands before it.
void walk_values(const Command& root,
                 const std::function<void(const Option&, const std::string& words, const std::string& patterns)>& visit) {
  walk(root, root.name, [&](const Command& command, const std::string& path) {
    for (const Option& option : visible_options(command)) {
      if (option.is_flag()) continue;
      std::string patterns;
      for (const std::string& name : spellings(option))
        patterns += (patterns.empty() ? "" : "|") + single_quoted(path + " " + name);
      visit(option, words_of(option), patterns);
    }
  });
}

const Option* first_positional(const Command& command) {
  const auto found =
      std::find_if(command.options.begin(), command.options.end(), [](const Option& o) { return o.is_positional(); });
  return found == command.options.end() ? nullptr : &*found;
}

}  // namespace

std::string bash_completion(const Command& root) {
  std::string script =
      "# bash completion for remuda. Load it with:  source <(remuda completion bash)\n"
      "_remuda() {\n"
      "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" path=remuda i candidate\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    candidate=\"$path ${COMP_WORDS[i]}\"\n"
      "    case \"$candidate\" in\n";
  walk(root, root.name, [&](const Command&, const std::string& path) {
    if (path != root.name) script += fmt::format("      '{}') path=\"$candidate\" ;;\n", path);
  });
  script += "    esac\n  done\n  case \"$path $before\" in\n";
  walk_values(root, [&](const Option& option, const std::string& words, const std::string& patterns) {
    const std::string reply = !words.empty()        ? fmt::format("COMPREPLY=($(compgen -W \"$({})\" -- \"$word\"))", words)
                              : takes_files(option) ? std::string{"COMPREPLY=($(compgen -f -- \"$word\"))"}
                                                    : std::string{":"};
    script += fmt::format("    {}) {}; return ;;\n", patterns, reply);
  });
  script += "  esac\n  case \"$path\" in\n";
  walk(root, root.name, [&](const Command& command, const std::string& path) {
    std::vector<std::string> words;
    for (const Command& child : command.subcommands) words.push_back(child.name);
    for (const Option& option : visible_options(command)) {
      for (const std::string& name : spellings(option)) words.push_back(name);
    }
    std::string dynamic;
    const Option* positional = first_positional(command);
    if (positional != nullptr && !words_of(*positional).empty()) dynamic = fmt::format(" $({})", words_of(*positional));
    script += fmt::format("    '{}') COMPREPLY=($(compgen -W \"{}{}\" -- \"$word\"))", path, fmt::join(words, " "), dynamic);
    if (positional != nullptr && takes_files(*positional)) script += "\n      COMPREPLY+=($(compgen -f -- \"$word\"))";
    script += " ;;\n";
  });
  script += "  esac\n}\ncomplete -o filenames -F _remuda remuda\n";
  return script;
}

std::string zsh_completion(const Command& root) {
  std::string script =
      "#compdef remuda\n# zsh completion for remuda. Load it with:  source <(remuda completion zsh)\n"
      "_remuda() {\n"
      "  local path=remuda candidate i\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    candidate=\"$path ${words[i]}\"\n"
      "    case \"$candidate\" in\n";
  walk(root, root.name, [&](const Command&, const std::string& path) {
    if (path != root.name) script += fmt::format("      {}) path=\"$candidate\" ;;\n", single_quoted(path));
  });
  script += "    esac\n  done\n  local -a found\n  case \"$path ${words[CURRENT-1]}\" in\n";
  walk_values(root, [&](const Option& option, const std::string& words, const std::string& patterns) {
    const std::string reply = !words.empty()        ? fmt::format("found=(${{(f)\"$({})\"}}); compadd -a found", words)
                              : takes_files(option) ? std::string{"_files"}
                                                    : std::string{":"};
    script += fmt::format("    {}) {}; return ;;\n", patterns, reply);
  });
  script += "  esac\n  case \"$path\" in\n";
  walk(root, root.name, [&](const Command& command, const std::string& path) {
    script += fmt::format("    {})\n      found=(", single_quoted(path));
    for (const Command& child : command.subcommands) script += " " + single_quoted(child.name + ":" + child.summary);
    for (const Option& option : visible_options(command)) {
      for (const std::string& name : spellings(option)) script += " " + single_quoted(name + ":" + option.help);
    }
    script += ")\n      _describe 'remuda' found\n";
    const Option* positional = first_positional(command);
    if (positional != nullptr && takes_files(*positional)) script += "      _files\n";
    if (positional != nullptr && !words_of(*positional).empty()) {
      script += fmt::format("      found=(${{(f)\"$({})\"}}); compadd -a found\n", words_of(*positional));
    }
    script += "      ;;\n";
  });
  script += "  esac\n}\ncompdef _remuda remuda\n";
  return script;
}

std::string fish_completion(const Command& root) {
  std::string script =
      "# fish completion for remuda. Load it with:  remuda completion fish | source\n"
      "function __remuda_at\n"
      "  set -l path remuda\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    contains -- \"$path $word\" $__remuda_paths; and set path \"$path $word\"\n"
      "  end\n"
      "  test \"$path\" = \"$argv\"\n"
      "end\n"
      "set -g __remuda_paths";
  walk(root, root.name, [&](const Command&, const std::string& path) { script += " " + single_quoted(path); });
  script += "\ncomplete -c remuda -f\n";
  walk(root, root.name, [&](const Command& command, const std::string& path) {
    const std::string here = fmt::format("complete -c remuda -n '__remuda_at {}'", path);
    for (const Command& child : command.subcommands) {
      script += fmt::format("{} -a {} -d {}\n", here, child.name, single_quoted(child.summary));
    }
    for (const Option& option : visible_options(command)) {
      script += here;
      for (const std::string& name : spellings(option))
        script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.is_flag()) {
        const std::string words = words_of(option);
        script += takes_files(option) ? " -r -F"
                  : words.empty()     ? " -x"
                                      : fmt::format(" -x -a \"({})\"", "sh -c " + single_quoted(words));
      }
      script += " -d " + single_quoted(option.help) + "\n";
    }
    const Option* positional = first_positional(command);
    if (positional != nullptr && takes_files(*positional)) script += here + " -F\n";
  });
  return script;
}

}  // namespace remuda::cli
