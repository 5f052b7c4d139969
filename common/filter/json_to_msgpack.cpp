#include "common/filter/json_to_msgpack.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include <msgpack/pack.hpp>

#include "common/filter/json_reader.hpp"
#include "common/filter/number.hpp"

namespace remuda {

namespace {

using filter::JsonReader;
using Kind = JsonReader::Kind;

struct StringSink {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};
using Packer = msgpack::packer<StringSink>;

/// msgpack-c's own pack_double converts to an integer first, which is undefined for 2^64.
void pack_double(std::string& out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  out += '\xcb';
  for (unsigned shift = 64; shift > 0;) out += static_cast<char>(bits >> (shift -= 8));
}

void pack_number(Packer& packer, std::string& out, std::string_view written) {
  const filter::Number value = filter::parse_number(written).value_or(0);
  const bool whole = value == std::floor(value) && !(value == 0 && std::signbit(value));
  if (whole && value >= 0 && value < 0x1p64L) {
    packer.pack_uint64(static_cast<std::uint64_t>(value));
  } else if (whole && value < 0 && value >= -0x1p63L) {
    packer.pack_int64(static_cast<std::int64_t>(value));
  } else {
    pack_double(out, static_cast<double>(value));
  }
}

void pack_text(Packer& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

/// An array or map whose head was written before its size was known: always the five-byte form, filled in at its end.
struct Open {
  std::size_t count_position;
  std::uint32_t count = 0;
};

void fill_in(std::string& out, const Open& open) {
  for (std::size_t i = 0; i < 4; ++i) out[open.count_position + i] = static_cast<char>(open.count >> (24U - 8U * i));
}

}  // namespace

bool json_to_msgpack(std::string_view json, std::string& out) {
  constexpr char array32 = '\xdd';
  constexpr char map32 = '\xdf';
  JsonReader reader{json};
  StringSink sink{out};
  Packer packer{sink};
  std::vector<Open> open;
  while (true) {
    const auto token = reader.next();
    const bool is_value = token.kind != Kind::end_array && token.kind != Kind::end_object && token.kind != Kind::end;
    // A map counts its keys; the value that follows a key was counted with it.
    if (is_value && !open.empty() && (token.kind == Kind::key || out[open.back().count_position - 1] == array32))
      ++open.back().count;
    switch (token.kind) {
      case Kind::null:
        packer.pack_nil();
        break;
      case Kind::boolean:
        token.boolean ? packer.pack_true() : packer.pack_false();
        break;
      case Kind::number:
        pack_number(packer, out, token.text);
        break;
      case Kind::key:
      case Kind::text:
        pack_text(packer, token.text);
        break;
      case Kind::begin_array:
      case Kind::begin_object:
        out += token.kind == Kind::begin_array ? array32 : map32;
        open.push_back({out.size()});
        out.append(4, '\0');
        break;
      case Kind::end_array:
      case Kind::end_object:
        fill_in(out, open.back());
        open.pop_back();
        break;
      case Kind::end:
        return true;
      case Kind::invalid:
        return false;
    }
  }
}

}  // namespace remuda
