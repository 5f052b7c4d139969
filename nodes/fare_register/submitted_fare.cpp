#include "nodes/fare_register/submitted_fare.hpp"

#include <algorithm>
#include <cctype>

#include "common/http/url.hpp"
#include "nodes/wild_rydes/participant.hpp"

namespace remuda::rides {

namespace {

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_digit);
}

std::string wrong_with_text(const std::string& text, std::size_t bytes_max) {
  if (text.find_first_not_of(' ') == std::string::npos) return "must not be empty";
  if (text.size() > bytes_max) return "must not be longer than " + std::to_string(bytes_max) + " bytes";
  return http::is_printable_utf8(text) ? "" : "must be UTF-8 text without control characters";
}

std::string wrong_with_fare(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (auto why = wrong_with_text(text, 64); !why.empty()) return why;
  return is_plain ? "" : "must be letters, digits, '_', '-' and '.'";
}

std::string wrong_with_card(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '-'; });
  return all_digits(text) && text.size() >= 12 && text.size() <= 19 ? "" : "must be 12 to 19 digits";
}

std::string wrong_with_expiry(const std::string& text) {
  const bool fits = text.size() == 5 && text[2] == '/' && all_digits(text.substr(0, 2)) && all_digits(text.substr(3));
  return fits && text.substr(0, 2) >= "01" && text.substr(0, 2) <= "12" ? "" : "must be a month and a year such as 12/29";
}

std::string wrong_with_cvv(const std::string& text) {
  return all_digits(text) && (text.size() == 3 || text.size() == 4) ? "" : "must be 3 or 4 digits";
}

std::string wrong_with_amount(const Json& body) {
  const auto amount = amount_of(body);
  if (amount) return "";
  const std::string& cause = amount.error().cause;
  return cause.substr(cause.find(' ') + 1);
}

}  // namespace

Result<SubmittedFare, http::Problem> read_submitted_fare(std::string_view text) {
  const Json body = Json::parse(text, nullptr, false);
  if (!body.is_object()) return Failure<http::Problem>{{400, "the body must be a JSON object", {}}};
  http::Problem problem{400, "some fields are missing or wrong", {}};
  const auto check = [&](const char* field, auto wrong_with) {
    const auto found = body.find(field);
    std::string why = found == body.end()                        ? "is missing"
                      : found->is_string() || found->is_number() ? wrong_with(text_of(body, field))
                                                                 : "must be text";
    if (!why.empty()) problem.errors.push_back({field, std::move(why)});
  };
  check("customerId", [](const std::string& value) { return wrong_with_text(value, 128); });
  check("fareId", wrong_with_fare);
  check("fareAmount", [&](const std::string&) { return wrong_with_amount(body); });
  check("cc", wrong_with_card);
  check("expiryDate", wrong_with_expiry);
  check("cvv", wrong_with_cvv);
  if (!problem.errors.empty()) return Failure<http::Problem>{std::move(problem)};
  return SubmittedFare{text_of(body, "customerId"), text_of(body, "fareId"), text_of(body, "fareAmount")};
}

}  // namespace remuda::rides
