#pragma once
// A prebooking: a ride ordered for later. The value that the prebooking nodes share, what clients submit and get, and what travels
// as the message `prebooking.submitted`. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "common/http/problem.hpp"
#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda::rides {

struct Prebooking {
  std::string id;        ///< the task that its submission started (common/http/task.hpp)
  std::string customer;  ///< 1 to 128 bytes
  std::string from;      ///< 1 to 256 bytes, as is `to`
  std::string to;
  std::string when;  ///< 1 to 64 bytes: a point in time in the customer's words; nothing here computes with it
  friend bool operator==(const Prebooking&, const Prebooking&) = default;
};

inline constexpr std::string_view prebooking_submit_type = "prebooking.submit";        ///< a command, from whoever accepts
inline constexpr std::string_view prebooking_submitted_type = "prebooking.submitted";  ///< an event

/// Reads what a client submits: a JSON object or msgpack map with `customer`, `from`, `to` and `when`. Unknown fields are
/// overlooked. Errors: a problem with status 400 that names every wrong field.
Result<Prebooking, http::Problem> read_prebooking(std::string_view body);

/// The event: id = the prebooking's, body = msgpack map.
[[nodiscard]] Message prebooking_submitted(const Prebooking& booking, std::string_view source);
/// Reads it back. Errors: `malformed_prebooking` (definite): such a message will never be processed.
Result<Prebooking> prebooking_of(const Message& message);

/// The prebooking for clients when it is made: `status` done, `links.self`.
[[nodiscard]] std::string representation(const Prebooking& booking);
[[nodiscard]] std::string prebooking_path(std::string_view id);

}  // namespace remuda::rides
