#pragma once
// Evaluates a compiled policy on packed bytes. Allocates nothing, except to decode escapes in a String.Array attribute.

#include <string_view>

#include "common/filter/compiled_policy.hpp"

namespace remuda::filter {

/// `body`: exactly one msgpack map; anything else matches nothing, nor need what is nested deeper than MsgpackReader::depth_max.
bool matches_packed_body(const CompiledPolicy& policy, std::string_view body);

/// `attributes`: a msgpack map name -> [type, value], or no bytes at all for no attributes.
bool matches_packed_attributes(const CompiledPolicy& policy, std::string_view attributes);

}  // namespace remuda::filter
