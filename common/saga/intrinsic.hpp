#pragma once
// Expressions: a path, or a call of an intrinsic function: `States.Format('{} owes {}', $.name, States.MathAdd($.fare, 1))`.
//
// All eighteen functions of the language; SAGA.md lists them with their limits.
// Source: Amazon States Language, Intrinsic Functions; Step Functions Developer Guide, same title.

#include "common/saga/path.hpp"

namespace remuda::saga {

/// What expressions are evaluated on.
struct Scope {
  const Json& data;     ///< `$`
  const Json& context;  ///< `$$`
  Random& random;
};

struct Expression {
  enum class Kind : std::uint8_t { literal, path, call };
  Kind kind = Kind::literal;
  Json literal = {};
  std::string quoted = {};  ///< of a text literal: as written, for States.Format, whose `\{` are not yet plain
  Path path = {};
  std::string function = {};
  std::vector<Expression> arguments = {};

  /// A path or a call; at most 10 calls deep. The error is a sentence.
  static Result<Expression, std::string> parse(std::string_view text);
  /// Errors: ParameterPathFailure of a path that selects nothing, IntrinsicFailure of a call.
  [[nodiscard]] Result<Json, StateError> evaluate(const Scope& scope) const;
};

/// The number of arguments that `function` takes, or nothing when there is no such function.
std::optional<std::pair<std::size_t, std::size_t>> intrinsic_arity(std::string_view function);
/// `arguments` are as many as the function takes.
Result<Json, StateError> call_intrinsic(const std::string& function, const std::vector<Json>& arguments, Random& random);
/// States.Format with a template as written: `\{` is a plain brace.
Result<Json, StateError> format_text(std::string_view form, const std::vector<Json>& arguments);

}  // namespace remuda::saga
