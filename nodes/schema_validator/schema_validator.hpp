#pragma once
// Schema validation and format constraints of a bus: what is right passes on unchanged; what is refused stays visible
// with the reason.
//
//   ports  = { messages = "bus-in", valid = "bus", refused = "bus-refused" }
//   [nodes.validator.params.schemas."ride.completed"]
//   type = "object"
//   required = ["customer", "fare"]
//   properties = { fare = { type = "number", minimum = 0 } }
//
// A schema is a JSON Schema (draft 7) for the bodies of one message type. Before it come the constraints: the headers in `headers`
// must be there, a body is at most `size_max`, and JSON or msgpack. A refused message goes to port `refused` with the attribute
// `refusal`; without that port it is rejected, so that its queue's dead letters keep it, or whoever asked over a request channel is
// told at once.

#include <map>
#include <string>
#include <vector>

#include "common/node.hpp"
#include "nodes/schema_validator/json_schema.hpp"

namespace remuda {

class SchemaValidator final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;

 private:
  NodeContext* context_ = nullptr;
  std::map<std::string, JsonSchema, std::less<>> schemas_;  ///< by message type; constant after start, as is what follows
  std::vector<std::string> headers_;
  std::uint64_t size_max_ = 0;
  bool refuses_unknown_ = true;

  [[nodiscard]] std::string wrong_with(const Message& message) const;
};

}  // namespace remuda
