#pragma once
// A fare as it is submitted, and what is left of it once its card is forgotten. Pure.

#include <string>
#include <string_view>

#include "common/http/problem.hpp"
#include "common/result.hpp"

namespace remuda::rides {

struct SubmittedFare {
  std::string customer;  ///< 1 to 128 bytes
  std::string fare;      ///< 1 to 64 bytes: letters, digits, `_`, `-`, `.`
  std::string amount;    ///< "$20.00"
};

/// Reads a JSON object with customerId, fareId, fareAmount, cc (12 to 19 digits, blanks and dashes between them), expiryDate (12/22) and
/// cvv (3 or 4 digits). Errors: a problem with status 400 that names every wrong field and repeats the value of none.
Result<SubmittedFare, http::Problem> read_submitted_fare(std::string_view body);

}  // namespace remuda::rides
