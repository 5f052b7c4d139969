#include "nodes/schema_validator/json_schema.hpp"

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace remuda {

struct JsonSchema::Compiled {
  valijson::Schema schema;
};

Result<JsonSchema> JsonSchema::compile(const nlohmann::json& schema) {
  auto compiled = std::make_shared<Compiled>();
  try {
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{schema}, compiled->schema);
  } catch (const std::exception& error) {
    return fail("invalid_schema", error.what());
  }
  JsonSchema result;
  result.compiled_ = std::move(compiled);
  return result;
}

std::string JsonSchema::wrong_with(const nlohmann::json& document) const {
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(compiled_->schema, valijson::adapters::NlohmannJsonAdapter{document}, &results)) return {};
  valijson::ValidationResults::Error first;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) first = error;  // the last one is the innermost of the first branch that failed
  std::string place;
  for (const auto& part : first.context) place += part;
  return (place.empty() ? "document" : place) + ": " + first.description;
}

}  // namespace remuda
