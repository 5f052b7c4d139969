#pragma once
// Turns JSON text into the packed form in which filters and handlers read bodies.

#include <string>
#include <string_view>

namespace remuda {

/// Appends the msgpack form of one JSON value to `out`. Whole numbers that fit 64 bits become integers whatever their spelling
/// (`4.0`, `4e0`), all others become doubles. A repeated key is kept both times.
/// False when `json` is no JSON text; `out` then holds an unfinished value.
bool json_to_msgpack(std::string_view json, std::string& out);

}  // namespace remuda
