#pragma once
// Reads what a call gives, by name. The first thing that is wrong is kept, and says what Amazon says; so a verb reads all it needs
// and then asks once. Pure.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/sqs_gateway/aws_error.hpp"

namespace remuda::sqs {

class Input {
 public:
  /// `json` must outlive it.
  explicit Input(const nlohmann::json& json) : json_{json} {}

  /// Must be there and not empty: `missing_parameter`.
  std::string text(std::string_view name);
  std::optional<std::string> text_if_any(std::string_view name);
  /// `reason`: what is said when it is not within. Errors: `invalid_parameter_value`.
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max, std::string_view reason);
  std::vector<std::string> texts(std::string_view name);
  /// An object or array; null when it is not there.
  const nlohmann::json* structure(std::string_view name);
  /// name -> text, in the order of the names.
  std::vector<std::pair<std::string, std::string>> text_map(std::string_view name);

  void refuse(Fault fault, std::string message);
  [[nodiscard]] const std::optional<AwsError>& error() const { return error_; }

 private:
  const nlohmann::json& json_;
  std::optional<AwsError> error_;

  [[nodiscard]] const nlohmann::json* find(std::string_view name) const;
  void refuse_type(std::string_view name);
};

/// "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: ..."
[[nodiscard]] std::string invalid_value(std::string_view value, std::string_view parameter, std::string_view reason);

}  // namespace remuda::sqs
