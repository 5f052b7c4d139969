#include "nodes/sqs_gateway/queue_attributes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "common/declarations.hpp"
#include "nodes/sqs_gateway/names.hpp"

namespace remuda::sqs {
namespace {

using std::chrono::seconds;
using topology::QueuePlan;

/// The queue node counts what a message is packed into as well: ids, types, lengths.
constexpr std::uint64_t packing_room = 65'536;
constexpr std::size_t tags_max = 50;
constexpr std::size_t tag_name_size_max = 128;
constexpr std::size_t tag_value_size_max = 256;
constexpr std::size_t text_size_max = 16'384;

enum class Kind { number, text, boolean, words };
struct Known {
  std::string_view name;
  Kind kind;
  std::int64_t min = 0;
  std::int64_t max = 0;
  bool fifo_only = false;
  std::string_view words = {};  ///< allowed ones, separated by '|'
};
constexpr std::array settable{
    Known{"DelaySeconds", Kind::number, 0, 900},
    Known{"MaximumMessageSize", Kind::number, 1'024, message_size_max},
    Known{"MessageRetentionPeriod", Kind::number, 60, 1'209'600},
    Known{"ReceiveMessageWaitTimeSeconds", Kind::number, 0, 20},
    Known{"VisibilityTimeout", Kind::number, 0, 43'200},
    Known{"KmsDataKeyReusePeriodSeconds", Kind::number, 60, 86'400},
    Known{"Policy", Kind::text},
    Known{"RedrivePolicy", Kind::text},
    Known{"RedriveAllowPolicy", Kind::text},
    Known{"KmsMasterKeyId", Kind::text},
    Known{"SqsManagedSseEnabled", Kind::boolean},
    Known{"FifoQueue", Kind::words, 0, 0, true, "true"},
    Known{"ContentBasedDeduplication", Kind::boolean, 0, 0, true},
    Known{"DeduplicationScope", Kind::words, 0, 0, true, "queue|messageGroup"},
    Known{"FifoThroughputLimit", Kind::words, 0, 0, true, "perQueue|perMessageGroupId"},
};
constexpr std::array<std::string_view, 7> counted{"ApproximateNumberOfMessages",
                                                  "ApproximateNumberOfMessagesNotVisible",
                                                  "ApproximateNumberOfMessagesDelayed",
                                                  "CreatedTimestamp",
                                                  "LastModifiedTimestamp",
                                                  "QueueArn",
                                                  "All"};

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

bool is_one_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto end = words.find('|');
    if (words.substr(0, end) == word) return true;
    words = end == std::string_view::npos ? std::string_view{} : words.substr(end + 1);
  }
  return false;
}

bool fits(const Known& known, const std::string& value) {
  switch (known.kind) {
    case Kind::number: {
      const auto number = number_of(value);
      return number && *number >= known.min && *number <= known.max;
    }
    case Kind::boolean:
      return value == "true" || value == "false";
    case Kind::words:
      return is_one_of(known.words, value);
    case Kind::text:
      return value.size() <= text_size_max && is_allowed_text(value);
  }
  return false;
}

std::string own_tag(std::string_view name) {
  return std::string{own_tags}.append(name);
}
void set_own(QueuePlan& queue, std::string_view name, const std::string& value) {
  if (value.empty()) {
    queue.tags.erase(own_tag(name));
  } else {
    queue.tags[own_tag(name)] = value;
  }
}
template <class Tags>
std::string own_of(const Tags& tags, std::string_view name, std::string fallback = {}) {
  const auto found = tags.find(own_tag(name));
  return found == tags.end() ? std::move(fallback) : found->second;
}

Answered<void> set_redrive_policy(QueuePlan& queue, const std::string& text) {
  queue.dead_letter_queue.clear();
  queue.max_receives = 0;
  if (text.empty()) return {};
  const auto invalid = [&](std::string_view reason) {
    return refuse(Fault::invalid_parameter_value, invalid_value(text, "RedrivePolicy", reason));
  };
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return invalid("Redrive policy is not a valid JSON map.");
  Input in{json};
  const auto target = in.text_if_any("deadLetterTargetArn");
  const auto receives = in.text_if_any("maxReceiveCount");
  if (!target) return invalid("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  if (!receives) return invalid("Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  const auto count = number_of(*receives);
  if (!count || *count < 1 || *count > 1'000)
    return invalid("Invalid value for maxReceiveCount: " + *receives + ", valid values are from 1 to 1000 both inclusive.");
  const auto name = name_of_arn(*target, "sqs");
  if (!is_queue_name(name)) return invalid("Invalid value for deadLetterTargetArn.");
  queue.dead_letter_queue = name;
  queue.max_receives = static_cast<int>(*count);
  return {};
}

/// Which queues may name this one as their dead-letter queue.
Answered<void> check_redrive_allow_policy(const std::string& text) {
  constexpr std::size_t sources_max = 10;
  const auto invalid = [&](std::string_view reason) {
    return refuse(Fault::invalid_parameter_value, invalid_value(text, "RedriveAllowPolicy", reason));
  };
  if (text.empty()) return {};
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return invalid("Redrive allow policy is not a valid JSON map.");
  Input in{json};
  const auto permission = in.text_if_any("redrivePermission").value_or("allowAll");
  const auto sources = in.texts("sourceQueueArns");
  if (in.error() || !is_one_of("allowAll|denyAll|byQueue", permission))
    return invalid("redrivePermission is allowAll, denyAll or byQueue.");
  if ((permission == "byQueue") != !sources.empty() || sources.size() > sources_max)
    return invalid("byQueue, and nothing else, comes with 1 to 10 sourceQueueArns.");
  const auto is_source = [](const std::string& arn) { return is_queue_name(name_of_arn(arn, "sqs")); };
  if (!std::all_of(sources.begin(), sources.end(), is_source)) return invalid("A source is not the ARN of a queue.");
  return {};
}

void set_one(QueuePlan& queue, const std::string& name, const std::string& value) {
  const auto number = number_of(value).value_or(0);
  if (name == "DelaySeconds") {
    queue.delay = seconds{number};
  } else if (name == "MessageRetentionPeriod") {
    queue.retention = seconds{number};
  } else if (name == "VisibilityTimeout") {
    queue.visibility_timeout = seconds{number};
  } else if (name == "MaximumMessageSize") {
    queue.max_message_size_bytes = static_cast<std::uint64_t>(number) + packing_room;
    set_own(queue, name, value);
  } else if (name == "ContentBasedDeduplication") {
    queue.fifo->deduplicate_by = value == "true" ? "content" : "dedup_id";
  } else if (name == "DeduplicationScope") {
    queue.fifo->deduplication_scope = value == "queue" ? "queue" : "message_group";
  } else if (name != "FifoQueue") {
    set_own(queue, name, value);
  }
}

}  // namespace

QueuePlan new_queue(std::string name, bool fifo) {
  QueuePlan queue;
  queue.name = std::move(name);
  queue.max_message_size_bytes = message_size_max + packing_room;
  set_own(queue, "MaximumMessageSize", std::to_string(message_size_max));
  if (fifo) queue.fifo = topology::FifoPlan{"group_id", "dedup_id", "queue", "skip"};
  return queue;
}

Answered<void> set_attributes(QueuePlan& queue, const GivenAttributes& given) {
  for (const auto& [name, value] : given) {
    const auto known =
        std::find_if(settable.begin(), settable.end(), [&name = name](const Known& each) { return each.name == name; });
    if (known == settable.end() || (known->fifo_only && !queue.fifo))
      return refuse(Fault::invalid_attribute_name, "Unknown Attribute " + name.substr(0, 128) + ".");
    const bool may_be_cleared = known->kind == Kind::text;
    if (!(may_be_cleared && value.empty()) && !fits(*known, value))
      return refuse(Fault::invalid_attribute_value, "Invalid value for the parameter " + name + ".");
    if (name == "Policy" && !value.empty() && !nlohmann::json::parse(value, nullptr, false).is_object())
      return refuse(Fault::invalid_attribute_value, "Invalid value for the parameter Policy.");
    if (name == "RedriveAllowPolicy") {
      if (auto checked = check_redrive_allow_policy(value); !checked) return checked;
    }
    if (name == "RedrivePolicy") {
      if (auto set = set_redrive_policy(queue, value); !set) return set;
    } else {
      set_one(queue, name, value);
    }
  }
  if (queue.fifo && queue.fifo->deduplication_scope == "queue" && own_of(queue.tags, "FifoThroughputLimit") == "perMessageGroupId")
    return refuse(
        Fault::invalid_attribute_value,
        "Invalid value for the parameter FifoThroughputLimit: perMessageGroupId needs the DeduplicationScope messageGroup.");
  return {};
}

Attributes settings_of(const QueuePlan& queue) {
  const auto in_seconds = [](std::chrono::milliseconds time) {
    return std::to_string(std::chrono::duration_cast<seconds>(time).count());
  };
  Attributes out;
  for (const auto& [name, value] : queue.tags) {
    if (name.starts_with(own_tags)) out[name.substr(own_tags.size())] = value;
  }
  out["DelaySeconds"] = in_seconds(queue.delay);
  out["MessageRetentionPeriod"] = in_seconds(queue.retention);
  out["VisibilityTimeout"] = in_seconds(queue.visibility_timeout);
  out.emplace("MaximumMessageSize", std::to_string(std::min<std::uint64_t>(queue.max_message_size_bytes, message_size_max)));
  out.emplace("ReceiveMessageWaitTimeSeconds", "0");
  out.emplace("SqsManagedSseEnabled", "false");
  if (queue.max_receives > 0) {
    out["RedrivePolicy"] = nlohmann::ordered_json{
        {"deadLetterTargetArn", queue_arn(queue.dead_letter_queue)},
        {"maxReceiveCount",
         queue.max_receives}}.dump();
  }
  if (queue.fifo) {
    out["FifoQueue"] = "true";
    out["ContentBasedDeduplication"] = queue.fifo->deduplicate_by == "content" ? "true" : "false";
    out["DeduplicationScope"] = queue.fifo->deduplication_scope == "queue" ? "queue" : "messageGroup";
    out.emplace("FifoThroughputLimit", "perQueue");
  }
  return out;
}

Attributes attributes_of(const wire::QueueInfo& queue) {
  auto out = settings_of(plan_of(queue));
  out["ApproximateNumberOfMessages"] = std::to_string(queue.visible);
  out["ApproximateNumberOfMessagesNotVisible"] = std::to_string(queue.in_flight);
  out["ApproximateNumberOfMessagesDelayed"] = std::to_string(queue.delayed);
  out.emplace("CreatedTimestamp", "0");  // by a launch file, which does not say when
  out.emplace("LastModifiedTimestamp", "0");
  out["QueueArn"] = queue_arn(queue.queue);
  return out;
}

Answered<Attributes> select(const Attributes& attributes, const std::vector<std::string>& names) {
  Attributes out;
  for (const auto& name : names) {
    const auto is_known = std::any_of(settable.begin(), settable.end(), [&](const Known& known) { return known.name == name; }) ||
                          std::find(counted.begin(), counted.end(), name) != counted.end();
    if (!is_known) return refuse(Fault::invalid_attribute_name, "Unknown Attribute " + name.substr(0, 128) + ".");
    if (name == "All") return attributes;
    if (const auto found = attributes.find(name); found != attributes.end()) out.insert(*found);
  }
  return out;
}

bool is_own_tag(std::string_view name) {
  return name.starts_with("aws:");
}

std::map<std::string, std::string> tags_of(const wire::QueueInfo& queue) {
  auto tags = queue.tags;
  std::erase_if(tags, [](const auto& tag) { return is_own_tag(tag.first); });
  return tags;
}

Answered<void> add_tags(QueuePlan& queue, const std::vector<std::pair<std::string, std::string>>& tags) {
  const auto invalid = [](std::string text) { return refuse(Fault::invalid_parameter_value, std::move(text)); };
  for (const auto& [name, value] : tags) {
    if (name.empty() || name.size() > tag_name_size_max || !is_allowed_text(name))
      return invalid("Tag keys must be between 1 and 128 characters in length.");
    if (is_own_tag(name)) return invalid("Tag keys starting with 'aws:' are reserved for system use.");
    if (value.size() > tag_value_size_max || !is_allowed_text(value))
      return invalid("Tag values must be between 0 and 256 characters in length.");
    queue.tags[name] = value;
  }
  const auto count = std::count_if(queue.tags.begin(), queue.tags.end(), [](const auto& tag) { return !is_own_tag(tag.first); });
  if (count > static_cast<std::ptrdiff_t>(tags_max)) return invalid("Too many tags added for queue " + queue.name + ".");
  return {};
}

void note_times(QueuePlan& queue, std::int64_t now_s, bool created) {
  if (created) set_own(queue, "CreatedTimestamp", std::to_string(now_s));
  set_own(queue, "LastModifiedTimestamp", std::to_string(now_s));
}

SendRules send_rules_of(const wire::QueueInfo& queue) {
  const auto size = number_of(own_of(queue.tags, "MaximumMessageSize"));
  return {queue.fifo, size.value_or(message_size_max)};
}

std::int64_t default_wait_s(const wire::QueueInfo& queue) {
  return number_of(own_of(queue.tags, "ReceiveMessageWaitTimeSeconds", "0")).value_or(0);
}

bool allows_redrive_from(const wire::QueueInfo& dead_letters, std::string_view source) {
  const auto policy = nlohmann::json::parse(own_of(dead_letters.tags, "RedriveAllowPolicy", "{}"), nullptr, false);
  if (!policy.is_object()) return true;
  Input in{policy};
  const auto permission = in.text_if_any("redrivePermission").value_or("allowAll");
  if (permission != "byQueue") return permission != "denyAll";
  const auto arns = in.texts("sourceQueueArns");
  return std::find(arns.begin(), arns.end(), queue_arn(source)) != arns.end();
}

}  // namespace remuda::sqs
