#include "common/filter/cidr.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace remuda::filter {

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};  // inet_pton wants a C string
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), terminated.begin());
  IpAddress address;
  address.is_v6 = text.find(':') != std::string_view::npos;
  if (inet_pton(address.is_v6 ? AF_INET6 : AF_INET, terminated.data(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

bool Cidr::contains(const IpAddress& address) const {
  if (address.is_v6 != network.is_v6) return false;
  const unsigned whole_bytes = mask_bits / 8;
  if (!std::equal(network.bytes.begin(), network.bytes.begin() + whole_bytes, address.bytes.begin())) return false;
  const unsigned rest_bits = mask_bits % 8;
  if (rest_bits == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00U >> rest_bits);
  return (network.bytes[whole_bytes] & mask) == (address.bytes[whole_bytes] & mask);
}

}  // namespace remuda::filter
