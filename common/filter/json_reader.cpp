#include "common/filter/json_reader.hpp"

namespace remuda::filter {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::uint32_t code_point, std::string& out) {
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xc0U | code_point >> 6U);
    out += static_cast<char>(0x80U | (code_point & 0x3fU));
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xe0U | code_point >> 12U);
    out += static_cast<char>(0x80U | (code_point >> 6U & 0x3fU));
    out += static_cast<char>(0x80U | (code_point & 0x3fU));
  } else {
    out += static_cast<char>(0xf0U | code_point >> 18U);
    out += static_cast<char>(0x80U | (code_point >> 12U & 0x3fU));
    out += static_cast<char>(0x80U | (code_point >> 6U & 0x3fU));
    out += static_cast<char>(0x80U | (code_point & 0x3fU));
  }
}

/// Size of the well-formed UTF-8 sequence that `text` begins with, 0 when there is none.
/// Refuses overlong forms, surrogates and code points above U+10FFFF (Unicode Standard, table 3-7).
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto between = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  const unsigned head = byte(0);
  if (head < 0x80) return 1;
  if (between(0, 0xc2, 0xdf)) return between(1, 0x80, 0xbf) ? 2 : 0;
  if (between(0, 0xe0, 0xef)) {
    const bool second = between(1, head == 0xe0 ? 0xa0 : 0x80, head == 0xed ? 0x9f : 0xbf);
    return second && between(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (between(0, 0xf0, 0xf4)) {
    const bool second = between(1, head == 0xf0 ? 0x90 : 0x80, head == 0xf4 ? 0x8f : 0xbf);
    return second && between(2, 0x80, 0xbf) && between(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

}  // namespace

JsonReader::Token JsonReader::fail(std::string_view what) {
  if (error_.empty()) error_ = what;
  Token token;
  token.begin = token.end = position_;
  return token;
}

void JsonReader::skip_white_space() {
  while (position_ < input_.size()) {
    const char c = input_[position_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++position_;
  }
}

JsonReader::Token JsonReader::next() {
  if (!error_.empty()) return fail(error_);
  skip_white_space();
  if (position_ == input_.size()) {
    if (expect_ != Expect::nothing) return fail(input_.empty() ? "the text is empty" : "the text ends too early");
    Token token;
    token.kind = Kind::end;
    token.begin = token.end = position_;
    return token;
  }
  if (expect_ == Expect::comma_or_end && peek() == ',') {
    ++position_;
    expect_ = in_object() ? Expect::key : Expect::value;
    skip_white_space();
  }
  switch (expect_) {
    case Expect::nothing:
      return fail("there is more text after the value");
    case Expect::key:
      return read_key();
    case Expect::key_or_end:
      return peek() == '}' ? close(Kind::end_object) : read_key();
    case Expect::element_or_end:
      return peek() == ']' ? close(Kind::end_array) : read_value();
    case Expect::value:
      return read_value();
    case Expect::comma_or_end:
      break;
  }
  if (in_object()) return peek() == '}' ? close(Kind::end_object) : fail("expected ',' or '}'");
  return peek() == ']' ? close(Kind::end_array) : fail("expected ',' or ']'");
}

JsonReader::Token JsonReader::open(Kind kind) {
  if (depth_ == depth_max) return fail("the text is nested too deeply");
  inside_object_[depth_++] = kind == Kind::begin_object;
  expect_ = kind == Kind::begin_object ? Expect::key_or_end : Expect::element_or_end;
  Token token;
  token.kind = kind;
  token.begin = position_++;
  token.end = position_;
  return token;
}

JsonReader::Token JsonReader::close(Kind kind) {
  --depth_;
  value_done();
  Token token;
  token.kind = kind;
  token.begin = position_++;
  token.end = position_;
  return token;
}

JsonReader::Token JsonReader::read_value() {
  switch (peek()) {
    case '{':
      return open(Kind::begin_object);
    case '[':
      return open(Kind::begin_array);
    case '"':
      return read_text(Kind::text);
    case 't':
      return read_literal("true", Kind::boolean, true);
    case 'f':
      return read_literal("false", Kind::boolean, false);
    case 'n':
      return read_literal("null", Kind::null, false);
    default:
      return read_number();
  }
}

JsonReader::Token JsonReader::read_key() {
  if (peek() != '"') return fail("expected a key in double quotes");
  const Token key = read_text(Kind::key);
  if (key.kind == Kind::invalid) return key;
  skip_white_space();
  if (peek() != ':') return fail("expected ':' after the key");
  ++position_;
  expect_ = Expect::value;
  return key;
}

JsonReader::Token JsonReader::read_literal(std::string_view word, Kind kind, bool value) {
  if (!input_.substr(position_).starts_with(word))
    return fail("expected a value: text in double quotes, number, true, false, null, [ or {");
  Token token;
  token.kind = kind;
  token.boolean = value;
  token.begin = position_;
  token.end = position_ += word.size();
  value_done();
  return token;
}

JsonReader::Token JsonReader::read_number() {
  Token token;
  token.kind = Kind::number;
  token.begin = position_;
  const auto digits = [&] {
    const std::size_t begin = position_;
    while (is_digit(peek())) ++position_;
    return position_ != begin;
  };
  if (peek() == '-') ++position_;
  const bool leading_zero = peek() == '0';
  const std::size_t whole = position_;
  if (!digits()) return fail("expected a value: text in double quotes, number, true, false, null, [ or {");
  if (leading_zero && position_ != whole + 1) return fail("a number must not begin with 0");
  if (peek() == '.') {
    ++position_;
    if (!digits()) return fail("a number needs a digit after its point");
  }
  if (peek() == 'e' || peek() == 'E') {
    ++position_;
    if (peek() == '+' || peek() == '-') ++position_;
    if (!digits()) return fail("a number needs a digit in its exponent");
  }
  token.end = position_;
  token.text = input_.substr(token.begin, token.end - token.begin);
  value_done();
  return token;
}

JsonReader::Token JsonReader::read_text(Kind kind) {
  Token token;
  token.kind = kind;
  token.begin = position_++;
  std::size_t plain = position_;  // start of what is not yet in decoded_
  bool is_decoded = false;
  while (peek() != '"') {
    if (position_ == input_.size()) return fail("the text ends inside double quotes");
    if (static_cast<unsigned char>(peek()) < 0x20) return fail("a control character inside double quotes must be escaped");
    if (peek() == '\\') {
      if (!is_decoded) decoded_.clear();
      is_decoded = true;
      decoded_.append(input_, plain, position_ - plain);
      if (!decode_escape()) return fail("unknown escape inside double quotes");
      plain = position_;
      continue;
    }
    const std::size_t size = utf8_sequence(input_.substr(position_));
    if (size == 0) return fail("the text is not UTF-8");
    position_ += size;
  }
  if (is_decoded) decoded_.append(input_, plain, position_ - plain);
  token.text = is_decoded ? std::string_view{decoded_} : input_.substr(plain, position_ - plain);
  token.end = ++position_;
  if (kind == Kind::text) value_done();
  return token;
}

bool JsonReader::decode_escape() {
  ++position_;
  const char c = peek();
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  if (const std::size_t index = letters.find(c); index != std::string_view::npos) {
    decoded_ += meanings[index];
    ++position_;
    return true;
  }
  return c == 'u' && decode_unicode_escape();
}

bool JsonReader::decode_unicode_escape() {
  std::uint32_t unit = 0;
  if (!read_hex4(unit)) return false;
  if (unit >= 0xd800 && unit <= 0xdfff) {  // characters beyond U+FFFF are written as two surrogates
    std::uint32_t low = 0;
    if (unit >= 0xdc00 || peek() != '\\') return false;
    ++position_;
    if (peek() != 'u' || !read_hex4(low) || low < 0xdc00 || low > 0xdfff) return false;
    unit = 0x10000 + ((unit - 0xd800) << 10U) + (low - 0xdc00);
  }
  append_utf8(unit, decoded_);
  return true;
}

/// Takes the `u` and its four hexadecimal digits.
bool JsonReader::read_hex4(std::uint32_t& unit) {
  ++position_;
  for (int i = 0; i < 4; ++i, ++position_) {
    const char c = peek();
    const auto digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return false;
    unit = unit << 4U | static_cast<std::uint32_t>(digit);
  }
  return true;
}

}  // namespace remuda::filter
