#include "common/filter/policy_matcher.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "common/filter/json_reader.hpp"
#include "common/message.hpp"
#include "common/msgpack_reader.hpp"

namespace remuda::filter {

namespace {

using MsgpackKind = MsgpackReader::Kind;

/// A set of the fields of one alternative, by index.
using FieldSet = std::uint64_t;

template <class Visit>
void for_each(FieldSet set, Visit&& visit) {
  for (; set != 0; set &= set - 1) visit(static_cast<std::size_t>(std::countr_zero(set)), set & (~set + 1));
}

/// What has been seen of the fields so far.
struct Seen {
  FieldSet satisfied = 0;
  FieldSet present = 0;  ///< a value stands there; absence can satisfy the others
  Seen& operator|=(const Seen& other) {
    satisfied |= other.satisfied;
    present |= other.present;
    return *this;
  }
};

/// Whether one alternative holds for one message.
class Evaluation {
 public:
  explicit Evaluation(const Alternative& alternative) : fields_{alternative.fields} {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      all_ |= FieldSet{1} << i;
      if (fields_[i].absence_satisfies) satisfied_by_absence_ |= FieldSet{1} << i;
    }
  }

  [[nodiscard]] FieldSet all() const { return all_; }
  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

  /// A value at the place that `here` name.
  [[nodiscard]] Seen value(FieldSet here, const Scalar& value) const {
    Seen seen{0, here};
    for_each(here, [&](std::size_t i, FieldSet bit) {
      const auto& rules = fields_[i].rules;
      if (std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) { return satisfies(rule, value); })) seen.satisfied |= bit;
    });
    return seen;
  }

  /// The fields among `wanted` that hold when nothing more is to be seen.
  [[nodiscard]] FieldSet resolve(const Seen& seen, FieldSet wanted) const {
    return seen.satisfied | (wanted & satisfied_by_absence_ & ~seen.present);
  }
  [[nodiscard]] bool holds(const Seen& seen) const { return resolve(seen, all_) == all_; }

 private:
  const std::vector<Field>& fields_;
  FieldSet all_ = 0;
  FieldSet satisfied_by_absence_ = 0;
};

Scalar scalar_of(const MsgpackReader::Token& token) {
  switch (token.kind) {
    case MsgpackKind::nil:
      return nullptr;
    case MsgpackKind::boolean:
      return token.boolean;
    case MsgpackKind::unsigned_integer:
      return static_cast<Number>(token.unsigned_integer);
    case MsgpackKind::signed_integer:
      return static_cast<Number>(token.signed_integer);
    case MsgpackKind::floating:
      return static_cast<Number>(token.floating);
    case MsgpackKind::string:
      return token.bytes;
    default:
      return Opaque{};
  }
}

/// Walks a packed body once. It descends only where a field leads and skips the rest.
class BodyWalk {
 public:
  BodyWalk(const Evaluation& evaluation, bool numbers_are_doubles, std::string_view body)
      : evaluation_{evaluation}, numbers_are_doubles_{numbers_are_doubles}, in_{body} {}

  bool matches() {
    if (in_.peek() != MsgpackKind::map) return false;
    const Seen seen = object(evaluation_.all(), 0, 1);
    return in_.ok() && in_.at_end() && evaluation_.holds(seen);
  }

 private:
  const Evaluation& evaluation_;
  bool numbers_are_doubles_;
  MsgpackReader in_;

  Scalar scalar() {
    const Scalar scalar = scalar_of(in_.next());
    const auto* number = std::get_if<Number>(&scalar);
    return number != nullptr && numbers_are_doubles_ ? Scalar{static_cast<Number>(static_cast<double>(*number))} : scalar;
  }

  /// The fields that a key leads to. `here` end with the key, `below` go on behind it.
  struct Routes {
    FieldSet here = 0;
    FieldSet below = 0;
  };

  /// `wanted` share the first `consumed` bytes of their paths. A key of the body may contain dots itself, since paths are compared
  /// flattened: `{"a.b": 1}` and `{"a": {"b": 1}}` both have the field `a.b`.
  [[nodiscard]] Routes routes(FieldSet wanted, std::size_t consumed, std::string_view key) const {
    Routes routes;
    for_each(wanted, [&](std::size_t i, FieldSet bit) {
      const std::string_view rest = std::string_view{evaluation_.fields()[i].path}.substr(consumed);
      if (!rest.starts_with(key)) return;
      if (rest.size() == key.size())
        routes.here |= bit;
      else if (rest[key.size()] == '.')
        routes.below |= bit;
    });
    return routes;
  }

  Seen object(FieldSet wanted, std::size_t consumed, int depth) {
    Seen seen;
    if (depth > MsgpackReader::depth_max) in_.reject();
    const std::uint32_t pairs = in_.map();
    for (std::uint32_t i = 0; i < pairs && in_.ok(); ++i) {
      if (in_.peek() != MsgpackKind::string) {  // msgpack allows any key; a policy can name only text
        in_.skip();
        in_.skip();
        continue;
      }
      const std::string_view key = in_.string();
      const Routes routes = this->routes(wanted, consumed, key);
      if ((routes.here | routes.below) == 0)
        in_.skip();
      else
        seen |= value(routes, consumed + key.size() + 1, depth + 1);
    }
    return seen;
  }

  Seen value(const Routes& routes, std::size_t consumed, int depth) {
    switch (in_.peek()) {
      case MsgpackKind::map:
        if (routes.below != 0) return object(routes.below, consumed, depth);
        in_.skip();  // an object is no value: `here` stay absent
        return {};
      case MsgpackKind::array:
        return array(routes, consumed, depth);
      default:
        return evaluation_.value(routes.here, scalar());
    }
  }

  /// One element must satisfy all fields below, so the best element counts: two keys of a policy are never satisfied by
  /// different elements. Arrays inside arrays are looked through. Values are independent of each other.
  /// (Best is exact, unless a body also writes the same path with dotted keys and only both spellings together would do.)
  Seen array(const Routes& routes, std::size_t consumed, int depth) {
    Seen seen;
    FieldSet best = 0;
    bool has_objects = false;
    if (depth > MsgpackReader::depth_max) in_.reject();
    const std::uint32_t count = in_.array();
    for (std::uint32_t i = 0; i < count && in_.ok(); ++i) {
      const bool is_object = in_.peek() == MsgpackKind::map;
      const Seen element = value(routes, consumed, depth + 1);
      const Seen below{element.satisfied & routes.below, element.present & routes.below};
      seen |= {element.satisfied & routes.here, element.present & routes.here};
      if (!is_object && below.present == 0) continue;
      has_objects = true;
      const FieldSet resolved = evaluation_.resolve(below, routes.below);
      if (std::popcount(resolved) > std::popcount(best)) best = resolved;
    }
    if (has_objects) seen |= {best, routes.below};
    return seen;
  }
};

/// The elements of a String.Array, each on its own: JSON text of an array, or of one value. Objects are no values.
/// Text that is no JSON satisfies nothing, nor does an empty array; but both are there, so absence is not given either.
Seen string_array(const Evaluation& evaluation, FieldSet here, std::string_view json) {
  JsonReader reader{json};
  Seen seen{0, here};
  std::size_t open_objects = 0;
  while (true) {
    const auto token = reader.next();
    const FieldSet compared = open_objects == 0 ? here : 0;
    switch (token.kind) {
      case JsonReader::Kind::null:
        seen |= evaluation.value(compared, nullptr);
        break;
      case JsonReader::Kind::boolean:
        seen |= evaluation.value(compared, token.boolean);
        break;
      case JsonReader::Kind::number:
        seen |= evaluation.value(compared, parse_number(token.text).value_or(0));
        break;
      case JsonReader::Kind::text:
        seen |= evaluation.value(compared, token.text);
        break;
      case JsonReader::Kind::begin_object:
        ++open_objects;
        break;
      case JsonReader::Kind::end_object:
        --open_objects;
        break;
      case JsonReader::Kind::begin_array:
      case JsonReader::Kind::end_array:
      case JsonReader::Kind::key:
        break;
      case JsonReader::Kind::end:
        return seen;
      case JsonReader::Kind::invalid:
        return {0, here};
    }
  }
}

Seen attribute(const Evaluation& evaluation, FieldSet here, std::string_view kind, std::string_view value) {
  if (kind == "Binary") return {};
  if (kind == "String.Array") return string_array(evaluation, here, value);
  if (kind != "Number") return evaluation.value(here, value);
  const auto number = parse_number(value);
  return number ? evaluation.value(here, *number) : Seen{0, here};
}

bool attributes_hold(const Evaluation& evaluation, std::string_view attributes) {
  Seen seen;
  if (attributes.empty()) return evaluation.holds(seen);
  MsgpackReader in{attributes};
  const std::uint32_t count = in.map();
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string_view name = in.string();
    const bool is_pair = in.array() == 2;
    const std::string_view type = in.string();
    const auto value = in.next();
    if (!in.ok() || !is_pair || (value.kind != MsgpackKind::string && value.kind != MsgpackKind::binary)) return false;
    FieldSet here = 0;
    for_each(evaluation.all(), [&](std::size_t f, FieldSet bit) {
      if (evaluation.fields()[f].path == name) here |= bit;
    });
    if (here != 0) seen |= attribute(evaluation, here, attribute_kind(type), value.bytes);
  }
  return in.ok() && in.at_end() && evaluation.holds(seen);
}

}  // namespace

bool matches_packed_body(const CompiledPolicy& policy, std::string_view body) {
  return std::any_of(policy.alternatives.begin(), policy.alternatives.end(), [&](const Alternative& alternative) {
    const Evaluation evaluation{alternative};
    return BodyWalk{evaluation, policy.numbers_are_doubles, body}.matches();
  });
}

bool matches_packed_attributes(const CompiledPolicy& policy, std::string_view attributes) {
  return std::any_of(policy.alternatives.begin(), policy.alternatives.end(), [&](const Alternative& alternative) {
    const Evaluation evaluation{alternative};
    return attributes_hold(evaluation, attributes);
  });
}

}  // namespace remuda::filter
