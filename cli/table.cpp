#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace remuda::cli {

namespace {

constexpr std::string_view gap = "  ";

bool starts_code_point(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string{text};
  if (width == 0) return {};
  std::size_t kept = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    if (starts_code_point(text[end]) && kept++ == width - 1) break;
    ++end;
  }
  return std::string{text.substr(0, end)} + "…";
}

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char byte : text) {
    if (byte == '\n' || byte == '\t' || byte == '\r') {
      line += ' ';
    } else if (static_cast<unsigned char>(byte) < 0x20U || byte == '\x7f') {
      line += '?';
    } else {
      line += byte;
    }
  }
  return line;
}

void Table::add(std::vector<Cell> row) {
  row.resize(columns_.size());
  for (Cell& cell : row) cell.text = one_line(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::render(int width, bool colours) const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t widest = display_width(columns_[column].title);
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[column].text));
    widths.push_back(widest);
  }
  const auto line_width = [&] {
    std::size_t sum = columns_.empty() ? 0 : gap.size() * (columns_.size() - 1);
    for (const std::size_t w : widths) sum += w;
    return sum;
  };
  while (line_width() > static_cast<std::size_t>(width)) {
    std::size_t* widest = nullptr;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      if (!columns_[column].may_shrink || widths[column] <= std::max<std::size_t>(display_width(columns_[column].title), 4))
        continue;
      if (widest == nullptr || widths[column] > *widest) widest = &widths[column];
    }
    if (widest == nullptr) break;  // nothing left to cut: the terminal wraps, no text is lost
    --*widest;
  }

  std::string text;
  const auto append_line = [&](auto&& cell_at) {
    std::string line;
    std::size_t padding = 0;  // owed after the cell before; never written at the end of a line
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      const Cell cell = cell_at(column);
      const std::string shown = shorten(cell.text, widths[column]);
      const std::size_t missing = widths[column] - std::min(widths[column], display_width(shown));
      if (column > 0) padding += gap.size();
      if (columns_[column].to_the_right) padding += missing;
      if (!shown.empty()) {
        line.append(padding, ' ');
        padding = 0;
        line += paint(colours, cell.colour, shown);
      }
      if (!columns_[column].to_the_right) padding += missing;
    }
    text += line + '\n';
  };
  append_line([&](std::size_t column) { return Cell{columns_[column].title, Colour::dim}; });
  for (const auto& row : rows_) append_line([&](std::size_t column) { return row[column]; });
  return text;
}

std::string brief_duration(double seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 1) return fmt::format("{}ms", static_cast<int>(seconds * 1000));
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t place = digits.size(); place > 3;) {
    place -= 3;
    digits.insert(place, ",");
  }
  return digits;
}

}  // namespace remuda::cli
