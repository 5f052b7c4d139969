// Publish and its batch: confirmed once every subscription's queue has the message, in one record.

#include "nodes/sqs_gateway/batch.hpp"
#include "nodes/sqs_gateway/message_output.hpp"
#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/subscription.hpp"
#include "nodes/sqs_gateway/topic_names.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

constexpr std::int64_t publication_size_max = 262'144;
constexpr std::size_t subject_size_max = 100;

Failure<AwsError> invalid(std::string what) {
  return refuse(Fault::sns_invalid_parameter, "Invalid parameter: " + std::move(what));
}

/// With MessageStructure "json" a message says different things to different protocols; this is the one for queues.
Answered<std::string> text_for_queues(const std::string& message) {
  const auto json = nlohmann::json::parse(message, nullptr, false);
  if (!json.is_object()) return invalid("Message Structure - JSON message body failed to parse");
  Input in{json};
  const auto fallback = in.text_if_any("default");
  if (!fallback) return invalid("Message Structure - No default entry in JSON message body");
  return in.text_if_any("sqs").value_or(*fallback);
}

Answered<Message> read_publication(const nlohmann::json& given, bool fifo, Desk& desk) {
  Input in{given};
  Message message;
  message.body = in.text("Message");
  const auto subject = in.text_if_any("Subject");
  const auto structure = in.text_if_any("MessageStructure");
  const auto group = in.text_if_any("MessageGroupId");
  const auto deduplication = in.text_if_any("MessageDeduplicationId");
  const auto* attributes = in.structure("MessageAttributes");
  if (in.error()) return Failure{as_sns(*in.error())};
  if (structure && *structure == "json") {
    auto text = text_for_queues(message.body);
    if (!text) return Failure{text.error()};
    message.body = std::move(*text);
  }
  if (!is_allowed_text(message.body)) return invalid("Message Reason: it contains characters outside the allowed set");
  if (subject && (subject->empty() || subject->size() > subject_size_max || !is_allowed_text(*subject))) return invalid("Subject");
  if (fifo && !group) return invalid("The MessageGroupId parameter is required for FIFO topics");
  if (!fifo && deduplication) return invalid("The MessageDeduplicationId parameter is only for FIFO topics");
  for (const auto& id : {group, deduplication}) {
    constexpr std::size_t id_size_max = 128;
    if (id && (id->empty() || id->size() > id_size_max))
      return invalid("MessageGroupId and MessageDeduplicationId have 1 to 128 characters");
  }
  if (attributes != nullptr) {
    auto read = read_attributes(*attributes);
    if (!read) return Failure{as_sns(read.error())};
    message.attributes = std::move(*read);
  }
  if (size_of(message) > publication_size_max) return invalid("Message too long");
  message.id = new_message_id();
  message.time_ms = to_unix_ms(desk.clock().wall_now());
  message.subject = subject.value_or("");
  message.group_id = group.value_or("");
  message.dedup_id = deduplication.value_or("");
  message.datacontenttype = "text/plain";
  if (fifo) message.sequence = desk.next_topic_sequence();
  return message;
}

AwsError from_publish(const Error& error) {
  if (error.code == "no_such_topic") return no_such_topic();
  if (error.code == "missing_deduplication_id")
    return {Fault::sns_invalid_parameter,
            "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"};
  return as_sns(from_broker(error));
}

Output result_of(const Message& message) {
  Output out{{"MessageId", message.id}};
  if (message.sequence != 0) out["SequenceNumber"] = sequence_text(message.sequence);
  return out;
}

}  // namespace

void publish(Desk& desk, Visit visit) {
  const auto topic = topic_of(visit.call);
  if (!topic) return visit.done(Failure{topic.error()});
  const auto message = read_publication(visit.call.input, is_fifo_name(*topic), desk);
  if (!message) return visit.done(Failure{message.error()});
  desk.broker().publish(*topic, *message,
                        [visit = std::move(visit), result = result_of(*message)](const Result<std::uint64_t>& published) {
                          if (!published) return visit.done(Failure{from_publish(published.error())});
                          visit.done(result);
                        });
}

void publish_batch(Desk& desk, Visit visit) {
  const auto topic = topic_of(visit.call);
  if (!topic) return visit.done(Failure{topic.error()});
  const auto entries = visit.call.input.find("PublishBatchRequestEntries");
  const nlohmann::json given{{"Entries", entries == visit.call.input.end() ? nlohmann::json::array() : *entries}};
  const auto batch = read_batch(given, "PublishBatchRequestEntry");
  if (!batch) return visit.done(Failure{as_sns(batch.error())});
  BatchResults results;
  std::vector<std::pair<std::string, Message>> messages;
  std::int64_t size = 0;
  for (const auto& entry : *batch) {
    auto message = read_publication(*entry.given, is_fifo_name(*topic), desk);
    if (!message) {
      results.fail(entry.id, message.error());
      continue;
    }
    size += size_of(*message);
    messages.emplace_back(entry.id, std::move(*message));
  }
  if (size > publication_size_max)
    return visit.done(
        refuse(Fault::sns_batch_request_too_long, "The length of all the messages put together is more than the limit."));
  if (messages.empty()) return visit.done(results.output());
  std::vector<std::string> packed;
  std::vector<std::string_view> views;
  packed.reserve(messages.size());
  for (const auto& [id, message] : messages) {
    views.emplace_back(packed.emplace_back(pack(message)));
    results.succeed(id, result_of(message));
  }
  desk.broker().publish(*topic, views,
                        [visit = std::move(visit), output = results.output()](const Result<std::uint64_t>& published) {
                          if (!published) return visit.done(Failure{from_publish(published.error())});
                          visit.done(output);
                        });
}

}  // namespace remuda::sqs
