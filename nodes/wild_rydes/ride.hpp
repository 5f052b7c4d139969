#pragma once
// A completed ride: the value that every Wild Rydes service shares, and its three forms: what clients submit, what they get,
// and what travels as the message `ride.completed`.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/problem.hpp"
#include "common/message.hpp"
#include "common/result.hpp"
#include "nodes/wild_rydes/decimal.hpp"

namespace remuda::rides {

struct Ride {
  std::string id;        ///< a UUID; empty in what clients submit
  std::string customer;  ///< 1 to 128 bytes
  std::string from;      ///< 1 to 256 bytes, as is `to`
  std::string to;
  Decimal distance;               ///< not negative
  Decimal duration;               ///< not negative
  Money fare;                     ///< not negative
  std::int64_t completed_ms = 0;  ///< when it was submitted; 0 = not known

  friend bool operator==(const Ride&, const Ride&) = default;
};

inline constexpr std::string_view ride_completed_type = "ride.completed";

/// What is wrong with a submitted ride: with `errors` empty the text was no JSON object at all, and `detail` says where.
struct RideErrors {
  std::string detail;
  std::vector<http::FieldError> errors;
};

/// Reads what a client submits: a JSON object with `customer`, `distance`, `duration`, `fare` and either `from` and `to` or
/// `from-to`. Numbers may come as numbers or as numeric text, and are read from their digits. `from-to` is split at " - " if it
/// holds that, else at its only '-'. Every wrong field is named. A known field given twice is wrong; unknown fields are overlooked,
/// so that newer clients are understood.
Result<Ride, RideErrors> read_submitted_ride(std::string_view json);

/// The ride for clients, with `links.self`; numbers are exact decimal literals.
[[nodiscard]] std::string representation(const Ride& ride);
[[nodiscard]] std::string ride_path(std::string_view id);

/// The event: id = the ride's id, body = msgpack map whose numbers are numbers, attributes `fare` and `distance` as Number text.
[[nodiscard]] Message ride_completed(const Ride& ride, std::string_view source);
/// Reads a ride from a message whose body is a msgpack map, or JSON where datacontenttype says so. All fields and `id` are
/// required. Errors: `malformed_ride` (definite), naming every wrong field: such a message will never be processed.
Result<Ride> ride_of(const Message& message);
/// The same for a ride to be submitted: as read_submitted_ride, from either kind of body.
Result<Ride, RideErrors> submitted_ride_of(const Message& message);

}  // namespace remuda::rides
