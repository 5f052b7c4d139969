#pragma once
// The two streams that a verb writes to, and what they can show. Verbs never ask the machine themselves, so a test hands in
// string streams and any width, with or without colour.

#include <iosfwd>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/exit_code.hpp"
#include "common/result.hpp"

namespace remuda::cli {

enum class Colour { none, bold, dim, red, green, yellow, blue, magenta, cyan };

/// `text` between the escape sequences of `colour`, or `text` itself when colours are off.
std::string paint(bool colours, Colour colour, std::string_view text);

struct Terminal {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  bool colours = false;        ///< of `out`: it is a terminal and NO_COLOR is unset
  bool error_colours = false;  ///< of `err`
  bool can_ask = false;        ///< both stdin and stderr are a terminal: a question will be seen and answered
  bool redraws = false;        ///< `err` is a terminal: progress may be rewritten in place
  int width = 80;              ///< columns; 80 when unknown, as for files and pipes

  [[nodiscard]] std::string paint(Colour colour, std::string_view text) const { return cli::paint(colours, colour, text); }

  /// Prints `error: what` and the next thing to type, and returns `code` for the caller to end with.
  ExitCode problem(ExitCode code, std::string_view what, std::string_view next) const;
  /// The same for an Error; the exit code follows from its code (`unreachable` is not_reachable, `timed_out` is timed_out, ...).
  ExitCode problem(const Error& error, std::string_view next) const;

  /// Asks before something is destroyed. True with `yes`. Where nobody can answer it is false and says that `--yes` is missing.
  [[nodiscard]] bool confirm(std::string_view question, bool yes) const;
};

/// The terminal of this process: streams, widths and colours as the machine says.
Terminal process_terminal();

/// The exit code that an error's code stands for.
ExitCode exit_code_of(const Error& error);

}  // namespace remuda::cli
