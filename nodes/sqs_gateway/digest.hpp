#pragma once
// Digests and base64 by OpenSSL, in the forms that the protocols use. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/message.hpp"

namespace remuda::sqs {

/// 32 hexadecimal digits.
[[nodiscard]] std::string md5_of(std::string_view bytes);
/// Source: SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
[[nodiscard]] std::string md5_of_attributes(const std::map<std::string, Attribute>& attributes);

/// 64 hexadecimal digits.
[[nodiscard]] std::string sha256_of(std::string_view bytes);
/// 32 bytes.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// In a time that does not depend on where they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);
[[nodiscard]] std::string in_hexadecimal(std::string_view bytes);

[[nodiscard]] std::string base64(std::string_view bytes);
/// Nothing for what is not base64 with its padding.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace remuda::sqs
