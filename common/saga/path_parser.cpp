// Reads the text of a path, and of the filters in it.

#include <charconv>

#include "common/saga/path.hpp"

namespace remuda::saga {

namespace {

using Step = Path::Step;
using Problem = Failure<std::string>;

constexpr int nesting_max = 16;

Problem wrong(std::string text) {
  return {std::move(text)};
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

bool skip(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

bool is_name_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '$' || c == ':' || c == '#' || c == '/';
}

Result<std::string, std::string> read_name(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_name_character(text[length])) ++length;
  if (length == 0) return wrong("a name is missing after '.'");
  std::string name{text.substr(0, length)};
  text.remove_prefix(length);
  return name;
}

/// Between the quotes that stand at the front; a backslash makes the next character plain.
Result<std::string, std::string> read_quoted(std::string_view& text) {
  const char quote = text.front();
  std::string name;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == quote) {
      text.remove_prefix(at + 1);
      return name;
    }
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    name += text[at];
  }
  return wrong("a closing quote is missing");
}

std::optional<std::int64_t> read_integer(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number > INT32_MAX || number < INT32_MIN) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

class FilterReader {
 public:
  FilterReader(std::string_view& text, int nesting) : text_{text}, nesting_{nesting} {}

  Result<FilterTest, std::string> read_any_of() { return read_joined("||", FilterTest::Kind::any_of, &FilterReader::read_all_of); }

 private:
  using Read = Result<FilterTest, std::string> (FilterReader::*)();

  Result<FilterTest, std::string> read_joined(std::string_view word, FilterTest::Kind kind, Read read_part) {
    FilterTest joined{.kind = kind};
    do {
      auto part = (this->*read_part)();
      if (!part) return part;
      joined.parts.push_back(std::move(*part));
      skip_spaces(text_);
    } while (skip(text_, word));
    return joined.parts.size() == 1 ? std::move(joined.parts.front()) : std::move(joined);
  }

  Result<FilterTest, std::string> read_all_of() { return read_joined("&&", FilterTest::Kind::all_of, &FilterReader::read_one); }

  Result<FilterTest, std::string> read_one() {
    skip_spaces(text_);
    if (++nesting_ > nesting_max) return wrong("a filter is nested too deeply");
    auto test = read_unary();
    --nesting_;
    return test;
  }

  Result<FilterTest, std::string> read_unary() {
    if (text_.starts_with("!") && !text_.starts_with("!=")) {
      skip(text_, "!");
      auto part = read_one();
      if (!part) return part;
      FilterTest none{.kind = FilterTest::Kind::none_of};
      none.parts.push_back(std::move(*part));
      return none;
    }
    if (skip(text_, "(")) {
      auto inner = read_any_of();
      if (!inner) return inner;
      skip_spaces(text_);
      if (!skip(text_, ")")) return wrong("')' is missing in a filter");
      return inner;
    }
    return read_comparison();
  }

  Result<FilterTest, std::string> read_comparison() {
    FilterTest test;
    auto left = read_operand();
    if (!left) return Failure{left.error()};
    test.left = std::move(*left);
    skip_spaces(text_);
    for (const std::string_view word : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!skip(text_, word)) continue;
      auto right = read_operand();
      if (!right) return Failure{right.error()};
      test.kind = FilterTest::Kind::compare;
      test.comparison = word;
      test.right = std::move(*right);
      return test;
    }
    return test;
  }

  Result<FilterTest::Operand, std::string> read_operand() {
    skip_spaces(text_);
    FilterTest::Operand operand;
    if (text_.empty()) return wrong("a filter ends too early");
    if (text_.front() == '@' || text_.front() == '$') {
      operand.of_item = text_.front() == '@';
      std::string rewritten;
      if (operand.of_item) rewritten = "$" + std::string{text_.substr(1)};
      std::string_view front = operand.of_item ? std::string_view{rewritten} : text_;
      const std::size_t before = front.size();
      auto path = Path::parse_front(front, nesting_ + 1);
      if (!path) return Failure{path.error()};
      if (path->of_context()) return wrong("a filter cannot look at the context object");
      text_.remove_prefix(before - front.size());
      operand.path = std::move(*path);
      return operand;
    }
    if (text_.front() == '\'' || text_.front() == '"') {
      auto literal = read_quoted(text_);
      if (!literal) return Failure{literal.error()};
      operand.literal = std::move(*literal);
      return operand;
    }
    const std::size_t length = std::min(text_.find_first_of(" )=!<>&|,"), text_.size());
    operand.literal = Json::parse(text_.substr(0, length), nullptr, false);
    if (operand.literal.is_discarded()) return wrong("a filter compares with a path, a number, a quoted text, true, false or null");
    text_.remove_prefix(length);
    return operand;
  }

  std::string_view& text_;
  int nesting_;
};

/// After `[`: names, or `?(...)`, `*`, indexes, a slice.
Result<Step, std::string> read_names(std::string_view& text) {
  Step step{.kind = Step::Kind::names};
  do {
    skip_spaces(text);
    if (text.empty() || (text.front() != '\'' && text.front() != '"')) return wrong("a quoted name is missing inside '[]'");
    auto name = read_quoted(text);
    if (!name) return Failure{name.error()};
    step.names.push_back(std::move(*name));
    skip_spaces(text);
  } while (skip(text, ","));
  return step;
}

Result<Step, std::string> read_numbers(std::string_view& text) {
  Step step{.kind = Step::Kind::indexes};
  const auto first = read_integer(text);
  skip_spaces(text);
  if (skip(text, ":")) {
    step.kind = Step::Kind::slice;
    step.from = first;
    skip_spaces(text);
    step.to = read_integer(text);
    if (skip(text, ":")) step.stride = read_integer(text).value_or(1);
    if (step.stride < 1) return wrong("a slice goes forward");
    return step;
  }
  if (!first) return wrong("'[]' needs an index, a slice, a quoted name, '*' or '?(...)'");
  step.indexes.push_back(*first);
  while (skip(text, ",")) {
    skip_spaces(text);
    const auto next = read_integer(text);
    if (!next) return wrong("an index is missing after ','");
    step.indexes.push_back(*next);
    skip_spaces(text);
  }
  return step;
}

Result<Step, std::string> read_filter(std::string_view& text, int nesting) {
  auto test = FilterReader{text, nesting}.read_any_of();
  if (!test) return Failure{test.error()};
  skip_spaces(text);
  if (!skip(text, ")")) return wrong("')' is missing after a filter");
  Step step{.kind = Step::Kind::filter};
  step.filter = std::make_shared<const FilterTest>(std::move(*test));
  return step;
}

Result<Step, std::string> read_brackets(std::string_view& text, int nesting) {
  skip_spaces(text);
  auto step = [&]() -> Result<Step, std::string> {
    if (text.starts_with('\'') || text.starts_with('"')) return read_names(text);
    if (skip(text, "*")) return Step{.kind = Step::Kind::every};
    if (skip(text, "?")) {
      skip_spaces(text);
      if (!skip(text, "(")) return wrong("'(' is missing after '?'");
      return read_filter(text, nesting);
    }
    return read_numbers(text);
  }();
  if (!step) return step;
  skip_spaces(text);
  if (!skip(text, "]")) return wrong("']' is missing");
  return step;
}

}  // namespace

Result<Path, std::string> Path::parse_front(std::string_view& text, int nesting) {
  if (nesting > nesting_max) return wrong("a filter is nested too deeply");
  if (!skip(text, "$")) return wrong("a path begins with '$'");
  Path path;
  if (skip(text, "$")) path.be_of_context();
  for (;;) {
    Step step;
    const bool below = skip(text, "..");
    if (skip(text, "[")) {
      auto read = read_brackets(text, nesting);
      if (!read) return Failure{read.error()};
      step = std::move(*read);
    } else if (below || skip(text, ".")) {
      if (skip(text, "*")) {
        step.kind = Step::Kind::every;
      } else {
        auto name = read_name(text);
        if (!name) return Failure{name.error()};
        step.names.push_back(std::move(*name));
      }
    } else {
      return path;
    }
    step.anywhere_below = below;
    path.add(std::move(step));
  }
}

Result<Path, std::string> Path::parse(std::string_view text) {
  const std::string_view whole = text;
  auto path = parse_front(text);
  if (!path) return wrong("'" + std::string{whole} + "' is no path: " + path.error());
  if (!text.empty()) return wrong("'" + std::string{whole} + "' is no path: '" + std::string{text} + "' is left over");
  return path;
}

}  // namespace remuda::saga
