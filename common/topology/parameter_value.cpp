#include "common/topology/parameter_value.hpp"

#include "common/units.hpp"

namespace remuda::topology {
namespace {

bool is_text_like(ParameterType type) {
  return type == ParameterType::text || type == ParameterType::broker || type == ParameterType::duration ||
         type == ParameterType::size;
}

}  // namespace

bool fits(const Value& value, ParameterType type) {
  if (value.from_environment && !is_text_like(type)) return fits(parse_toml_value(value.text, value.place), type);
  const bool text = value.is(Value::Kind::text);
  switch (type) {
    case ParameterType::text:
    case ParameterType::broker:
      return text;
    case ParameterType::integer:
      return value.is(Value::Kind::integer);
    case ParameterType::number:
      return value.is(Value::Kind::integer) || value.is(Value::Kind::number);
    case ParameterType::boolean:
      return value.is(Value::Kind::boolean);
    case ParameterType::duration:
      return text && parse_duration(value.text).ok();
    case ParameterType::size:
      return (value.is(Value::Kind::integer) && value.integer >= 0) || (text && parse_size(value.text).ok());
    case ParameterType::list:
      return value.is(Value::Kind::array);
    case ParameterType::table:
      return value.is(Value::Kind::table);
  }
  return false;
}

std::string parameter_text(const Value& value, ParameterType type) {
  return value.from_environment && !is_text_like(type) ? value.text : to_toml(value);
}

}  // namespace remuda::topology
