#include "nodes/sqs_gateway/envelope.hpp"

#include <fmt/format.h>

#include <ctime>

#include "nodes/sqs_gateway/digest.hpp"
#include "nodes/sqs_gateway/message_output.hpp"
#include "nodes/sqs_gateway/names.hpp"

namespace remuda::sqs {

std::string timestamp(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, unix_ms % 1'000);
}

std::string notification(const Message& published, const Subscription& subscription, std::string_view base_url) {
  Output json;
  json["Type"] = "Notification";
  json["MessageId"] = published.id;
  if (is_fifo_name(subscription.topic) && published.sequence != 0) json["SequenceNumber"] = sequence_text(published.sequence);
  json["TopicArn"] = topic_arn(subscription.topic);
  if (!published.subject.empty()) json["Subject"] = published.subject;
  json["Message"] = body_text(published);
  json["Timestamp"] = timestamp(published.time_ms);
  json["SignatureVersion"] = "1";
  json["Signature"] = "";
  json["SigningCertURL"] = "";
  json["UnsubscribeURL"] =
      fmt::format("{}/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn={}", base_url, arn_of(subscription));
  for (const auto& [name, attribute] : published.attributes) {
    const bool is_binary = attribute_kind(attribute.type) == "Binary";
    json["MessageAttributes"][name] = {{"Type", attribute.type}, {"Value", is_binary ? base64(attribute.value) : attribute.value}};
  }
  return json.dump(-1, ' ', false, Output::error_handler_t::replace);
}

Answered<Message> delivery_of(const Message& published, const Subscription& subscription, bool to_fifo, std::string_view base_url) {
  constexpr std::size_t attributes_max = 10;
  Message message;
  message.id = derived_message_id(published.id, subscription.id, 0);
  message.time_ms = published.time_ms;
  message.datacontenttype = "text/plain";
  if (to_fifo) {
    message.group_id = published.group_id;
    message.dedup_id = published.dedup_id.empty() ? sha256_of(published.body) : published.dedup_id;
  }
  if (!subscription.raw) {
    message.body = notification(published, subscription, base_url);
    return message;
  }
  if (published.attributes.size() > attributes_max)
    return refuse(Fault::invalid_parameter_value, "A message that is delivered raw has at most ten attributes.");
  message.body = body_text(published);
  message.attributes = published.attributes;
  return message;
}

}  // namespace remuda::sqs
