#pragma once
// The alphabet of records: bytes, little-endian integers, varints (LEB128) and texts with a length. Writing appends to a string;
// reading is bounded and remembers its first failure, so that a decoder checks once, at the end.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace remuda::broker {

inline void put_byte(std::string& out, std::uint8_t value) {
  out.push_back(static_cast<char>(value));
}

inline void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80U) {
    out.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
    value >>= 7U;
  }
  out.push_back(static_cast<char>(value));
}

/// Small for small magnitudes of either sign (zigzag).
inline void put_signed(std::string& out, std::int64_t value) {
  put_varint(out, (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
}

inline void put_u32(std::string& out, std::uint32_t value) {
  const char bytes[4] = {static_cast<char>(value & 0xFFU), static_cast<char>((value >> 8U) & 0xFFU),
                         static_cast<char>((value >> 16U) & 0xFFU), static_cast<char>(value >> 24U)};
  out.append(bytes, 4);
}

inline void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_{bytes} {}

  [[nodiscard]] bool at_end() const { return position_ == bytes_.size(); }
  /// False once anything was read that is not there.
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }
  void fail() {
    ok_ = false;
    position_ = bytes_.size();
  }

  std::uint8_t byte() {
    if (at_end()) return fail(), std::uint8_t{0};
    return static_cast<std::uint8_t>(bytes_[position_++]);
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      if (shift == 63 && next > 1) break;  // more than 64 bits
      value |= static_cast<std::uint64_t>(next & 0x7FU) << shift;
      if ((next & 0x80U) == 0) return value;
    }
    return fail(), std::uint64_t{0};
  }
  std::uint32_t varint32() {
    const std::uint64_t value = varint();
    if (value > UINT32_MAX) return fail(), std::uint32_t{0};
    return static_cast<std::uint32_t>(value);
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
  }
  std::uint32_t u32() {
    const std::string_view four = bytes(4);
    std::uint32_t value = 0;
    for (std::size_t i = four.size(); i-- > 0;) value = (value << 8U) | static_cast<std::uint8_t>(four[i]);
    return value;
  }
  std::string_view bytes(std::size_t size) {
    if (left() < size) return fail(), std::string_view{};
    position_ += size;
    return bytes_.substr(position_ - size, size);
  }
  std::string_view text() {
    const std::uint64_t size = varint();
    if (size > left()) return fail(), std::string_view{};
    return bytes(static_cast<std::size_t>(size));
  }

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

[[nodiscard]] inline std::string read_text(ByteReader& in) {
  return std::string{in.text()};
}

template <std::size_t N>
[[nodiscard]] std::array<char, N> read_array(ByteReader& in) {
  std::array<char, N> out{};
  const std::string_view bytes = in.bytes(N);
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

}  // namespace remuda::broker
