#pragma once
// Payload templates: JSON in which a field whose name ends in `.$` takes its value from an expression. The suffix is dropped.

#include "common/saga/intrinsic.hpp"

namespace remuda::saga {

class Template {
 public:
  /// The errors are sentences with the member they stand at, as a JSON pointer below the template.
  struct Problem {
    const filter::JsonValue* at = nullptr;
    std::string pointer;
    std::string text;
  };
  static Template compile(const filter::JsonValue& value, std::vector<Problem>& problems);

  [[nodiscard]] Result<Json, StateError> evaluate(const Scope& scope) const;

 private:
  enum class Kind : std::uint8_t { constant, expression, object, array };
  Kind kind_ = Kind::constant;
  Json constant_;
  Expression expression_;
  std::vector<std::string> names_;
  std::vector<Template> parts_;

  static Template compile(const filter::JsonValue& value, const std::string& pointer, std::vector<Problem>& problems);
};

}  // namespace remuda::saga
