#include "nodes/wild_rydes/ride.hpp"

#include <nlohmann/json.hpp>

#include "common/msgpack_writer.hpp"
#include "nodes/wild_rydes/ride_fields.hpp"

namespace remuda::rides {

namespace {

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

void write_number(MsgpackWriter& out, const Decimal& decimal) {
  decimal.scale == 0 ? out.signed_number(decimal.coefficient) : out.floating(decimal.number());
}

Result<FoundFields> find_fields(const Message& message) {
  return message.datacontenttype == "application/json" ? find_fields_in_json(message.body) : find_fields_in_msgpack(message.body);
}

}  // namespace

Result<Ride, RideErrors> read_submitted_ride(std::string_view json) {
  auto fields = find_fields_in_json(json);
  if (!fields) return Failure<RideErrors>{{fields.error().message, {}}};
  return make_ride(*fields, false);
}

Result<Ride, RideErrors> submitted_ride_of(const Message& message) {
  auto fields = find_fields(message);
  if (!fields) return Failure<RideErrors>{{fields.error().message, {}}};
  return make_ride(*fields, false);
}

std::string ride_path(std::string_view id) {
  return "/rides/" + std::string{id};
}

std::string representation(const Ride& ride) {
  std::string json;
  json.reserve(256);
  json.append("{\"id\":").append(quoted(ride.id));
  json.append(",\"customer\":").append(quoted(ride.customer));
  json.append(",\"from\":").append(quoted(ride.from));
  json.append(",\"to\":").append(quoted(ride.to));
  json.append(",\"distance\":").append(ride.distance.text());
  json.append(",\"duration\":").append(ride.duration.text());
  json.append(",\"fare\":").append(ride.fare.text());
  json.append(",\"links\":{\"self\":").append(quoted(ride_path(ride.id))).append("}}");
  return json;
}

Message ride_completed(const Ride& ride, std::string_view source) {
  Message message;
  message.id = ride.id;
  message.source = source;
  message.type = ride_completed_type;
  message.subject = ride_path(ride.id);
  message.time_ms = ride.completed_ms;
  message.attributes["fare"] = {"Number", ride.fare.text()};
  message.attributes["distance"] = {"Number", ride.distance.text()};
  MsgpackWriter body{message.body};
  body.map(7);
  body.text("id").text(ride.id);
  body.text("customer").text(ride.customer);
  body.text("from").text(ride.from);
  body.text("to").text(ride.to);
  write_number(body.text("distance"), ride.distance);
  write_number(body.text("duration"), ride.duration);
  body.text("fare").floating(ride.fare.number());
  return message;
}

Result<Ride> ride_of(const Message& message) {
  const auto fields = find_fields(message);
  if (!fields) return fail("malformed_ride", fields.error().message);
  auto ride = make_ride(*fields, true);
  if (!ride) {
    std::string text;
    for (const auto& [field, problem] : ride.error().errors) text += (text.empty() ? "" : "; ") + field + " " + problem;
    return fail("malformed_ride", text);
  }
  ride->completed_ms = message.time_ms;
  return std::move(*ride);
}

}  // namespace remuda::rides
