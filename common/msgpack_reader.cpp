#include "common/msgpack_reader.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace remuda {

namespace {

using Kind = MsgpackReader::Kind;

constexpr Kind kind_of(std::uint8_t head) {
  if (head <= 0x7f) return Kind::unsigned_integer;
  if (head <= 0x8f) return Kind::map;
  if (head <= 0x9f) return Kind::array;
  if (head <= 0xbf) return Kind::string;
  if (head >= 0xe0) return Kind::signed_integer;
  switch (head) {
    case 0xc0:
      return Kind::nil;
    case 0xc2:
    case 0xc3:
      return Kind::boolean;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return Kind::binary;
    case 0xca:
    case 0xcb:
      return Kind::floating;
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return Kind::unsigned_integer;
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return Kind::signed_integer;
    case 0xd9:
    case 0xda:
    case 0xdb:
      return Kind::string;
    case 0xdc:
    case 0xdd:
      return Kind::array;
    case 0xde:
    case 0xdf:
      return Kind::map;
    default:
      return Kind::invalid;  // 0xc1 is never used; extension types are refused
  }
}

constexpr auto kinds = [] {
  std::array<Kind, 256> table{};
  for (unsigned head = 0; head < table.size(); ++head) table[head] = kind_of(static_cast<std::uint8_t>(head));
  return table;
}();

template <class T>
T load(std::string_view bytes) {
  T value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::int64_t sign_extend(std::uint64_t value, std::size_t width) {
  switch (width) {
    case 1:
      return static_cast<std::int8_t>(value);
    case 2:
      return static_cast<std::int16_t>(value);
    case 4:
      return static_cast<std::int32_t>(value);
    default:
      return static_cast<std::int64_t>(value);
  }
}

}  // namespace

MsgpackReader::Kind MsgpackReader::peek() const {
  if (failed_ || at_end()) return Kind::invalid;
  return kinds[head()];
}

std::uint64_t MsgpackReader::big_endian(std::size_t width) {
  if (left() < width) {
    failed_ = true;
    return 0;
  }
  const std::string_view bytes = input_.substr(position_, width);
  position_ += width;
  static_assert(std::endian::native == std::endian::little);
  switch (width) {
    case 1:
      return static_cast<std::uint8_t>(bytes[0]);
    case 2:
      return __builtin_bswap16(load<std::uint16_t>(bytes));
    case 4:
      return __builtin_bswap32(load<std::uint32_t>(bytes));
    default:
      return __builtin_bswap64(load<std::uint64_t>(bytes));
  }
}

std::string_view MsgpackReader::take(std::uint64_t size) {
  if (failed_ || size > left()) {
    failed_ = true;
    return {};
  }
  const auto bytes = input_.substr(position_, static_cast<std::size_t>(size));
  position_ += static_cast<std::size_t>(size);
  return bytes;
}

MsgpackReader::Token MsgpackReader::next() {
  Token token;
  const Kind kind = peek();
  if (kind == Kind::invalid) {
    failed_ = true;
    return token;
  }
  const std::uint8_t head = this->head();
  ++position_;
  switch (kind) {
    case Kind::nil:
      break;
    case Kind::boolean:
      token.boolean = head == 0xc3;
      break;
    case Kind::unsigned_integer:
      token.unsigned_integer = head <= 0x7f ? head : big_endian(std::size_t{1} << (head - 0xccU));
      break;
    case Kind::signed_integer: {
      const std::size_t width = std::size_t{1} << ((head - 0xd0U) & 3U);
      token.signed_integer = head >= 0xe0 ? static_cast<std::int8_t>(head) : sign_extend(big_endian(width), width);
      break;
    }
    case Kind::floating:
      token.floating = head == 0xca ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(4))))
                                    : std::bit_cast<double>(big_endian(8));
      break;
    case Kind::string:
      token.bytes = take(head <= 0xbf ? head & 0x1fU : big_endian(std::size_t{1} << (head - 0xd9U)));
      break;
    case Kind::binary:
      token.bytes = take(big_endian(std::size_t{1} << (head - 0xc4U)));
      break;
    case Kind::array:
      token.count = static_cast<std::uint32_t>(head <= 0x9f ? head & 0x0fU : big_endian(head == 0xdc ? 2 : 4));
      if (token.count > left()) failed_ = true;  // every element takes at least one byte
      break;
    case Kind::map:
      token.count = static_cast<std::uint32_t>(head <= 0x8f ? head & 0x0fU : big_endian(head == 0xde ? 2 : 4));
      if (token.count > left() / 2) failed_ = true;
      break;
    case Kind::invalid:
      break;
  }
  if (failed_) return {};
  token.kind = kind;
  if (kind == Kind::signed_integer && token.signed_integer >= 0) {
    token.kind = Kind::unsigned_integer;
    token.unsigned_integer = static_cast<std::uint64_t>(token.signed_integer);
  }
  return token;
}

std::uint64_t MsgpackReader::unsigned_integer() {
  const Token token = next();
  if (token.kind != Kind::unsigned_integer) failed_ = true;
  return token.unsigned_integer;
}

std::int64_t MsgpackReader::signed_integer() {
  const Token token = next();
  if (token.kind == Kind::signed_integer) return token.signed_integer;
  if (token.kind != Kind::unsigned_integer || token.unsigned_integer > INT64_MAX) {
    failed_ = true;
    return 0;
  }
  return static_cast<std::int64_t>(token.unsigned_integer);
}

bool MsgpackReader::boolean() {
  const Token token = next();
  if (token.kind != Kind::boolean) failed_ = true;
  return token.boolean;
}

std::string_view MsgpackReader::any_string() {
  const Token token = next();
  if (token.kind != Kind::string) {
    failed_ = true;
    return {};
  }
  return token.bytes;
}

std::string_view MsgpackReader::binary() {
  const Token token = next();
  if (token.kind != Kind::binary) {
    failed_ = true;
    return {};
  }
  return token.bytes;
}

std::uint32_t MsgpackReader::array() {
  const Token token = next();
  if (token.kind != Kind::array) failed_ = true;
  return failed_ ? 0 : token.count;
}

std::uint32_t MsgpackReader::map() {
  const Token token = next();
  if (token.kind != Kind::map) failed_ = true;
  return failed_ ? 0 : token.count;
}

bool MsgpackReader::take_nil() {
  if (peek() != Kind::nil) return false;
  next();
  return true;
}

std::string_view MsgpackReader::skip_rest(const Token& first, std::size_t begin) {
  std::array<std::uint64_t, depth_max> values_left{};  // one per open array or map
  std::size_t depth = 0;
  const auto open = [&](const Token& token) { values_left[depth++] = token.kind == Kind::map ? 2ULL * token.count : token.count; };
  open(first);
  while (depth > 0) {
    if (values_left[depth - 1] == 0) {
      --depth;
      continue;
    }
    --values_left[depth - 1];
    const Token token = next();
    const bool is_container = token.kind == Kind::array || token.kind == Kind::map;
    if (is_container && depth == depth_max) failed_ = true;
    if (failed_) return {};
    if (is_container) open(token);
  }
  return input_.substr(begin, position_ - begin);
}

bool is_msgpack(std::string_view bytes) {
  MsgpackReader reader{bytes};
  reader.skip();
  return reader.ok() && reader.at_end();
}

}  // namespace remuda
