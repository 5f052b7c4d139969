#pragma once
// The fields of a ride as they were found in a body, before anything is believed. Internal to the reading of rides.

#include <map>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "nodes/wild_rydes/ride.hpp"

namespace remuda::rides {

struct FoundField {
  enum class Kind { text, number, other };
  Kind kind = Kind::other;
  std::string text;  ///< of a number: its digits as written
  bool repeated = false;
};
using FoundFields = std::map<std::string, FoundField, std::less<>>;

/// Errors: `malformed_body` (definite), saying where.
Result<FoundFields> find_fields_in_json(std::string_view json);
Result<FoundFields> find_fields_in_msgpack(std::string_view body);

/// The ride, or every field that is wrong.
Result<Ride, RideErrors> make_ride(const FoundFields& fields, bool with_id);

}  // namespace remuda::rides
