#pragma once
// FilterPolicy: which messages of a topic a queue wants, in the language of SNS subscription filter policies.
//
//   {"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]}
//
// Keys are AND-ed, the entries of a key's array are OR-ed, `$or` joins alternatives; keys that are not named do not matter.
// A policy is checked and compiled once, then evaluated on the packed bytes of each message: no document tree, and no
// allocation for a msgpack body. It never throws and never refuses a message: what it cannot read does not match.
//
// Operators: a plain value, `prefix`, `suffix`, `equals-ignore-case`, `anything-but` (also of a `prefix`), `numeric`, `exists`,
// `cidr`. Source of the rules: Amazon SNS Developer Guide, "Message filtering"; where it is silent:
// - An array satisfies a key when one of its elements does. Keys nested under the same array must be satisfied by the same element.
// - `exists` asks for a value: an object or an empty array in its place counts as absent.
// - An attribute that is a String.Array and no JSON, or empty, and a Number that is no number, satisfy nothing, not even `exists`.
// - A nested object without keys asks for nothing.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda {

namespace filter {
struct CompiledPolicy;
}

/// What a policy's keys name: `attributes` is SNS's MessageAttributes, `body` its MessageBody.
enum class FilterScope : std::uint8_t { body, attributes };

/// Why a policy was refused: code `invalid_filter_policy`, always definite; the text names the key, what is wrong and
/// what is allowed.
struct FilterPolicyError : Error {
  std::size_t offset = 0;  ///< byte in the policy's JSON text where the offending place begins
};

/// A value: cheap to copy, and safe to use from several threads at once.
class FilterPolicy {
 public:
  static constexpr std::size_t size_max_bytes = 256 * 1024;
  static constexpr std::size_t keys_max = 5;              ///< top-level keys, `$or` included
  static constexpr std::uint64_t combinations_max = 150;  ///< product over all keys of values x depth; `$or` adds its arms

  /// The policy that wants every message.
  FilterPolicy() = default;

  /// Checks and compiles the JSON text of a policy. An empty object wants every message.
  /// Errors: `invalid_filter_policy`, for everything SNS refuses at subscription time, and for an alternative of more than 64 keys.
  static Result<FilterPolicy, FilterPolicyError> compile(std::string_view policy_json, FilterScope scope);

  [[nodiscard]] bool matches(const MessageView& message) const;

  /// The same for a body alone. A body is a msgpack map, or the text of a JSON object; its first byte tells which, since no msgpack
  /// map begins with `{` or white space. Anything else, malformed bytes after the last key included, matches no policy but the
  /// empty one; nor need a body match that is nested deeper than 16.
  [[nodiscard]] bool matches_body(std::string_view body) const;

  /// The same for attributes alone: the packed map of MessageView::attributes; empty when there are none. Binary attributes
  /// count as absent.
  [[nodiscard]] bool matches_attributes(std::string_view attributes) const;

 private:
  std::shared_ptr<const filter::CompiledPolicy> compiled_;  // null: every message
  FilterScope scope_ = FilterScope::body;
};

}  // namespace remuda
