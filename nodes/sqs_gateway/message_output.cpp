#include "nodes/sqs_gateway/message_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/msgpack_reader.hpp"
#include "nodes/sqs_gateway/digest.hpp"
#include "nodes/sqs_gateway/input.hpp"
#include "nodes/sqs_gateway/message_input.hpp"
#include "nodes/sqs_gateway/names.hpp"

namespace remuda::sqs {
namespace {

constexpr std::array<std::string_view, 10> system_attributes{"All",
                                                             "SenderId",
                                                             "SentTimestamp",
                                                             "ApproximateReceiveCount",
                                                             "ApproximateFirstReceiveTimestamp",
                                                             "SequenceNumber",
                                                             "MessageDeduplicationId",
                                                             "MessageGroupId",
                                                             "AWSTraceHeader",
                                                             "DeadLetterQueueSourceArn"};

constexpr std::size_t handle_size = 16;
constexpr std::size_t sequence_begin = 8;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Output system_attributes_of(const wire::Received& received, const Message& message, const Selection& selection, bool fifo,
                            std::string_view origin_queue) {
  auto out = Output::object();
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty() && selection.wants_system(name)) out[name] = std::move(value);
  };
  const auto trace = message.attributes.find(std::string{trace_attribute});
  add("SenderId", std::string{account});
  add("SentTimestamp", std::to_string(received.sent_ms));
  add("ApproximateReceiveCount", std::to_string(received.receive_count));
  add("ApproximateFirstReceiveTimestamp", std::to_string(received.first_received_ms));
  if (fifo) add("SequenceNumber", sequence_text(sequence_of(received.handle)));
  // Without one the sender's id was taken, or the digest of the body.
  if (fifo) add("MessageDeduplicationId", message.dedup_id.empty() ? sha256_of(message.body) : message.dedup_id);
  add("MessageGroupId", message.group_id);
  if (trace != message.attributes.end()) add("AWSTraceHeader", trace->second.value);
  if (!origin_queue.empty()) add("DeadLetterQueueSourceArn", queue_arn(origin_queue));
  return out;
}

}  // namespace

bool Selection::wants_system(std::string_view name) const {
  return contains(system, "All") || contains(system, name);
}

bool Selection::wants_attribute(std::string_view name) const {
  return std::any_of(attributes.begin(), attributes.end(), [&](std::string_view wanted) {
    if (wanted == "All" || wanted == ".*" || wanted == name) return true;
    return wanted.ends_with(".*") && name.starts_with(wanted.substr(0, wanted.size() - 1));
  });
}

Answered<Selection> read_selection(const nlohmann::json& given) {
  Input in{given};
  Selection selection;
  selection.system = in.texts("MessageSystemAttributeNames");
  for (auto& name : in.texts("AttributeNames")) selection.system.push_back(std::move(name));
  selection.attributes = in.texts("MessageAttributeNames");
  for (const auto& name : selection.system) {
    if (std::find(system_attributes.begin(), system_attributes.end(), name) == system_attributes.end())
      in.refuse(Fault::invalid_attribute_name, "Unknown Attribute " + name.substr(0, 128) + ".");
  }
  if (in.error()) return Failure{*in.error()};
  return selection;
}

std::string handle_text(std::string_view handle) {
  return base64(handle);
}

std::optional<std::string> handle_of(std::string_view text) {
  auto handle = from_base64(text);
  return handle && handle->size() == handle_size ? handle : std::nullopt;
}

std::uint64_t sequence_of(std::string_view handle) {
  std::uint64_t sequence = 0;
  for (std::size_t i = std::min(handle.size(), handle_size); i-- > sequence_begin;)
    sequence = sequence << 8U | static_cast<unsigned char>(handle[i]);
  return sequence;
}

std::string sequence_text(std::uint64_t sequence) {
  return fmt::format("{:020}", sequence);
}

std::string body_text(const Message& message) {
  // Only the first byte of a structure is beyond doubt: a letter is a msgpack number as well.
  const bool is_structure = !message.body.empty() && static_cast<unsigned char>(message.body.front()) >= 0x80U;
  const bool may_be_packed = message.datacontenttype.empty() || message.datacontenttype == "application/msgpack";
  if (is_structure && may_be_packed && is_msgpack(message.body)) {
    const auto json = Output::from_msgpack(message.body.begin(), message.body.end(), true, false);
    if (!json.is_discarded()) return json.dump(-1, ' ', false, Output::error_handler_t::replace);
  }
  return is_allowed_text(message.body) ? message.body : base64(message.body);
}

Output show_attribute(const Attribute& attribute) {
  Output out{{"DataType", attribute.type}};
  if (attribute_kind(attribute.type) == "Binary") {
    out["BinaryValue"] = base64(attribute.value);
  } else {
    out["StringValue"] = attribute.value;
  }
  return out;
}

Answered<Output> show_message(const wire::Received& received, const Selection& selection, bool fifo,
                              std::string_view origin_queue) {
  auto message = unpack_message(received.message);
  if (!message) return refuse(Fault::internal_failure, message.error().message);
  auto body = body_text(*message);
  Output out;
  out["MessageId"] = message->id;
  out["ReceiptHandle"] = handle_text(received.handle);
  out["MD5OfBody"] = md5_of(body);
  out["Body"] = std::move(body);
  if (auto system = system_attributes_of(received, *message, selection, fifo, origin_queue); !system.empty())
    out["Attributes"] = std::move(system);
  std::erase_if(message->attributes,
                [&](const auto& entry) { return entry.first == trace_attribute || !selection.wants_attribute(entry.first); });
  if (!message->attributes.empty()) {
    out["MD5OfMessageAttributes"] = md5_of_attributes(message->attributes);
    auto& shown = out["MessageAttributes"] = Output::object();
    for (const auto& [name, attribute] : message->attributes) shown[name] = show_attribute(attribute);
  }
  return out;
}

}  // namespace remuda::sqs
