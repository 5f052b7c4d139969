#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace remuda::cli {

namespace {

const char* sequence(Colour colour) {
  switch (colour) {
    case Colour::none:
      return "";
    case Colour::bold:
      return "\x1b[1m";
    case Colour::dim:
      return "\x1b[2m";
    case Colour::red:
      return "\x1b[31m";
    case Colour::green:
      return "\x1b[32m";
    case Colour::yellow:
      return "\x1b[33m";
    case Colour::blue:
      return "\x1b[34m";
    case Colour::magenta:
      return "\x1b[35m";
    case Colour::cyan:
      return "\x1b[36m";
  }
  return "";
}

int terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return std::max<int>(size.ws_col, 40);
  return 80;
}

/// Colours are wanted unless NO_COLOR has any value (no-color.org) or the terminal says that it is dumb.
bool colours_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view{term} != "dumb";
}

}  // namespace

std::string paint(bool colours, Colour colour, std::string_view text) {
  if (!colours || colour == Colour::none || text.empty()) return std::string{text};
  return sequence(colour) + std::string{text} + "\x1b[0m";
}

ExitCode exit_code_of(const Error& error) {
  if (error.code == "unreachable" || error.code == "not_reachable" || error.code == "not_running") return ExitCode::not_reachable;
  if (error.code == "timed_out") return ExitCode::timed_out;
  if (error.code == "interrupted") return ExitCode::interrupted;
  if (error.code == "wrong_usage" || error.code.starts_with("invalid_") || error.code.starts_with("no_such_")) {
    return ExitCode::wrong_usage;
  }
  return ExitCode::failed;
}

ExitCode Terminal::problem(ExitCode code, std::string_view what, std::string_view next) const {
  out.flush();
  err << cli::paint(error_colours, Colour::red, "error:") << ' ' << what << '\n';
  if (!next.empty()) err << "  " << cli::paint(error_colours, Colour::dim, "next:") << ' ' << next << '\n';
  err.flush();
  return code;
}

ExitCode Terminal::problem(const Error& error, std::string_view next) const {
  return problem(exit_code_of(error), error.definite ? error.message : error.message + " (nobody knows whether it happened)", next);
}

bool Terminal::confirm(std::string_view question, bool yes) const {
  if (yes) return true;
  if (!can_ask) {
    err << question << '\n';
    problem(ExitCode::wrong_usage, "nobody can answer here", "add --yes to do it, or --dry-run to see what it would do");
    return false;
  }
  err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(in, answer);
  const bool agreed = answer == "y" || answer == "Y" || answer == "yes";
  if (!agreed) err << "nothing was changed\n";
  return agreed;
}

Terminal process_terminal() {
  const bool wanted = colours_wanted();
  const bool error_is_terminal = isatty(STDERR_FILENO) == 1;
  return Terminal{.out = std::cout,
                  .err = std::cerr,
                  .in = std::cin,
                  .colours = wanted && isatty(STDOUT_FILENO) == 1,
                  .error_colours = wanted && error_is_terminal,
                  .can_ask = error_is_terminal && isatty(STDIN_FILENO) == 1,
                  .redraws = error_is_terminal,
                  .width = terminal_width()};
}

}  // namespace remuda::cli
