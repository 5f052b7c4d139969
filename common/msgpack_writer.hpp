#pragma once
// Appends msgpack to a string: msgpack-c's packer behind the few calls that this project writes with. For .cpp files only
// (a heavy include).

#include <cstdint>
#include <string>
#include <string_view>

#include <msgpack/pack.hpp>

namespace remuda {

class MsgpackWriter {
 public:
  /// `out` must outlive the writer; nothing in it is changed, only appended to.
  explicit MsgpackWriter(std::string& out) : sink_{out}, packer_{sink_} {}

  MsgpackWriter& array(std::size_t count) { return packer_.pack_array(static_cast<std::uint32_t>(count)), *this; }
  MsgpackWriter& map(std::size_t count) { return packer_.pack_map(static_cast<std::uint32_t>(count)), *this; }
  MsgpackWriter& nil() { return packer_.pack_nil(), *this; }
  MsgpackWriter& boolean(bool value) { return value ? packer_.pack_true() : packer_.pack_false(), *this; }
  MsgpackWriter& number(std::uint64_t value) { return packer_.pack_uint64(value), *this; }
  MsgpackWriter& signed_number(std::int64_t value) { return packer_.pack_int64(value), *this; }
  MsgpackWriter& floating(double value) { return packer_.pack_double(value), *this; }
  MsgpackWriter& text(std::string_view value) {
    packer_.pack_str(static_cast<std::uint32_t>(value.size()));
    packer_.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
    return *this;
  }
  MsgpackWriter& binary(std::string_view value) {
    packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer_.pack_bin_body(value.data(), static_cast<std::uint32_t>(value.size()));
    return *this;
  }
  /// Bytes that are msgpack already.
  MsgpackWriter& raw(std::string_view packed) { return sink_.out.append(packed), *this; }

 private:
  struct Sink {
    std::string& out;
    void write(const char* data, std::size_t size) { out.append(data, size); }
  };
  Sink sink_;
  msgpack::packer<Sink> packer_;
};

}  // namespace remuda
