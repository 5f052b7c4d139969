// remuda completion: scripts that let a shell complete this command.

#include <memory>

#include "cli/completion.hpp"
#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

Command completion_verb(const Command& root) {
  auto shell = std::make_shared<std::string>();
  Command command{.name = "completion", .summary = "Print a script that completes this command in bash, zsh or fish"};
  command.details =
      "bash:  source <(remuda completion bash)\nzsh:   source <(remuda completion zsh)\nfish:  remuda completion fish | source";
  command.options = {{"SHELL", "bash, zsh or fish", shell.get(), true, {"bash", "zsh", "fish"}}};
  command.run = [shell, &root](Terminal& terminal) {
    terminal.out << (*shell == "bash" ? bash_completion(root) : *shell == "zsh" ? zsh_completion(root) : fish_completion(root));
    return ExitCode::done;
  };
  return command;
}

}  // namespace remuda::cli
