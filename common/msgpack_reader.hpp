#pragma once
// Reads msgpack from bytes that nobody has checked: wire frames, message headers, bodies.
//
// The one bounded decoder of the project. It allocates nothing, follows no pointer outside the given bytes, refuses any
// declared count larger than the bytes that are left, extension types, and nesting deeper than 16. It works as a pull reader with
// a sticky failure: after the first wrong byte every read returns an empty value, so callers read a whole structure and
// then ask `ok()` once. Writing is msgpack-c's packer.
//
// Source of the rules: msgpack's default limits are 2^32-1, so five bytes can ask for 100 GB and nested arrays
// overflow a recursive visitor.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace remuda {

class MsgpackReader {
 public:
  static constexpr int depth_max = 16;

  enum class Kind : std::uint8_t { nil, boolean, signed_integer, unsigned_integer, floating, string, binary, array, map, invalid };

  /// One value, or the head of an array or map whose `count` elements (pairs) follow.
  struct Token {
    Kind kind = Kind::invalid;
    bool boolean = false;
    std::int64_t signed_integer = 0;     ///< negative integers only
    std::uint64_t unsigned_integer = 0;  ///< integers >= 0, however they were encoded
    double floating = 0;
    std::string_view bytes;   ///< string, binary: a view into the input
    std::uint32_t count = 0;  ///< array: elements; map: pairs
  };

  /// The bytes must outlive the reader and every view it returns.
  explicit MsgpackReader(std::string_view input) : input_{input} {}

  /// False from the first malformed, unexpected or over-limit byte on.
  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] bool at_end() const { return position_ == input_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }
  /// What follows, without taking it; `invalid` at the end or after a failure.
  [[nodiscard]] Kind peek() const;
  /// Marks the input as wrong: for callers that find a right value in a wrong place.
  void reject() { failed_ = true; }

  Token next();

  // Typed reads: the value when it has that type, else failure and an empty value.
  std::uint64_t unsigned_integer();
  std::int64_t signed_integer();
  bool boolean();
  std::string_view string();
  std::string_view binary();
  std::uint32_t array();
  std::uint32_t map();
  /// Takes a nil if one follows.
  bool take_nil();
  /// Takes one whole value, however nested, and returns its bytes; never recurses.
  std::string_view skip();

 private:
  std::string_view input_;
  std::size_t position_ = 0;
  bool failed_ = false;

  [[nodiscard]] std::size_t left() const { return input_.size() - position_; }
  [[nodiscard]] std::uint8_t head() const { return static_cast<std::uint8_t>(input_[position_]); }
  std::string_view any_string();
  std::string_view skip_rest(const Token& first, std::size_t begin);
  std::uint64_t big_endian(std::size_t width);
  std::string_view take(std::uint64_t size);
};

// Names and short values are what headers and bodies are made of, so these two are worth inlining.

inline std::string_view MsgpackReader::string() {
  if (failed_ || at_end() || (head() & 0xe0U) != 0xa0) return any_string();
  const std::size_t size = head() & 0x1fU;
  if (size >= left()) return any_string();
  const auto bytes = input_.substr(position_ + 1, size);
  position_ += 1 + size;
  return bytes;
}

inline std::string_view MsgpackReader::skip() {
  const std::size_t begin = position_;
  const Token first = next();
  if (first.kind == Kind::array || first.kind == Kind::map) return skip_rest(first, begin);
  return input_.substr(begin, failed_ ? 0 : position_ - begin);
}

/// True when `bytes` are exactly one well-formed msgpack value within the limits above.
bool is_msgpack(std::string_view bytes);

}  // namespace remuda
