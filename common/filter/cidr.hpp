#pragma once
// A block of IPv4 or IPv6 addresses, as in `10.0.0.0/24`.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace remuda::filter {

/// An address in network byte order; an IPv4 address uses the first four bytes.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v6 = false;
};

/// Nothing when `text` is no complete address in the usual notation.
std::optional<IpAddress> parse_ip_address(std::string_view text);

struct Cidr {
  IpAddress network;
  unsigned mask_bits = 0;  ///< 0 to 32 (IPv4) or 128 (IPv6)

  /// An IPv4 block holds no IPv6 address, nor the other way round.
  [[nodiscard]] bool contains(const IpAddress& address) const;
};

}  // namespace remuda::filter
