#pragma once
// The encoded parts of a request target: percent-decoding and query strings. Pure.
// Source: RFC 3986, section 2.1; the WHATWG URL Standard for '+' in queries.

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace remuda::http {

/// Decodes %XX. Nothing when an escape is broken, or when the result is not UTF-8 or holds a control character.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// Decodes `a=1&b=x+y`; a name without '=' has an empty value, the last of equal names wins. Nothing when a part does not decode.
[[nodiscard]] std::optional<std::map<std::string, std::string>> parse_query(std::string_view query);
/// Encodes everything but unreserved characters.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// True for well-formed UTF-8 (no surrogates, no overlong forms) without control characters (U+0000 to U+001F, U+007F).
[[nodiscard]] bool is_printable_utf8(std::string_view text);

}  // namespace remuda::http
