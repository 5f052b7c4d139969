#include "common/http/problem.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace remuda::http {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

struct Reason {
  int status;
  std::string_view phrase;
};

constexpr std::array reasons = {Reason{100, "Continue"},
                                Reason{200, "OK"},
                                Reason{201, "Created"},
                                Reason{202, "Accepted"},
                                Reason{204, "No Content"},
                                Reason{400, "Bad Request"},
                                Reason{401, "Unauthorized"},
                                Reason{403, "Forbidden"},
                                Reason{404, "Not Found"},
                                Reason{405, "Method Not Allowed"},
                                Reason{408, "Request Timeout"},
                                Reason{409, "Conflict"},
                                Reason{411, "Length Required"},
                                Reason{413, "Content Too Large"},
                                Reason{414, "URI Too Long"},
                                Reason{415, "Unsupported Media Type"},
                                Reason{417, "Expectation Failed"},
                                Reason{421, "Misdirected Request"},
                                Reason{422, "Unprocessable Content"},
                                Reason{429, "Too Many Requests"},
                                Reason{431, "Request Header Fields Too Large"},
                                Reason{500, "Internal Server Error"},
                                Reason{501, "Not Implemented"},
                                Reason{502, "Bad Gateway"},
                                Reason{503, "Service Unavailable"},
                                Reason{504, "Gateway Timeout"},
                                Reason{505, "HTTP Version Not Supported"}};

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view reason_phrase(int status) {
  const auto found = std::find_if(reasons.begin(), reasons.end(), [&](const Reason& reason) { return reason.status == status; });
  return found == reasons.end() ? std::string_view{"Unknown"} : found->phrase;
}

std::string_view Request::field(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return equal_ignoring_case(field.first, name); });
  return found == fields.end() ? std::string_view{} : std::string_view{found->second};
}

std::string to_json(const Problem& problem) {
  nlohmann::ordered_json json{{"type", "about:blank"}, {"title", reason_phrase(problem.status)}, {"status", problem.status}};
  if (!problem.detail.empty()) json["detail"] = problem.detail;
  if (!problem.errors.empty()) {
    auto& errors = json["errors"] = nlohmann::ordered_json::array();
    for (const auto& error : problem.errors) errors.push_back({{"field", error.field}, {"message", error.message}});
  }
  // A detail may quote what a client sent: bytes that are not UTF-8 are replaced, never thrown about.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Response to_response(const Problem& problem) {
  Response response{problem.status, "application/problem+json", to_json(problem), {}};
  if (problem.status == 429 || problem.status == 503) response.fields.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace remuda::http
