#include "nodes/sqs_gateway/signature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <vector>

#include "common/http/url.hpp"
#include "nodes/sqs_gateway/digest.hpp"
#include "nodes/sqs_gateway/form.hpp"
#include "nodes/sqs_gateway/input.hpp"

namespace remuda::sqs {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view terminator = "aws4_request";
constexpr std::int64_t skew_max_s = 15 * 60;
constexpr std::int64_t lifetime_max_s = 7 * 24 * 3'600;

/// What the client says about its signature.
struct Claim {
  std::string id;
  std::string scope;  ///< "20150830/us-east-1/sqs/aws4_request"
  std::string signed_headers;
  std::string signature;
  std::string time;                        ///< "20150830T123600Z"
  std::optional<std::int64_t> lifetime_s;  ///< of a presigned address
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Failure<AwsError> incomplete(std::string what) {
  return refuse(Fault::incomplete_signature, std::move(what));
}

/// `id/date/region/service/aws4_request`; an id may not hold a slash.
bool set_credential(Claim& claim, std::string_view credential) {
  const auto slash = credential.find('/');
  if (slash == std::string_view::npos) return false;
  claim.id = credential.substr(0, slash);
  claim.scope = credential.substr(slash + 1);
  return true;
}

Answered<Claim> read_header(const http::Request& request) {
  const auto text = request.field("Authorization");
  if (!text.starts_with(algorithm) || text.substr(algorithm.size(), 1) != " ")
    return incomplete("Authorization header requires the algorithm AWS4-HMAC-SHA256.");
  Claim claim;
  bool has_credential = false;
  for (auto part : split(text.substr(algorithm.size() + 1), ',')) {
    part = trimmed(part);
    const auto equals = part.find('=');
    const auto name = part.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    if (name == "Credential") has_credential = set_credential(claim, value);
    if (name == "SignedHeaders") claim.signed_headers = value;
    if (name == "Signature") claim.signature = value;
  }
  if (!has_credential) return incomplete("Authorization header requires 'Credential' parameter.");
  if (claim.signed_headers.empty()) return incomplete("Authorization header requires 'SignedHeaders' parameter.");
  if (claim.signature.empty()) return incomplete("Authorization header requires 'Signature' parameter.");
  claim.time = request.field("X-Amz-Date");
  if (claim.time.empty()) return incomplete("Authorization header requires existence of 'X-Amz-Date' header.");
  return claim;
}

Answered<Claim> read_address(const Parameters& parameters) {
  Claim claim;
  const auto value = [&](std::string_view name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string{} : found->second;
  };
  if (value("X-Amz-Algorithm") != algorithm)
    return incomplete("AWS query-string parameters require the algorithm AWS4-HMAC-SHA256.");
  if (!set_credential(claim, value("X-Amz-Credential")))
    return incomplete("AWS query-string parameters must include 'X-Amz-Credential'.");
  claim.signed_headers = value("X-Amz-SignedHeaders");
  claim.signature = value("X-Amz-Signature");
  claim.time = value("X-Amz-Date");
  const auto lifetime = value("X-Amz-Expires");
  if (claim.signed_headers.empty() || claim.signature.empty() || claim.time.empty() || lifetime.empty() || lifetime.size() > 6 ||
      !std::all_of(lifetime.begin(), lifetime.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return incomplete("AWS query-string parameters must include 'X-Amz-SignedHeaders', '-Signature', '-Date' and '-Expires'.");
  claim.lifetime_s = std::min<std::int64_t>(std::stoll(lifetime), lifetime_max_s);
  return claim;
}

std::optional<std::int64_t> unix_seconds(const std::string& time) {
  constexpr std::string_view form = "00000000T000000Z";
  if (time.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '0' ? time[i] < '0' || time[i] > '9' : time[i] != form[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t size) { return std::stoi(time.substr(at, size)); };
  std::tm utc{};
  utc.tm_year = number(0, 4) - 1900;
  utc.tm_mon = number(4, 2) - 1;
  utc.tm_mday = number(6, 2);
  utc.tm_hour = number(9, 2);
  utc.tm_min = number(11, 2);
  utc.tm_sec = number(13, 2);
  return timegm(&utc);
}

std::string time_text(std::int64_t unix_s) {
  const std::time_t time = unix_s;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
}

Answered<void> check_time(const Claim& claim, std::int64_t now_s) {
  const auto signed_at = unix_seconds(claim.time);
  if (!signed_at) return incomplete("Date must be in ISO-8601 'basic format'. Got '" + claim.time.substr(0, 64) + "'.");
  if (now_s < *signed_at - skew_max_s)
    return refuse(Fault::signature_does_not_match,
                  fmt::format("Signature not yet current: {} is still later than {} ({} + 15 min.)", claim.time,
                              time_text(now_s + skew_max_s), time_text(now_s)));
  if (now_s > *signed_at + claim.lifetime_s.value_or(skew_max_s))
    return refuse(Fault::signature_does_not_match, fmt::format("Signature expired: {} is now earlier than {}", claim.time,
                                                               time_text(now_s - claim.lifetime_s.value_or(skew_max_s))));
  return {};
}

Answered<void> check_scope(const Claim& claim) {
  const auto parts = split(claim.scope, '/');
  const bool fits = parts.size() == 4 && parts[0] == std::string_view{claim.time}.substr(0, 8) &&
                    (parts[2] == "sqs" || parts[2] == "sns") && parts[3] == terminator;
  if (fits) return {};
  return refuse(Fault::signature_does_not_match,
                "Credential should be scoped to the date of the request, a region, 'sqs' or 'sns', and 'aws4_request'.");
}

/// The path is encoded once more, as for every service but S3.
std::string canonical_path(std::string_view path) {
  std::string out;
  for (const auto part : split(path, '/')) out.append(out.empty() && part.empty() ? "" : "/").append(http::percent_encode(part));
  return out.empty() ? "/" : out;
}

std::string canonical_query(const Parameters& parameters) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : parameters) {
    if (name != "X-Amz-Signature") pairs.push_back(http::percent_encode(name) + "=" + http::percent_encode(value));
  }
  std::sort(pairs.begin(), pairs.end());
  return fmt::format("{}", fmt::join(pairs, "&"));
}

/// Runs of spaces count as one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : trimmed(value)) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

/// Nothing when a header is named that is not there.
std::optional<std::string> canonical_headers(const http::Request& request, std::string_view names) {
  std::string out;
  for (const auto name : split(names, ';')) {
    std::string value;
    bool found = false;
    for (const auto& field : request.fields) {
      if (!http::equal_ignoring_case(field.first, name)) continue;
      value.append(found ? "," : "").append(canonical_value(field.second));
      found = true;
    }
    if (!found) return std::nullopt;
    out.append(name).append(":").append(value).append("\n");
  }
  return out;
}

/// What decides who is asked for what has to be signed.
bool covers(const Claim& claim, const http::Request& request) {
  const auto names = split(claim.signed_headers, ';');
  const auto is_signed = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  return is_signed("host") && (claim.lifetime_s || is_signed("x-amz-date")) &&
         (request.field("X-Amz-Target").empty() || is_signed("x-amz-target"));
}

std::string signature_of(const http::Request& request, const Claim& claim, std::string_view headers, const Parameters& query,
                         const std::string& secret) {
  const auto canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_path(request.path()),
                                     canonical_query(query), headers, claim.signed_headers, sha256_of(request.body));
  std::string key = "AWS4" + secret;
  for (const auto part : split(claim.scope, '/')) key = hmac_sha256(key, part);
  return in_hexadecimal(hmac_sha256(key, fmt::format("{}\n{}\n{}\n{}", algorithm, claim.time, claim.scope, sha256_of(canonical))));
}

std::string secret_in(const std::string& path) {
  std::ifstream file{path};
  std::string secret;
  if (!std::getline(file, secret) || secret.empty()) throw std::invalid_argument{"credentials: no secret can be read from " + path};
  return secret;
}

}  // namespace

Credentials read_credentials(const nlohmann::json& list) {
  Credentials credentials;
  for (const auto& entry : list) {
    if (!entry.is_object()) throw std::invalid_argument{"credentials: an entry is { id = \"...\", secret = \"...\" }"};
    Input in{entry};
    const auto id = in.text_if_any("id").value_or("");
    const auto secret = in.text_if_any("secret");
    const auto file = in.text_if_any("secret_file");
    if (id.empty() || id.find('/') != std::string::npos || in.error())
      throw std::invalid_argument{"credentials: each entry has an id, a text without '/'"};
    if (secret.has_value() == file.has_value() || entry.size() != 2 || secret == std::string{})
      throw std::invalid_argument{"credentials: " + id + " has either a secret or a secret_file, and nothing else"};
    if (!credentials.emplace(id, secret ? *secret : secret_in(*file)).second)
      throw std::invalid_argument{"credentials: " + id + " is there twice"};
  }
  return credentials;
}

Answered<void> check_signature(const http::Request& request, const Credentials& credentials, std::int64_t now_s) {
  const auto query = read_form(request.query());
  if (!query) return Failure{query.error()};
  const bool in_header = !request.field("Authorization").empty();
  if (!in_header && !query->contains("X-Amz-Signature") && !query->contains("X-Amz-Algorithm"))
    return refuse(Fault::missing_authentication_token, "Request is missing Authentication Token");
  const auto claim = in_header ? read_header(request) : read_address(*query);
  if (!claim) return Failure{claim.error()};
  const auto known = credentials.find(claim->id);
  if (known == credentials.end())
    return refuse(Fault::invalid_client_token, "The security token included in the request is invalid.");
  if (auto timely = check_time(*claim, now_s); !timely) return timely;
  if (auto scoped = check_scope(*claim); !scoped) return scoped;
  const auto headers = canonical_headers(request, claim->signed_headers);
  if (!headers || !covers(*claim, request))
    return refuse(Fault::signature_does_not_match,
                  "'Host', 'X-Amz-Date' and 'X-Amz-Target' must be among the signed headers, and be sent.");
  if (!equal_in_constant_time(signature_of(request, *claim, *headers, *query, known->second), claim->signature))
    return refuse(
        Fault::signature_does_not_match,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
        "signing method. Consult the service documentation for details.");
  return {};
}

}  // namespace remuda::sqs
