#include "common/saga/template.hpp"

#include <algorithm>

namespace remuda::saga {

using JsonKind = filter::JsonValue::Kind;

Template Template::compile(const filter::JsonValue& value, std::vector<Problem>& problems) {
  return compile(value, "", problems);
}

Template Template::compile(const filter::JsonValue& value, const std::string& pointer, std::vector<Problem>& problems) {
  Template form;
  if (value.is(JsonKind::object)) {
    form.kind_ = Template::Kind::object;
    for (const auto& member : value.members) {
      const std::string place = pointer + "/" + member.key;
      if (!member.key.ends_with(".$")) {
        form.names_.push_back(member.key);
        form.parts_.push_back(compile(member.value, place, problems));
        continue;
      }
      form.names_.push_back(member.key.substr(0, member.key.size() - 2));
      Template& part = form.parts_.emplace_back();
      part.kind_ = Template::Kind::expression;
      if (!member.value.is(JsonKind::text)) {
        problems.push_back({&member.value, place, "a field that ends in '.$' holds a path or a call as text"});
      } else if (auto expression = Expression::parse(member.value.text)) {
        part.expression_ = std::move(*expression);
      } else {
        problems.push_back({&member.value, place, expression.error()});
      }
    }
  } else if (value.is(JsonKind::array)) {
    form.kind_ = Template::Kind::array;
    for (std::size_t at = 0; at < value.elements.size(); ++at) {
      form.parts_.push_back(compile(value.elements[at], pointer + "/" + std::to_string(at), problems));
    }
  } else {
    form.constant_ = to_json(value);
  }
  for (std::size_t at = 1; at < form.names_.size(); ++at) {
    if (std::find(form.names_.begin(), form.names_.begin() + static_cast<std::ptrdiff_t>(at), form.names_[at]) !=
        form.names_.begin() + static_cast<std::ptrdiff_t>(at)) {
      problems.push_back({&value, pointer, "'" + form.names_[at] + "' stands twice, with and without '.$'"});
    }
  }
  return form;
}

Result<Json, StateError> Template::evaluate(const Scope& scope) const {
  switch (kind_) {
    case Template::Kind::constant:
      return constant_;
    case Template::Kind::expression:
      return expression_.evaluate(scope);
    case Template::Kind::object:
    case Template::Kind::array:
      break;
  }
  const bool is_object = kind_ == Template::Kind::object;
  Json made = is_object ? Json::object() : Json::array();
  for (std::size_t at = 0; at < parts_.size(); ++at) {
    auto part = parts_[at].evaluate(scope);
    if (!part) return part;
    if (is_object) {
      made[names_[at]] = std::move(*part);
    } else {
      made.push_back(std::move(*part));
    }
  }
  return made;
}

}  // namespace remuda::saga
