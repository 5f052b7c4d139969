#pragma once
// The values that a saga works on, and what may go wrong while it does.

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/filter/json_document.hpp"
#include "common/result.hpp"

namespace remuda::saga {

using Json = nlohmann::json;
/// Wall-clock time: a saga outlives processes and restarts.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

/// An error of the language: `error` is what Retry and Catch name, `cause` is for people.
struct StateError {
  std::string error;
  std::string cause;
  friend bool operator==(const StateError&, const StateError&) = default;
};

inline Failure<StateError> failed(std::string error, std::string cause) {
  return {StateError{std::move(error), std::move(cause)}};
}

namespace errors {
inline constexpr const char* all = "States.ALL";
inline constexpr const char* runtime = "States.Runtime";
inline constexpr const char* timeout = "States.Timeout";
inline constexpr const char* heartbeat_timeout = "States.HeartbeatTimeout";
inline constexpr const char* task_failed = "States.TaskFailed";
inline constexpr const char* parameter_path = "States.ParameterPathFailure";
inline constexpr const char* result_path = "States.ResultPathMatchFailure";
inline constexpr const char* intrinsic = "States.IntrinsicFailure";
inline constexpr const char* no_choice = "States.NoChoiceMatched";
inline constexpr const char* too_many_failures = "States.ExceedToleratedFailureThreshold";
inline constexpr const char* data_limit = "States.DataLimitExceeded";
}  // namespace errors

/// The most that may pass from one state to the next, and how deep it may be nested; more is States.DataLimitExceeded.
inline constexpr std::size_t data_bytes_max = 256 * 1024;
inline constexpr std::size_t data_depth_max = 256;

/// Random numbers that a replay draws again: the seed is part of the execution.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next();
  /// From 0 to below 1.
  double fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

/// The same value without positions. A number beyond double's range becomes null.
Json to_json(const filter::JsonValue& value);
Json to_json(filter::JsonValue&& value);
/// A whole JSON text. Bounded in depth; a repeated key is an error.
Result<Json, filter::JsonError> read_json(std::string_view text);
/// Compact JSON text; bytes that are no UTF-8 are replaced.
std::string to_text(const Json& value);
/// A whole number of seconds is written without a fraction.
Json seconds(Milliseconds duration);
/// False as soon as `value` is larger or deeper than data may be.
bool within_limits(const Json& value);
/// True only when they are within limits also where one is part of the other, below a few names.
bool within_limits_together(const Json& outer, const Json& inner);

/// RFC 3339 with capital T and Z or an offset.
std::optional<Time> read_timestamp(std::string_view text);
std::string write_timestamp(Time time);

}  // namespace remuda::saga
