#pragma once
// A table for people: aligned columns that fit the width. Programs read `--json` instead.

#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace remuda::cli {

struct Cell {
  std::string text;  ///< one line; control characters are shown as `?`
  Colour colour = Colour::none;
};

struct Column {
  std::string title;
  bool to_the_right = false;  ///< numbers
  /// When a line does not fit, columns that may shrink are cut with `…`, the widest first; a column is never cut below its title.
  bool may_shrink = false;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}

  /// One cell per column; missing ones are empty.
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// The title line and the rows, each ended by a newline, without trailing spaces.
  [[nodiscard]] std::string render(int width, bool colours) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// How many columns `text` takes on a terminal: code points, no escape sequences inside.
std::size_t display_width(std::string_view text);
/// `text` cut to `width` columns, ending in `…` when something was cut.
std::string shorten(std::string_view text, std::size_t width);
/// `text` as one printable line: control characters (escape sequences of a hostile message, too) become `?`, newlines a space.
std::string one_line(std::string_view text);
/// "850ms", "12s", "4m10s", "3h05m", "2d04h": at most six columns.
std::string brief_duration(double seconds);
/// "1", "12,345", "1,234,567".
std::string grouped(std::uint64_t number);

}  // namespace remuda::cli
