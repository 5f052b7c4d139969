// The `remuda` command.

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli/verbs/verbs.hpp"

int main(int argc, char** argv) {
  using namespace remuda::cli;
  std::ios::sync_with_stdio(false);
  Terminal terminal = process_terminal();
  try {
    const ExitCode code = run_command_line(remuda_command(), {argv + 1, argv + argc}, terminal);
    std::cout.flush();
    return static_cast<int>(code);
  } catch (const std::exception& error) {
    return static_cast<int>(terminal.problem(ExitCode::failed, error.what(), "remuda --help"));
  }
}
