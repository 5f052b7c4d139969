#include "common/saga/intrinsic.hpp"

namespace remuda::saga {

namespace {

constexpr int calls_nested_max = 10;

Failure<std::string> wrong(std::string text) {
  return {std::move(text)};
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

std::string without_escapes(std::string_view quoted) {
  std::string plain;
  for (std::size_t at = 0; at < quoted.size(); ++at) {
    if (quoted[at] == '\\' && at + 1 < quoted.size()) ++at;
    plain += quoted[at];
  }
  return plain;
}

Result<Expression, std::string> parse_front(std::string_view& text, int calls);

Result<Expression, std::string> read_quoted(std::string_view& text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '\'') {
      Expression expression;
      expression.quoted = text.substr(1, at - 1);
      expression.literal = without_escapes(expression.quoted);
      text.remove_prefix(at + 1);
      return expression;
    }
  }
  return wrong("a closing ' is missing");
}

Result<Expression, std::string> read_call(std::string_view& text, int calls) {
  if (calls == calls_nested_max) return wrong("at most 10 intrinsic functions may be nested");
  Expression call{.kind = Expression::Kind::call};
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) return wrong("'(' is missing after '" + std::string{text} + "'");
  call.function = text.substr(0, open);
  while (call.function.ends_with(' ')) call.function.pop_back();
  const auto arity = intrinsic_arity(call.function);
  if (!arity) return wrong("there is no intrinsic function '" + call.function + "'");
  text.remove_prefix(open + 1);
  skip_spaces(text);
  while (!text.starts_with(')')) {
    auto argument = parse_front(text, calls + 1);
    if (!argument) return argument;
    call.arguments.push_back(std::move(*argument));
    skip_spaces(text);
    if (text.starts_with(',')) {
      text.remove_prefix(1);
      skip_spaces(text);
      if (text.starts_with(')')) return wrong("an argument is missing after ','");
    } else if (!text.starts_with(')')) {
      return wrong("',' or ')' is missing after an argument of " + call.function);
    }
  }
  text.remove_prefix(1);
  if (call.arguments.size() < arity->first || call.arguments.size() > arity->second) {
    return wrong(call.function + " does not take " + std::to_string(call.arguments.size()) + " arguments");
  }
  return call;
}

Result<Expression, std::string> parse_front(std::string_view& text, int calls) {
  if (text.empty()) return wrong("an expression is missing");
  if (text.front() == '$') {
    auto path = Path::parse_front(text);
    if (!path) return Failure{path.error()};
    return Expression{.kind = Expression::Kind::path, .path = std::move(*path)};
  }
  if (text.front() == '\'') return read_quoted(text);
  if (text.starts_with("States.")) return read_call(text, calls);
  const std::size_t length = std::min(text.find_first_of(" ,)"), text.size());
  Json literal = Json::parse(text.substr(0, length), nullptr, false);
  if (literal.is_discarded() || literal.is_string() || literal.is_structured()) {
    return wrong("an argument is a path, a call, a number, a text in single quotes, true, false or null");
  }
  text.remove_prefix(length);
  return Expression{.literal = std::move(literal)};
}

}  // namespace

Result<Expression, std::string> Expression::parse(std::string_view text) {
  const std::string_view whole = text;
  if (!text.starts_with('$') && !text.starts_with("States.")) {
    return wrong("'" + std::string{whole} + "' is neither a path ('$...') nor an intrinsic function ('States...')");
  }
  auto expression = parse_front(text, 0);
  if (!expression) return wrong("'" + std::string{whole} + "' is wrong: " + expression.error());
  if (!text.empty()) return wrong("'" + std::string{whole} + "' is wrong: '" + std::string{text} + "' is left over");
  return expression;
}

Result<Json, StateError> Expression::evaluate(const Scope& scope) const {
  if (kind == Kind::literal) return literal;
  if (kind == Kind::path) {
    auto selected = path.select(path.of_context() ? scope.context : scope.data);
    if (!selected) return failed(errors::parameter_path, "a path selects nothing in the input");
    return std::move(*selected);
  }
  std::vector<Json> values;
  for (const Expression& argument : arguments) {
    auto value = argument.evaluate(scope);
    if (!value) return value;
    values.push_back(std::move(*value));
  }
  if (function == "States.Format" && arguments.front().kind == Kind::literal && arguments.front().literal.is_string()) {
    return format_text(arguments.front().quoted, {values.begin() + 1, values.end()});
  }
  return call_intrinsic(function, values, scope.random);
}

}  // namespace remuda::saga
