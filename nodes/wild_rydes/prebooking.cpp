#include "nodes/wild_rydes/prebooking.hpp"

#include <nlohmann/json.hpp>

#include "common/http/url.hpp"
#include "common/msgpack_reader.hpp"

namespace remuda::rides {
namespace {

using Json = nlohmann::ordered_json;

Json parsed(std::string_view body) {
  // A msgpack map never begins with `{` or white space.
  return is_msgpack(body) ? Json::from_msgpack(body, true, false) : Json::parse(body, nullptr, false);
}

std::string text_of(const Json& fields, const char* name, std::size_t size_max, std::vector<http::FieldError>& errors) {
  const auto wrong = [&](std::string why) {
    errors.push_back({name, std::move(why)});
    return std::string{};
  };
  const auto found = fields.find(name);
  if (found == fields.end()) return wrong("is missing");
  if (!found->is_string()) return wrong("must be text");
  auto text = found->get<std::string>();
  if (text.find_first_not_of(' ') == std::string::npos) return wrong("must not be empty");
  if (text.size() > size_max) return wrong("must not be longer than " + std::to_string(size_max) + " bytes");
  if (!http::is_printable_utf8(text)) return wrong("must be UTF-8 text without control characters");
  return text;
}

Json fields_of(const Prebooking& booking) {
  return {{"id", booking.id}, {"customer", booking.customer}, {"from", booking.from}, {"to", booking.to}, {"when", booking.when}};
}

}  // namespace

Result<Prebooking, http::Problem> read_prebooking(std::string_view body) {
  const Json json = parsed(body);
  if (!json.is_object()) return Failure<http::Problem>{{400, "the body must be a JSON object", {}}};
  http::Problem problem{400, "some fields are missing or wrong", {}};
  Prebooking booking;
  booking.customer = text_of(json, "customer", 128, problem.errors);
  booking.from = text_of(json, "from", 256, problem.errors);
  booking.to = text_of(json, "to", 256, problem.errors);
  booking.when = text_of(json, "when", 64, problem.errors);
  if (!problem.errors.empty()) return Failure<http::Problem>{std::move(problem)};
  return booking;
}

Message prebooking_submitted(const Prebooking& booking, std::string_view source) {
  Message message;
  message.id = booking.id;
  message.source = source;
  message.type = prebooking_submitted_type;
  message.subject = booking.customer;
  const auto bytes = Json::to_msgpack(fields_of(booking));
  message.body.assign(bytes.begin(), bytes.end());
  return message;
}

Result<Prebooking> prebooking_of(const Message& message) {
  auto booking = read_prebooking(message.body);
  if (!booking) {
    std::string text = booking.error().detail;
    for (const auto& error : booking.error().errors) text += "; " + error.field + " " + error.message;
    return fail("malformed_prebooking", std::move(text));
  }
  booking->id = message.id;
  return std::move(booking).value();
}

std::string representation(const Prebooking& booking) {
  Json json = fields_of(booking);
  json["status"] = "done";
  json["links"] = {{"self", prebooking_path(booking.id)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string prebooking_path(std::string_view id) {
  return "/prebookings/" + http::percent_encode(id);
}

}  // namespace remuda::rides
