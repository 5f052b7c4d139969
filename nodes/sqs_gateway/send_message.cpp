#include "nodes/sqs_gateway/send_message.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <stdexcept>

#include "nodes/sqs_gateway/xml.hpp"

namespace remuda::sqs {
namespace {

constexpr std::size_t body_size_max = 1'048'576;
constexpr int attributes_max = 10;

Failure<SqsError> refuse(std::string code, std::string message) {
  return {{400, std::move(code), std::move(message)}};
}

/// What SQS allows in a body: XML's characters. Source: SQS API Reference, SendMessage, MessageBody.
bool is_allowed_body(std::string_view body) {
  for (std::size_t i = 0; i < body.size(); ++i) {
    const auto c = static_cast<unsigned char>(body[i]);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    if (c == 0xEF && i + 2 < body.size() && static_cast<unsigned char>(body[i + 1]) == 0xBF &&
        static_cast<unsigned char>(body[i + 2]) >= 0xBE)
      return false;
  }
  return true;
}

Result<void, SqsError> read_attribute(const QueryRequest& request, const std::string& prefix, Message& message) {
  const auto* name = request.find(prefix + ".Name");
  const auto* type = request.find(prefix + ".Value.DataType");
  const auto* value = request.find(prefix + ".Value.StringValue");
  if (name == nullptr || name->empty() || type == nullptr)
    return refuse("MissingParameter", "A message attribute needs " + prefix + ".Name and " + prefix + ".Value.DataType.");
  // A type may have a label: Number.int. We keep what it is.
  const auto kind = type->substr(0, type->find('.'));
  if (kind != "String" && kind != "Number")
    return refuse("InvalidParameterValue",
                  "The message attribute '" + *name + "' has the type " + *type + "; String and Number are understood.");
  if (value == nullptr || value->empty())
    return refuse("InvalidParameterValue",
                  "The message attribute '" + *name + "' must contain a non-empty message attribute value.");
  if (!message.attributes.emplace(*name, Attribute{kind, *value}).second)
    return refuse("InvalidParameterValue", "The message attribute '" + *name + "' is given twice.");
  return {};
}

void append_with_length(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(size >> static_cast<unsigned>(shift) & 0xffU);
  out += text;
}

}  // namespace

Result<Message, SqsError> message_of(const QueryRequest& request) {
  const auto* body = request.find("MessageBody");
  if (body == nullptr || body->empty()) return refuse("MissingParameter", "The request must contain the parameter MessageBody.");
  if (body->size() > body_size_max)
    return refuse("InvalidParameterValue",
                  "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.");
  if (!is_allowed_body(*body)) return refuse("InvalidMessageContents", "The message contains characters outside the allowed set.");
  if (const auto* delay = request.find("DelaySeconds"); delay != nullptr && *delay != "0")
    return refuse("AWS.SimpleQueueService.UnsupportedOperation",
                  "A delay for a single message is not supported here; give its queue one.");
  Message message;
  message.body = *body;
  message.datacontenttype = "text/plain";
  for (int i = 1; i <= attributes_max + 1; ++i) {
    const std::string prefix = "MessageAttribute." + std::to_string(i);
    if (request.find(prefix + ".Name") == nullptr && request.find(prefix + ".Value.DataType") == nullptr) break;
    if (i > attributes_max) return refuse("InvalidParameterValue", "Number of message attributes exceeds the allowed maximum 10.");
    if (auto read = read_attribute(request, prefix, message); !read) return Failure<SqsError>{read.error()};
  }
  if (const auto* group = request.find("MessageGroupId")) message.group_id = *group;
  if (const auto* deduplication = request.find("MessageDeduplicationId")) message.dedup_id = *deduplication;
  if (message.group_id.size() > 128 || message.dedup_id.size() > 128)
    return refuse("InvalidParameterValue", "MessageGroupId and MessageDeduplicationId have at most 128 characters.");
  message.id = new_message_id();
  return message;
}

std::string send_message_response(const Message& message, std::string_view request_id) {
  std::string result = xml_element("MessageId", message.id) + xml_element("MD5OfMessageBody", md5_of(message.body));
  if (!message.attributes.empty()) result += xml_element("MD5OfMessageAttributes", md5_of_attributes(message.attributes));
  return xml_response("SendMessage", result, request_id);
}

std::string md5_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
    throw std::runtime_error{"this OpenSSL has no MD5, which the protocol asks for"};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += digits[digest.at(i) >> 4U];
    text += digits[digest.at(i) & 15U];
  }
  return text;
}

std::string md5_of_attributes(const std::map<std::string, Attribute>& attributes) {
  constexpr char string_value = 1;
  std::string bytes;
  for (const auto& [name, attribute] : attributes) {
    append_with_length(bytes, name);
    append_with_length(bytes, attribute.type);
    bytes += string_value;
    append_with_length(bytes, attribute.value);
  }
  return md5_of(bytes);
}

}  // namespace remuda::sqs
