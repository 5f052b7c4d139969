#pragma once
// A JSON Schema, compiled; keeps the library that does it out of everybody's way.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/result.hpp"

namespace remuda {

class JsonSchema {
 public:
  /// Errors: `invalid_schema` (definite). References to other documents are refused: nothing is fetched.
  static Result<JsonSchema> compile(const nlohmann::json& schema);

  /// What is wrong, where and why, one sentence; empty: nothing.
  [[nodiscard]] std::string wrong_with(const nlohmann::json& document) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace remuda
