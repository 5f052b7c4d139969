#include "common/filter/rule.hpp"

#include <clocale>
#include <cwctype>

#include <algorithm>

namespace remuda::filter {

namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

bool equal(const Literal& literal, const Scalar& value) {
  return std::visit(overloaded{
                        [&](const std::string& text) {
                          const auto* other = std::get_if<std::string_view>(&value);
                          return other != nullptr && *other == text;
                        },
                        [&](const auto& wanted) {
                          const auto* other = std::get_if<std::decay_t<decltype(wanted)>>(&value);
                          return other != nullptr && *other == wanted;
                        },
                    },
                    literal);
}

/// Takes the next code point of UTF-8 text. A byte that is not UTF-8 stands for itself, outside the range of Unicode.
char32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char head = byte(0);
  const std::size_t size = head < 0x80              ? 1
                           : (head & 0xe0U) == 0xc0 ? 2
                           : (head & 0xf0U) == 0xe0 ? 3
                           : (head & 0xf8U) == 0xf0 ? 4
                                                    : 0;
  char32_t code_point = size == 1 ? head : head & (0x7fU >> size);
  bool well_formed = size != 0 && size <= text.size();
  for (std::size_t i = 1; well_formed && i < size; ++i) {
    well_formed = (byte(i) & 0xc0U) == 0x80;
    code_point = code_point << 6U | (byte(i) & 0x3fU);
  }
  text.remove_prefix(well_formed ? size : 1);
  return well_formed ? code_point : 0x110000U + head;
}

/// The case tables of the C library, whatever the locale of the process is.
locale_t unicode() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

bool equal_ignoring_case(char32_t a, char32_t b) {
  if (a == b) return true;
  if (a < 0x80 && b < 0x80) {
    const auto lower = [](char32_t c) { return c >= U'A' && c <= U'Z' ? c + 0x20 : c; };
    return lower(a) == lower(b);
  }
  if (unicode() == nullptr) return false;
  const auto wide_a = static_cast<std::wint_t>(a);
  const auto wide_b = static_cast<std::wint_t>(b);
  // Either direction: the two lower-case sigmas share only their capital letter.
  return towlower_l(wide_a, unicode()) == towlower_l(wide_b, unicode()) ||
         towupper_l(wide_a, unicode()) == towupper_l(wide_b, unicode());
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (!equal_ignoring_case(take_code_point(a), take_code_point(b))) return false;
  }
  return a.empty() && b.empty();
}

bool begins_ignoring_case(std::string_view text, std::string_view begin) {
  while (!text.empty() && !begin.empty()) {
    if (!equal_ignoring_case(take_code_point(text), take_code_point(begin))) return false;
  }
  return begin.empty();
}

/// Letters of different case may differ in size, so every end that begins at a character is tried.
bool ends_ignoring_case(std::string_view text, std::string_view end) {
  for (; !text.empty(); take_code_point(text)) {
    if (equal_ignoring_case(text, end)) return true;
  }
  return end.empty();
}

bool like(std::string_view text, const std::vector<std::string>& pieces) {
  if (pieces.size() == 1) return text == pieces.front();
  if (!text.starts_with(pieces.front())) return false;
  text.remove_prefix(pieces.front().size());
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {  // the first place where a piece fits leaves the most for the next ones
    const std::size_t found = text.find(pieces[i]);
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + pieces[i].size());
  }
  return text.ends_with(pieces.back());
}

bool satisfies(const TextRule& rule, std::string_view text) {
  return std::visit(overloaded{
                        [&](const Prefix& r) { return text.starts_with(r.text); },
                        [&](const Suffix& r) { return text.ends_with(r.text); },
                        [&](const EqualsIgnoreCase& r) { return equal_ignoring_case(text, r.text); },
                        [&](const PrefixIgnoreCase& r) { return begins_ignoring_case(text, r.text); },
                        [&](const SuffixIgnoreCase& r) { return ends_ignoring_case(text, r.text); },
                        [&](const Wildcard& r) { return like(text, r.pieces); },
                    },
                    rule);
}

bool within(const NumericRange& range, Number value) {
  if (range.lower && !(value > range.lower->value || (range.lower->inclusive && value == range.lower->value))) return false;
  if (range.upper && !(value < range.upper->value || (range.upper->inclusive && value == range.upper->value))) return false;
  return value == value;  // a packed NaN is in no range
}

}  // namespace

bool satisfies(const Rule& rule, const Scalar& value) {
  const auto* text = std::get_if<std::string_view>(&value);
  const auto* number = std::get_if<Number>(&value);
  return std::visit(
      overloaded{
          [&](const Equals& r) { return equal(r.value, value); },
          [&](const TextRule& r) { return text != nullptr && satisfies(r, *text); },
          [&](const AnythingBut& r) {
            return std::none_of(r.values.begin(), r.values.end(), [&](const Literal& literal) { return equal(literal, value); });
          },
          [&](const NoneOf& r) {
            return text == nullptr || std::none_of(r.texts.begin(), r.texts.end(),
                                                   [&](const TextRule& excluded) { return satisfies(excluded, *text); });
          },
          [&](const NumericRange& r) { return number != nullptr && within(r, *number); },
          [&](const Exists& r) { return r.wanted; },
          [&](const Cidr& r) {
            if (text == nullptr) return false;
            const auto address = parse_ip_address(*text);
            return address && r.contains(*address);
          },
      },
      rule);
}

bool wants_absence(const Rule& rule) {
  const auto* exists = std::get_if<Exists>(&rule);
  return exists != nullptr && !exists->wanted;
}

}  // namespace remuda::filter
