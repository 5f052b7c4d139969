#pragma once
// Reads JSON text (RFC 8259) from people and peers nobody has checked, token by token, remembering where each token stands.
//
// The counterpart of MsgpackReader: never recurses, bounded in depth, sticky after the first wrong byte. It keeps what
// the usual document parsers throw away and filters need: positions for error messages, and numbers as they were written.

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace remuda::filter {

class JsonReader {
 public:
  /// Deep enough for any filter policy: a key at depth 151 alone exceeds the limit on combinations.
  static constexpr std::size_t depth_max = 256;

  enum class Kind : std::uint8_t {
    null,
    boolean,
    number,
    text,
    begin_array,
    end_array,
    begin_object,
    key,
    end_object,
    end,
    invalid
  };

  struct Token {
    Kind kind = Kind::invalid;
    bool boolean = false;
    std::string_view text;  ///< text and key: decoded; number: as written. Valid until the next token is read
    std::size_t begin = 0;  ///< byte offsets in the input, quotes included
    std::size_t end = 0;
  };

  /// The text must outlive the reader.
  explicit JsonReader(std::string_view input) : input_{input} {}

  /// The next token. `end` once, after one complete value, when nothing but white space is left; `invalid` from the first error on.
  Token next();

  /// What is wrong, and at which byte. Meaningful after `invalid`.
  [[nodiscard]] std::string_view error() const { return error_; }
  [[nodiscard]] std::size_t position() const { return position_; }

 private:
  enum class Expect : std::uint8_t { value, element_or_end, key, key_or_end, comma_or_end, nothing };

  std::string_view input_;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;
  std::bitset<depth_max> inside_object_;
  Expect expect_ = Expect::value;
  std::string_view error_;
  std::string decoded_;

  [[nodiscard]] char peek() const { return position_ < input_.size() ? input_[position_] : '\0'; }
  [[nodiscard]] bool in_object() const { return inside_object_[depth_ - 1]; }
  void skip_white_space();
  void value_done() { expect_ = depth_ == 0 ? Expect::nothing : Expect::comma_or_end; }
  Token fail(std::string_view what);
  Token open(Kind kind);
  Token close(Kind kind);
  Token read_value();
  Token read_key();
  Token read_literal(std::string_view word, Kind kind, bool value);
  Token read_number();
  Token read_text(Kind kind);
  bool decode_escape();
  bool decode_unicode_escape();
  bool read_hex4(std::uint32_t& unit);
};

}  // namespace remuda::filter
