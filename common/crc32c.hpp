#pragma once
// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of everything that is stored.

#include <cstdint>
#include <string_view>

namespace remuda {

/// The checksum of `bytes` continued from `seed`: crc32c(b, crc32c(a)) == crc32c(a + b). crc32c("123456789") == 0xE3069283.
/// Uses the SSE4.2 instruction where the machine has it.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

/// The same by table, for machines without the instruction (and for the test that both agree).
[[nodiscard]] std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace remuda
