#include "common/topology/diagnostics.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace remuda::topology {
namespace {

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

/// The byte at which character number `index` begins.
std::size_t byte_of(std::string_view text, std::size_t index) {
  std::size_t byte = 0;
  for (; byte < text.size(); ++byte) {
    if (begins_character(text[byte]) && index-- == 0) break;
  }
  return byte;
}

/// A launch file may come from anybody: its control characters must not reach a terminal. One character stays one character.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += c == '\t' ? ' ' : byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return out;
}

std::string plural(std::size_t count, std::string_view word) {
  return std::to_string(count).append(" ").append(word).append(count == 1 ? "" : "s");
}

class Renderer {
 public:
  explicit Renderer(DiagnosticStyle style) : style_{style} {}

  void diagnostic(const Diagnostic& found) {
    headline(found);
    if (found.line > 0) snippet(found);
    if (found.line <= 0 && !found.suggestion.empty()) out_ += "  " + printable(found.suggestion) + "\n";
    for (const auto& from : found.included_from) {
      out_ +=
          "  included from " + printable(from.file) + ":" + std::to_string(from.line) + ":" + std::to_string(from.column) + "\n";
    }
  }

  void count(std::size_t errors, std::size_t warnings) {
    if (errors > 0) out_ += plural(errors, "error");
    if (errors > 0 && warnings > 0) out_ += ", ";
    if (warnings > 0) out_ += plural(warnings, "warning");
    out_ += "\n";
  }

  std::string take() { return std::move(out_); }

 private:
  DiagnosticStyle style_;
  std::string out_;

  [[nodiscard]] std::string paint(std::string_view code, std::string_view text) const {
    if (!style_.colour) return std::string{text};
    return std::string{"\x1b["}.append(code).append("m").append(text).append("\x1b[0m");
  }
  static std::string_view colour_of(const Diagnostic& found) { return found.severity == Severity::error ? "1;31" : "1;33"; }

  void headline(const Diagnostic& found) {
    std::string place = printable(found.file);
    if (found.line > 0) place += ":" + std::to_string(found.line) + ":" + std::to_string(found.column);
    place += ": ";
    const std::string label = std::string{found.severity == Severity::error ? "error" : "warning"} + "[" + found.code + "]";
    out_ += paint("1", place) + paint(colour_of(found), label) + ":";
    wrap(printable(found.text), characters(place) + label.size() + 1, std::min<std::size_t>(characters(place), 24));
  }

  /// Appends words, going on at `indent` when a line is full; `column` is where the line stands now.
  void wrap(std::string_view text, std::size_t column, std::size_t indent) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(' '), text.size());
      const std::string_view word = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      const std::size_t width = characters(word) + 1;
      if (style_.columns > 0 && column + width > static_cast<std::size_t>(style_.columns) && column > indent) {
        out_ += "\n" + std::string(indent, ' ');
        out_ += word;
        column = indent + width - 1;
      } else {
        out_ += " ";
        out_ += word;
        column += width;
      }
    }
    out_ += "\n";
  }

  void snippet(const Diagnostic& found) {
    const std::string number = std::to_string(found.line);
    const std::string gutter = " " + std::string(number.size(), ' ') + " | ";
    std::string line = printable(found.source_line);
    auto caret = static_cast<std::size_t>(found.column) - 1;
    auto length = static_cast<std::size_t>(found.length);
    const std::string note = printable(found.suggestion);
    bool note_below = false;

    if (style_.columns > 0) {
      const auto room =
          std::max<std::size_t>(static_cast<std::size_t>(style_.columns) - std::min<std::size_t>(gutter.size(), 60), 20);
      if (caret + length > room && caret > 8) {
        const std::size_t cut = caret - 8;
        line = "…" + line.substr(byte_of(line, cut + 1));
        caret = 8;
      }
      if (characters(line) > room) line = line.substr(0, byte_of(line, room - 1)) + "…";
      length = std::min(length, room - std::min(caret, room - 1));
      note_below = !note.empty() && caret + length + 1 + characters(note) > room;
    }

    out_ += paint("2", " " + number + (line.empty() ? " |" : " | ")) + line + "\n";
    out_ += paint("2", gutter) + std::string(caret, ' ') + paint(colour_of(found), std::string(length, '^'));
    if (!note.empty() && !note_below) out_ += " " + paint("36", note);
    out_ += "\n";
    if (note_below) {
      out_ += paint("2", gutter.substr(0, gutter.size() - 1));
      wrap(note, gutter.size() - 1, gutter.size());
    }
  }
};

}  // namespace

std::ostream& operator<<(std::ostream& out, Severity severity) {
  return out << (severity == Severity::error ? "error" : "warning");
}

std::uint32_t Diagnostics::add_source(std::string name, std::string text, std::optional<Place> included_at) {
  Source source{std::move(name), std::move(text), included_at, {0}};
  for (std::size_t at = source.text.find('\n'); at != std::string::npos; at = source.text.find('\n', at + 1)) {
    source.line_starts.push_back(at + 1);
  }
  sources_.push_back(std::move(source));
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

std::string_view Diagnostics::source_line(const Place& place) const {
  if (place.source >= sources_.size() || place.line < 1) return {};
  const Source& source = sources_[place.source];
  const auto index = static_cast<std::size_t>(place.line) - 1;
  if (index >= source.line_starts.size()) return {};
  std::string_view line = source.text;
  line = line.substr(source.line_starts[index]);
  line = line.substr(0, line.find('\n'));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

void Diagnostics::error(const Place& place, std::string code, std::string text, std::string suggestion) {
  add(Severity::error, place, std::move(code), std::move(text), std::move(suggestion));
}

void Diagnostics::warning(const Place& place, std::string code, std::string text, std::string suggestion) {
  add(Severity::warning, place, std::move(code), std::move(text), std::move(suggestion));
}

void Diagnostics::add(Severity severity, const Place& place, std::string code, std::string text, std::string suggestion) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.code = std::move(code);
  diagnostic.text = std::move(text);
  diagnostic.suggestion = std::move(suggestion);
  diagnostic.line = place.line;
  diagnostic.column = place.line > 0 ? std::max(place.column, 1) : 0;
  diagnostic.source_line = source_line(place);
  const auto width = static_cast<int>(characters(diagnostic.source_line));
  diagnostic.length = std::clamp(place.length, 1, std::max(1, width - diagnostic.column + 1));
  if (place.source < sources_.size()) {
    diagnostic.file = sources_[place.source].name;
    for (auto from = sources_[place.source].included_at; from; from = sources_[from->source].included_at) {
      diagnostic.included_from.push_back({sources_[from->source].name, from->line, from->column});
    }
  }
  const bool repeated =
      std::any_of(found_.begin(), found_.end(), [&](const Found& earlier) { return earlier.diagnostic == diagnostic; });
  if (repeated) return;
  if (severity == Severity::error) ++errors_;
  found_.push_back({place, std::move(diagnostic)});
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<const Found*> order;
  order.reserve(found_.size());
  for (const Found& found : found_) order.push_back(&found);
  const auto key = [](const Found* found) { return std::tuple{found->place.source, found->place.line, found->place.column}; };
  std::stable_sort(order.begin(), order.end(), [&](const Found* a, const Found* b) { return key(a) < key(b); });
  std::vector<Diagnostic> out;
  out.reserve(order.size());
  for (const Found* found : order) out.push_back(found->diagnostic);
  return out;
}

std::string render(const Diagnostics& diagnostics, DiagnosticStyle style) {
  const auto all = diagnostics.sorted();
  if (all.empty()) return {};
  Renderer renderer{style};
  for (const auto& found : all) renderer.diagnostic(found);
  renderer.count(diagnostics.errors(), diagnostics.warnings());
  return renderer.take();
}

std::string render_json(const Diagnostics& diagnostics) {
  std::string out;
  for (const auto& found : diagnostics.sorted()) {
    auto included = nlohmann::ordered_json::array();
    for (const auto& from : found.included_from)
      included.push_back({{"file", from.file}, {"line", from.line}, {"column", from.column}});
    const nlohmann::ordered_json object = {{"file", found.file},
                                           {"line", found.line},
                                           {"column", found.column},
                                           {"length", found.length},
                                           {"severity", found.severity == Severity::error ? "error" : "warning"},
                                           {"code", found.code},
                                           {"text", found.text},
                                           {"suggestion", found.suggestion},
                                           {"included_from", included}};
    out += object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return out;
}

}  // namespace remuda::topology
