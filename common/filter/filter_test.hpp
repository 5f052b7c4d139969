#pragma once
// Tries a policy or an event pattern on a sample, one JSON line in and one out: what `remuda filter test` prints.

#include <string>
#include <string_view>

namespace remuda {

/// Reads `{"policy": ..., "scope": "MessageBody"|"MessageAttributes", "attributes": {name: {"Type": ..., "Value": ...}}, "body":
/// "text"}` and gives
/// `{"match": true}`, `{"match": false}` or `{"error": "..."}`, without a line break. Never throws.
/// `policy`: an object, or its JSON text; absent, null or empty text wants every message. `scope`: MessageAttributes when absent.
/// `attributes`, `body`: none when absent. `Type`: String, String.Array, Number or Binary; `Value`: text, for a Number also a JSON
/// number. `body` may also be an object instead of its JSON text. Any other key is an error.
std::string filter_test_line(std::string_view json_line);

/// The same for a bus: reads `{"pattern": {...}, "event": {...}}`, each an object or its JSON text. An event that is no JSON
/// object matches nothing.
std::string pattern_test_line(std::string_view json_line);

}  // namespace remuda
