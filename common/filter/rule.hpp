#pragma once
// One entry of the array that stands behind a key of a filter policy or event pattern, and the question whether a
// value satisfies it.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/filter/cidr.hpp"
#include "common/filter/number.hpp"

namespace remuda::filter {

/// A value of a message: a leaf of its body, an attribute, or one element of an array. Text is a view into the message.
/// `Opaque` stands for packed bytes, which JSON cannot say: present, but equal to nothing.
struct Opaque {};
using Scalar = std::variant<std::nullptr_t, bool, Number, std::string_view, Opaque>;

/// A plain value written in a policy.
using Literal = std::variant<std::nullptr_t, bool, Number, std::string>;

struct Equals {
  Literal value;
};
struct Prefix {
  std::string text;
};
struct Suffix {
  std::string text;
};
struct EqualsIgnoreCase {
  std::string text;
};
struct PrefixIgnoreCase {
  std::string text;
};
struct SuffixIgnoreCase {
  std::string text;
};
/// Any run of characters, also none, stands between one piece and the next: `a*b` has the pieces `a` and `b`.
struct Wildcard {
  std::vector<std::string> pieces;  ///< never empty
};
/// What can be asked of a text alone.
using TextRule = std::variant<Prefix, Suffix, EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase, Wildcard>;
struct AnythingBut {
  std::vector<Literal> values;
};
/// Satisfied by whatever is no text, and by a text that satisfies none of these.
struct NoneOf {
  std::vector<TextRule> texts;
};
/// One or two comparisons; `=` is a range with equal ends.
struct NumericRange {
  struct End {
    Number value = 0;
    bool inclusive = false;
  };
  std::optional<End> lower;
  std::optional<End> upper;
};
struct Exists {
  bool wanted = true;
};

using Rule = std::variant<Equals, TextRule, AnythingBut, NoneOf, NumericRange, Exists, Cidr>;

/// Whether a value that is present satisfies the rule. Text is compared byte by byte except by `equals-ignore-case`,
/// which ignores the case of every Unicode letter that has a one-to-one counterpart.
[[nodiscard]] bool satisfies(const Rule& rule, const Scalar& value);

/// Whether the rule is satisfied when the field is absent: `{"exists": false}` only.
[[nodiscard]] bool wants_absence(const Rule& rule);

}  // namespace remuda::filter
