#pragma once
// Diagnostics: everything that is wrong with a launch file, collected in one pass and shown the way a compiler does.
//
// A diagnostic is self-contained: it carries the place, the line of source and the chain of includes, so it can be rendered,
// sent or compared after the file is gone. Nothing here reads files.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::topology {

/// A stretch of source text. Lines and columns count from 1, columns and lengths in characters (code points).
/// Line 0: nothing to point at in a file (an argument of the command line).
struct Place {
  std::uint32_t source = 0;  ///< which text, as Diagnostics::add_source numbered it
  int line = 0;
  int column = 0;
  int length = 1;  ///< what a caret underlines; at least 1, never beyond the end of the line
  friend bool operator==(const Place&, const Place&) = default;
};

enum class Severity { warning, error };
std::ostream& operator<<(std::ostream& out, Severity severity);

struct Diagnostic {
  struct Included {
    std::string file;
    int line = 0;
    int column = 0;
    friend bool operator==(const Included&, const Included&) = default;
  };

  std::string file;  ///< as it was opened; `--set` for an argument of the command line
  int line = 0;
  int column = 0;
  int length = 1;
  Severity severity = Severity::error;
  /// Stable: `T` and three digits. T0 file and syntax, T1 names, ports and parameters, T2 filters, T3 structure, T4
  /// endpoints and hosts.
  std::string code;
  std::string text;                     ///< one sentence: what is wrong and what would be right
  std::string suggestion;               ///< stands beside the caret: `did you mean 'rides'?`; may be empty
  std::string source_line;              ///< the line that `line` names, without its end
  std::vector<Included> included_from;  ///< the file's includer first, the outermost last

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// The collector, and the texts that places point into.
class Diagnostics {
 public:
  /// Makes `text` known under `name`; the number goes into every Place of it. `included_at`: the place of the include.
  std::uint32_t add_source(std::string name, std::string text, std::optional<Place> included_at = std::nullopt);
  [[nodiscard]] const std::string& source_name(std::uint32_t source) const { return sources_[source].name; }
  [[nodiscard]] const std::string& source_text(std::uint32_t source) const { return sources_[source].text; }
  /// The line, without its end; empty when there is none.
  [[nodiscard]] std::string_view source_line(const Place& place) const;

  void error(const Place& place, std::string code, std::string text, std::string suggestion = {});
  void warning(const Place& place, std::string code, std::string text, std::string suggestion = {});

  /// In the order of files and lines, not of discovery.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;
  [[nodiscard]] std::size_t errors() const { return errors_; }
  [[nodiscard]] std::size_t warnings() const { return found_.size() - errors_; }
  [[nodiscard]] bool ok() const { return errors_ == 0; }

 private:
  struct Source {
    std::string name;
    std::string text;
    std::optional<Place> included_at;
    std::vector<std::size_t> line_starts;
  };
  struct Found {
    Place place;
    Diagnostic diagnostic;
  };
  std::vector<Source> sources_;
  std::vector<Found> found_;
  std::size_t errors_ = 0;

  void add(Severity severity, const Place& place, std::string code, std::string text, std::string suggestion);
};

struct DiagnosticStyle {
  bool colour = false;
  /// Sentences wrap and source lines are cut to fit; 0: never.
  int columns = 0;
};

/// What a terminal shows: every diagnostic with its line, caret and suggestion, then `2 errors, 1 warning`. Empty when
/// there is none.
[[nodiscard]] std::string render(const Diagnostics& diagnostics, DiagnosticStyle style = {});
/// One JSON object per line: file, line, column, length, severity, code, text, suggestion, included_from: [{file, line, column}].
[[nodiscard]] std::string render_json(const Diagnostics& diagnostics);

}  // namespace remuda::topology
