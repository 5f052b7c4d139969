#pragma once
// Errors as HTTP clients see them: application/problem+json.
// Source: RFC 9457 (type, title, status, detail; `errors` is our extension and lists every wrong field).

#include <ostream>
#include <string>
#include <vector>

#include "common/http/http_types.hpp"

namespace remuda::http {

/// What is wrong with one field of a body.
struct FieldError {
  std::string field;
  std::string message;  ///< a sentence part that follows the field's name: "must not be negative"
  friend bool operator==(const FieldError&, const FieldError&) = default;
  friend std::ostream& operator<<(std::ostream& out, const FieldError& error) { return out << error.field << ' ' << error.message; }
};

struct Problem {
  int status = 500;
  std::string detail;              ///< what happened and what to do next; may be empty
  std::vector<FieldError> errors;  ///< may be empty

  friend bool operator==(const Problem&, const Problem&) = default;
};

/// The JSON text; `title` is the status' reason phrase and `type` is about:blank, as the RFC asks of problems without a page
/// of their own.
[[nodiscard]] std::string to_json(const Problem& problem);
/// The whole response, with `Retry-After: 1` for 429 and 503.
[[nodiscard]] Response to_response(const Problem& problem);

}  // namespace remuda::http
