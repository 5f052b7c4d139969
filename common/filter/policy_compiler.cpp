#include "common/filter/policy_compiler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "common/filter/event_pattern.hpp"
#include "common/filter/json_document.hpp"

namespace remuda::filter {

namespace {

using Kind = JsonValue::Kind;

constexpr std::string_view or_key = "$or";

/// Field names that make `$or` an ordinary key: the operators, and those of the bus, so that a policy means the same in both
/// places. Source: SNS Developer Guide, "AND/OR logic"; the list of reserved names is event-ruler's.
constexpr std::array<std::string_view, 9> operator_words{
    "exactly", "prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "cidr", "wildcard"};

/// Alternatives that `$or` may make of one event pattern; a policy is bounded by its combinations already.
constexpr std::size_t alternatives_max = 1000;

bool is_operator_word(std::string_view name) {
  return std::find(operator_words.begin(), operator_words.end(), name) != operator_words.end();
}

/// Whether a member is the operator `$or`: an array of at least two objects, none with a field named like an operator.
/// Otherwise it is a key like any other.
bool is_or_group(const JsonMember& member) {
  const auto& arms = member.value.elements;
  if (member.key != or_key || !member.value.is(Kind::array) || arms.size() < 2) return false;
  return std::all_of(arms.begin(), arms.end(), [](const JsonValue& arm) {
    return arm.is(Kind::object) && std::none_of(arm.members.begin(), arm.members.end(),
                                                [](const JsonMember& field) { return is_operator_word(field.key); });
  });
}

std::string joined(std::string_view path, std::string_view key) {
  std::string text{path};
  if (!text.empty()) text += '.';
  return text.append(key);
}

/// Text of a policy inside an error message: not longer than a line, cut between characters.
std::string quoted(std::string_view text) {
  constexpr std::size_t size_max = 80;
  if (text.size() <= size_max) return "'" + std::string{text} + "'";
  std::size_t size = size_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80) --size;
  return "'" + std::string{text.substr(0, size)} + "...'";
}

class Compiler {
 public:
  explicit Compiler(Dialect dialect) : dialect_{dialect} {}

  Result<std::optional<CompiledPolicy>, FilterPolicyError> compile(std::string_view text) {
    if (!check_size(text)) return Failure<FilterPolicyError>{error_};
    const auto document = parse_json(text);
    if (!document) {
      refuse(document.error().offset,
             "no valid JSON at byte " + std::to_string(document.error().offset) + ": " + document.error().what);
      return Failure<FilterPolicyError>{error_};
    }
    std::vector<Alternative> alternatives{Alternative{}};
    if (!check(*document) || !expand(*document, "", alternatives)) return Failure<FilterPolicyError>{error_};
    if (document->members.empty()) return std::optional<CompiledPolicy>{};
    return std::optional<CompiledPolicy>{CompiledPolicy{std::move(alternatives), is_bus()}};
  }

 private:
  Dialect dialect_;
  FilterPolicyError error_;

  [[nodiscard]] bool is_bus() const { return dialect_ == Dialect::bus; }
  [[nodiscard]] std::string allowed_operators() const {
    return std::string{"prefix, suffix, equals-ignore-case, anything-but, numeric, exists, cidr"} + (is_bus() ? ", wildcard" : "");
  }

  bool refuse(std::size_t offset, std::string text) {
    error_.code = is_bus() ? "invalid_event_pattern" : "invalid_filter_policy";
    error_.message = (is_bus() ? "event pattern: " : "filter policy: ") + std::move(text);
    error_.offset = offset;
    return false;
  }
  bool refuse(const JsonValue& place, std::string_view path, std::string_view text) {
    return refuse(place.begin, "key " + quoted(path) + ": " + std::string{text});
  }

  // The shape of the policy and its size, before anything is built from it.

  bool check_size(std::string_view text) {
    if (!is_bus()) {
      return text.size() <= FilterPolicy::size_max_bytes ||
             refuse(0, "the policy has " + std::to_string(text.size()) + " bytes; at most 262144 (256 KB) are allowed");
    }
    const auto characters =
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; });
    return static_cast<std::size_t>(characters) <= EventPattern::size_max ||
           refuse(0, "the pattern has " + std::to_string(characters) + " characters; at most 2048 are allowed");
  }

  bool check(const JsonValue& policy) {
    if (!policy.is(Kind::object)) {
      return refuse(policy.begin,
                    std::string{"a "} + (is_bus() ? "pattern" : "policy") + R"( is a JSON object such as {"color": ["red"]})");
    }
    std::uint64_t unlimited = 1;
    if (is_bus()) return check_object(policy, "", 1, unlimited);
    if (policy.members.size() > FilterPolicy::keys_max) {
      return refuse(policy.members[FilterPolicy::keys_max].offset,
                    "there are " + std::to_string(policy.members.size()) + " keys at the top level; at most 5 are allowed");
    }
    std::uint64_t combinations = 1;
    if (!check_object(policy, "", 1, combinations)) return false;
    if (combinations > FilterPolicy::combinations_max) {
      return refuse(policy.begin,
                    "it has " + (combinations < saturated ? std::to_string(combinations) : "far too many") +
                        " combinations of values; at most 150 are allowed (the product over all keys of values x nesting depth;"
                        " the arms of $or are added)");
    }
    return true;
  }

  static constexpr std::uint64_t saturated = 1'000'000'000;
  static std::uint64_t product(std::uint64_t a, std::uint64_t b) { return a == 0 || b <= saturated / a ? a * b : saturated; }

  /// Multiplies `combinations` by those of the object.
  bool check_object(const JsonValue& object, const std::string& path, std::uint64_t depth, std::uint64_t& combinations) {
    if (is_bus() && object.members.empty()) {
      return refuse(object.begin,
                    (path.empty() ? std::string{} : "key " + quoted(path) + ": ") + "an empty object asks for nothing");
    }
    for (const JsonMember& member : object.members) {
      if (is_bus() && member.key == or_key && member.value.is(Kind::array) && !is_or_group(member)) {
        return refuse(member.offset, "'$or' needs at least two objects, none of them with a key named like an operator");
      }
      if (is_or_group(member)) {
        std::uint64_t sum = 0;
        for (const JsonValue& arm : member.value.elements) {
          std::uint64_t of_arm = 1;
          if (!check_object(arm, path, depth, of_arm)) return false;
          sum = std::min(sum + of_arm, saturated);
        }
        combinations = product(combinations, sum);
        continue;
      }
      const std::string key = joined(path, member.key);
      if (member.value.is(Kind::object)) {
        if (dialect_ == Dialect::topic_attributes) {
          return refuse(member.value, key,
                        "attributes have no nested fields; write an array of allowed values, or filter the body");
        }
        if (!check_object(member.value, key, depth + 1, combinations)) return false;
      } else if (!member.value.is(Kind::array)) {
        return refuse(member.value, key, R"(the value must be an array of allowed values such as ["red"], or an object)");
      } else if (member.value.elements.empty()) {
        return refuse(member.value, key, "an empty array would match nothing; name at least one allowed value");
      } else {
        combinations = product(combinations, product(member.value.elements.size(), depth));
      }
    }
    return true;
  }

  // From nested keys and $or to alternatives of flat fields. Their number is bounded by the combinations just counted.

  bool expand(const JsonValue& object, const std::string& path, std::vector<Alternative>& alternatives) {
    for (const JsonMember& member : object.members) {
      if (is_or_group(member)) {
        if (!expand_arms(member.value.elements, path, alternatives)) return false;
        continue;
      }
      const std::string key = joined(path, member.key);
      if (member.value.is(Kind::object)) {
        if (!expand(member.value, key, alternatives)) return false;
        continue;
      }
      Field field{key, {}, false};
      if (!compile_rules(member.value.elements, key, field)) return false;
      for (Alternative& alternative : alternatives) {
        if (alternative.fields.size() == Alternative::fields_max) {
          return refuse(member.offset, "key " + quoted(key) + ": one alternative names more than 64 keys");
        }
        alternative.fields.push_back(field);
      }
    }
    return true;
  }

  bool expand_arms(const std::vector<JsonValue>& arms, const std::string& path, std::vector<Alternative>& alternatives) {
    std::vector<Alternative> all;
    for (const JsonValue& arm : arms) {
      std::vector<Alternative> with_arm = alternatives;
      if (!expand(arm, path, with_arm)) return false;
      std::move(with_arm.begin(), with_arm.end(), std::back_inserter(all));
      if (all.size() > alternatives_max) return refuse(arm.begin, "its '$or' groups make more than 1000 alternatives");
    }
    alternatives = std::move(all);
    return true;
  }

  bool compile_rules(const std::vector<JsonValue>& entries, const std::string& path, Field& field) {
    for (const JsonValue& entry : entries) {
      Rule rule;
      if (!compile_rule(entry, path, rule)) return false;
      field.absence_satisfies = field.absence_satisfies || wants_absence(rule);
      field.rules.push_back(std::move(rule));
    }
    return true;
  }

  bool compile_rule(const JsonValue& entry, const std::string& path, Rule& rule) {
    if (entry.is(Kind::array)) {
      return refuse(entry, path,
                    "an array inside the array; allowed are text, numbers, true, false, null and one-operator objects");
    }
    if (entry.is(Kind::object)) return compile_operator(entry, path, rule);
    Literal literal;
    if (!compile_literal(entry, path, literal)) return false;
    rule = Equals{std::move(literal)};
    return true;
  }

  bool compile_operator(const JsonValue& object, const std::string& path, Rule& rule) {
    if (object.members.size() != 1) {
      return refuse(object, path, "an object in the array holds exactly one operator; allowed are " + allowed_operators());
    }
    const auto& [name, offset, operand] = object.members.front();
    if (is_text_operator(name)) {
      TextRule text;
      if (!compile_text(name, operand, path, text)) return false;
      rule = std::move(text);
      return true;
    }
    if (name == "anything-but") return compile_anything_but(operand, path, rule);
    if (name == "numeric") return compile_numeric(operand, path, rule);
    if (name == "cidr") return compile_cidr(operand, path, rule);
    if (name == "exists") {
      rule = Exists{operand.boolean};
      return operand.is(Kind::boolean) || refuse(operand, path, "'exists' needs true or false");
    }
    return refuse(offset, "key " + quoted(path) + ": unknown operator " + quoted(name) + "; allowed are " + allowed_operators());
  }

  [[nodiscard]] bool is_text_operator(std::string_view name) const {
    return name == "prefix" || name == "suffix" || name == "equals-ignore-case" || (is_bus() && name == "wildcard");
  }

  bool compile_text(std::string_view name, const JsonValue& operand, const std::string& path, TextRule& rule) {
    const bool may_ignore_case = is_bus() && (name == "prefix" || name == "suffix");
    if (may_ignore_case && operand.is(Kind::object)) {
      const JsonValue* text = operand.find("equals-ignore-case");
      if (text == nullptr || operand.members.size() != 1 || !text->is(Kind::text))
        return refuse(operand, path, "'" + std::string{name} + R"(' needs one text, or {"equals-ignore-case": text})");
      rule = name == "prefix" ? TextRule{PrefixIgnoreCase{text->text}} : TextRule{SuffixIgnoreCase{text->text}};
      return true;
    }
    if (!operand.is(Kind::text)) return refuse(operand, path, "'" + std::string{name} + "' needs one text in double quotes");
    if (name == "wildcard") return compile_wildcard(operand, path, rule);
    if (name == "prefix") rule = Prefix{operand.text};
    if (name == "suffix") rule = Suffix{operand.text};
    if (name == "equals-ignore-case") rule = EqualsIgnoreCase{operand.text};
    return true;
  }

  bool compile_wildcard(const JsonValue& operand, const std::string& path, TextRule& rule) {
    const std::string_view text = operand.text;
    Wildcard wildcard{{std::string{}}};
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '*') {
        if (i + 1 < text.size() && text[i + 1] == '*') return refuse(operand, path, "'wildcard' may not have two '*' side by side");
        wildcard.pieces.emplace_back();
        continue;
      }
      if (text[i] == '\\' && (++i == text.size() || (text[i] != '*' && text[i] != '\\')))
        return refuse(operand, path, R"(in a 'wildcard' a backslash stands only before '*' or another backslash)");
      wildcard.pieces.back() += text[i];
    }
    rule = std::move(wildcard);
    return true;
  }

  bool compile_literal(const JsonValue& value, const std::string& path, Literal& literal) {
    if (value.is(Kind::boolean)) literal = value.boolean;
    if (value.is(Kind::null)) literal = nullptr;
    if (value.is(Kind::text)) literal = value.text;
    if (!value.is(Kind::number)) return true;
    Number number = 0;
    if (!compile_number(value, path, number)) return false;
    literal = number;
    return true;
  }

  bool compile_number(const JsonValue& value, const std::string& path, Number& number) {
    number = parse_number(value.text).value_or(0);
    if (is_bus()) number = static_cast<Number>(static_cast<double>(number));
    return std::isfinite(number) || refuse(value, path, "the number " + quoted(value.text) + " is too large");
  }

  bool compile_anything_but(const JsonValue& operand, const std::string& path, Rule& rule) {
    const std::string_view allowed =
        is_bus() ? "'anything-but' needs a text, a number, a list of texts, a list of numbers, or one of prefix, suffix, "
                   "equals-ignore-case and wildcard with a text or a list of texts"
                 : "'anything-but' needs a text, a number, a list of texts, a list of numbers, or {\"prefix\": text}";
    if (operand.is(Kind::object)) return compile_none_of(operand, path, allowed, rule);
    const std::vector<JsonValue> one{operand};
    const auto& values = operand.is(Kind::array) ? operand.elements : one;
    const bool comparable =
        !values.empty() && (values.front().is(Kind::text) || values.front().is(Kind::number)) &&
        std::all_of(values.begin(), values.end(), [&](const JsonValue& v) { return v.is(values.front().kind); });
    if (!comparable) return refuse(operand, path, allowed);
    AnythingBut excluded;
    for (const JsonValue& value : values) {
      if (!compile_literal(value, path, excluded.values.emplace_back())) return false;
    }
    rule = std::move(excluded);
    return true;
  }

  bool compile_none_of(const JsonValue& operand, const std::string& path, std::string_view allowed, Rule& rule) {
    if (operand.members.size() != 1) return refuse(operand, path, allowed);
    const auto& [name, offset, inner] = operand.members.front();
    if (is_bus() ? !is_text_operator(name) : name != "prefix") return refuse(operand, path, allowed);
    const std::vector<JsonValue> one{inner};
    const auto& texts = is_bus() && inner.is(Kind::array) ? inner.elements : one;
    if (texts.empty()) return refuse(inner, path, allowed);
    NoneOf excluded;
    for (const JsonValue& text : texts) {
      if (!text.is(Kind::text)) return refuse(text, path, allowed);
      if (text.text.empty() && name == "prefix")
        return refuse(text, path, "every text begins with the empty prefix, so nothing could match");
      if (text.text.empty() && name == "suffix")
        return refuse(text, path, "every text ends with the empty suffix, so nothing could match");
      if (!compile_text(name, text, path, excluded.texts.emplace_back())) return false;
    }
    rule = std::move(excluded);
    return true;
  }

  bool compile_numeric(const JsonValue& operand, const std::string& path, Rule& rule) {
    constexpr std::string_view form =
        R"('numeric' needs [operator, number], operator = < <= > or >=, or a range such as [">=", 10, "<", 20])";
    const auto& terms = operand.elements;
    if (!operand.is(Kind::array) || (terms.size() != 2 && terms.size() != 4)) return refuse(operand, path, form);
    NumericRange range;
    for (std::size_t i = 0; i < terms.size(); i += 2) {
      const std::string_view comparison = terms[i].is(Kind::text) ? std::string_view{terms[i].text} : std::string_view{};
      if (comparison != "=" && comparison != "<" && comparison != "<=" && comparison != ">" && comparison != ">=") {
        return refuse(terms[i], path, form);
      }
      if (!terms[i + 1].is(Kind::number)) return refuse(terms[i + 1], path, form);
      NumericRange::End end{0, comparison.ends_with('=')};
      if (!compile_number(terms[i + 1], path, end.value)) return false;
      if (!comparison.starts_with('<')) range.lower = end;
      if (!comparison.starts_with('>')) range.upper = end;
      if (terms.size() == 4 && comparison.front() != (i == 0 ? '>' : '<')) {
        return refuse(terms[i], path, "a 'numeric' range has first its lower end (> or >=), then its upper end (< or <=)");
      }
    }
    if (terms.size() == 4 && range.lower->value >= range.upper->value) {
      return refuse(terms[3], path, "the lower end of a 'numeric' range must be less than its upper end");
    }
    rule = range;
    return true;
  }

  bool compile_cidr(const JsonValue& operand, const std::string& path, Rule& rule) {
    constexpr std::string_view form =
        "'cidr' needs an address, one '/' and the number of mask bits, such as \"10.0.0.0/24\" or \"2001:db8::/32\"";
    if (!operand.is(Kind::text)) return refuse(operand, path, form);
    const std::string_view text = operand.text;
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos || text.find('/', slash + 1) != std::string_view::npos) return refuse(operand, path, form);
    const std::string_view mask = text.substr(slash + 1);
    const auto network = parse_ip_address(text.substr(0, slash));
    const bool is_whole = !mask.empty() && mask.size() <= 3 && mask.find_first_not_of("0123456789") == std::string_view::npos;
    if (!network || !is_whole) return refuse(operand, path, form);
    const auto mask_bits = static_cast<unsigned>(std::stoul(std::string{mask}));
    if (mask_bits > (network->is_v6 ? 128U : 32U))
      return refuse(operand, path, "the mask of a 'cidr' block has at most 32 bits (IPv4) or 128 (IPv6)");
    rule = Cidr{*network, mask_bits};
    return true;
  }
};

}  // namespace

Result<std::optional<CompiledPolicy>, FilterPolicyError> compile_policy(std::string_view policy_json, Dialect dialect) {
  return Compiler{dialect}.compile(policy_json);
}

}  // namespace remuda::filter
