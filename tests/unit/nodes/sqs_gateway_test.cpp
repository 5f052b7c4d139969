// The SQS gateway's pure steps: a request is read in either protocol, its input checked, an answer written.

#include <boost/test/unit_test.hpp>

#include "nodes/sqs_gateway/batch.hpp"
#include "nodes/sqs_gateway/call.hpp"
#include "nodes/sqs_gateway/digest.hpp"
#include "nodes/sqs_gateway/form.hpp"
#include "nodes/sqs_gateway/message_output.hpp"
#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/pages.hpp"
#include "nodes/sqs_gateway/queue_attributes.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

using namespace remuda;
using namespace remuda::sqs;
using Json = nlohmann::json;

namespace {

http::Request post(std::string target, std::string form) {
  return {"POST",
          std::move(target),
          {{"Host", "127.0.0.1:9324"}, {"Content-Type", "application/x-www-form-urlencoded"}},
          std::move(form),
          true,
          true};
}
http::Request json(std::string operation, std::string body) {
  return {"POST", "/", {{"Host", "127.0.0.1:9324"}, {"X-Amz-Target", std::move(operation)}}, std::move(body), true, true};
}

/// "" when it was done, else the code.
template <class T>
std::string code_of(const Answered<T>& answered) {
  return answered ? "" : std::string{answered.error().code()};
}

Json tree(std::string_view form) {
  const auto parameters = read_form(form);
  BOOST_REQUIRE(parameters.ok());
  const auto read = tree_of(*parameters);
  BOOST_REQUIRE(read.ok());
  return *read;
}

std::string refusal_of_message(const Json& given, const SendRules& rules = {}) {
  return code_of(read_message(given, rules));
}
Json with_attribute(const std::string& name, Json value) {
  return {{"MessageBody", "a"}, {"MessageAttributes", {{name, std::move(value)}}}};
}

wire::Received received(const std::string& packed) {
  static const std::string handle{"\x01\0\0\0\x02\0\0\0\x07\0\0\0\0\0\0\0", 16};
  return {handle, 1, 1'000, 2'000, packed};
}
Output shown(const Message& message, const Selection& selection = {{"All"}, {"All"}}, bool fifo = false) {
  const auto packed = pack(message);
  const auto output = show_message(received(packed), selection, fifo, {});
  BOOST_REQUIRE(output.ok());
  return *output;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sqs_gateway)

// ---- requests

BOOST_AUTO_TEST_CASE(a_form_names_the_action_and_the_path_the_queue) {
  const auto call = read_call(post("/000000000000/rides", "Action=SendMessage&MessageBody=a+b%26c%0Ad%C3%A4&Version=2012-11-05"));
  BOOST_REQUIRE(call.ok());
  BOOST_TEST(call->action == "SendMessage");
  BOOST_TEST((call->service == Service::sqs && call->protocol == Protocol::query));
  BOOST_TEST(call->base_url == "http://127.0.0.1:9324");
  BOOST_TEST(call->input["MessageBody"].get<std::string>() == "a b&c\ndä");
  BOOST_TEST(*queue_of(*call) == "rides");
  const auto by_url = read_call(post("/", "Action=SendMessage&QueueUrl=http%3A%2F%2F127.0.0.1%3A9324%2F000000000000%2Frides.fifo"));
  BOOST_TEST(*queue_of(*by_url) == "rides.fifo");
  auto get = post("/000000000000/rides?Action=ReceiveMessage&WaitTimeSeconds=1", "");
  get.method = "GET";
  BOOST_TEST(read_call(get)->action == "ReceiveMessage");
  BOOST_TEST(read_call(get)->input["WaitTimeSeconds"].get<std::string>() == "1");
}

BOOST_AUTO_TEST_CASE(json_names_the_action_in_its_target) {
  const auto call = read_call(
      json("AmazonSQS.SendMessage", R"({"QueueUrl": "http://x/000000000000/rides", "MessageBody": "a", "DelaySeconds": 3})"));
  BOOST_REQUIRE(call.ok());
  BOOST_TEST(call->action == "SendMessage");
  BOOST_TEST((call->protocol == Protocol::json));
  BOOST_TEST(*queue_of(*call) == "rides");
  BOOST_TEST(read_call(json("AmazonSQS.ListQueues", ""))->input.empty());
  BOOST_TEST((read_call(json("AmazonSNS.ListTopics", "{}"))->service == Service::sns));
}

BOOST_AUTO_TEST_CASE(the_version_tells_the_services_apart) {
  BOOST_TEST((read_call(post("/", "Action=AddPermission&Version=2010-03-31"))->service == Service::sns));
  BOOST_TEST((read_call(post("/", "Action=AddPermission&Version=2012-11-05"))->service == Service::sqs));
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused_by_name) {
  const auto refusal = [](const http::Request& request) { return code_of(read_call(request)); };
  BOOST_TEST(refusal(post("/", "")) == "MissingAction");
  BOOST_TEST(refusal(post("/", "MessageBody=a")) == "MissingAction");
  for (const auto* form :
       {"Action=%", "Action=%2", "Action=%zz", "Action=a&Action=b", "Action=a&x.1=a&x=b", "Action=a&a.b.c.d.e.f.g.h.i=1"})
    BOOST_TEST(refusal(post("/", form)) == "MalformedQueryString", form);
  for (const auto* body : {"{", "[]", "1", "{\"a\": \xff}", "{} {}"})
    BOOST_TEST(refusal(json("AmazonSQS.SendMessage", body)) == "MalformedInput", body);
  BOOST_TEST(refusal(json("AmazonSQS.SendMessage", std::string(100'000, '['))) == "MalformedInput");
  BOOST_TEST(refusal(json("DynamoDB_20120810.ListTables", "{}")) == "InvalidAction");
  BOOST_TEST(refusal(json("AmazonSQS", "{}")) == "InvalidAction");
  auto put = post("/", "Action=ListQueues");
  put.method = "PUT";
  BOOST_TEST(refusal(put) == "AWS.SimpleQueueService.UnsupportedOperation");
}

BOOST_AUTO_TEST_CASE(a_form_becomes_the_tree_that_json_is) {
  BOOST_TEST(
      tree("MessageAttribute.1.Name=fare&MessageAttribute.1.Value.DataType=Number&MessageAttribute.1.Value.StringValue=61.50"
           "&MessageAttribute.2.Name=b&MessageAttribute.2.Value.DataType=String&MessageAttribute.2.Value.StringValue=x") ==
      Json::parse(
          R"({"MessageAttributes": {"b": {"DataType": "String", "StringValue": "x"}, "fare": {"DataType": "Number", "StringValue": "61.50"}}})"));
  BOOST_TEST(tree("SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.10.Id=c&SendMessageBatchRequestEntry.1.Id=a") ==
             Json::parse(R"({"Entries": [{"Id": "a"}, {"Id": "b"}, {"Id": "c"}]})"));
  BOOST_TEST(tree("Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&AttributeName.1=All&Tag.1.Key=k&Tag.1.Value=v") ==
             Json::parse(R"({"Attributes": {"DelaySeconds": "5"}, "AttributeNames": ["All"], "Tags": {"k": "v"}})"));
  BOOST_TEST(tree("Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true"
                  "&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Name=n"
                  "&PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.DataType=String") ==
             Json::parse(R"({"Attributes": {"RawMessageDelivery": "true"},
                             "PublishBatchRequestEntries": [{"Id": "a", "MessageAttributes": {"n": {"DataType": "String"}}}]})"));
}

// ---- names

BOOST_AUTO_TEST_CASE(queues_have_names_urls_and_arns) {
  for (const std::string name : {"a", "rides-2", "R_i-d", "orders.fifo"}) BOOST_TEST(is_queue_name(name), name);
  BOOST_TEST(is_queue_name(std::string(80, 'x')));
  BOOST_TEST(is_queue_name(std::string(75, 'x') + ".fifo"));
  for (const std::string name : {"", "a.b", "ä", "a b", ".fifo", "a/b"}) BOOST_TEST(!is_queue_name(name), name);
  BOOST_TEST(!is_queue_name(std::string(81, 'x')));
  BOOST_TEST(!is_queue_name(std::string(76, 'x') + ".fifo"));
  for (const auto* url : {"", "/", "/rides", "//rides", "/000000000000/", "/000000000000/a/b", "http://x", "rides"})
    BOOST_TEST(code_of(queue_of_url(url)) == "InvalidAddress", url);
  BOOST_TEST(queue_arn("rides") == "arn:aws:sqs:us-east-1:000000000000:rides");
  BOOST_TEST(name_of_arn("arn:aws:sqs:eu-west-1:123456789012:rides", "sqs") == "rides");
  BOOST_TEST(name_of_arn("arn:aws:sns:eu-west-1:123456789012:rides", "sqs") == "");
  BOOST_TEST(name_of_arn("rides", "sqs") == "");
}

// ---- messages in

BOOST_AUTO_TEST_CASE(a_message_is_made_of_body_attributes_and_ids) {
  const auto entry = read_message(Json::parse(R"({"MessageBody": "hello", "MessageGroupId": "g", "MessageDeduplicationId": "d",
                      "MessageAttributes": {"fare": {"DataType": "Number.euro", "StringValue": "61.50"}, "raw": {"DataType": "Binary", "BinaryValue": "AAH/"}},
                      "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}})"),
                                  {true});
  BOOST_REQUIRE(entry.ok());
  BOOST_TEST(entry->message.body == "hello");
  BOOST_TEST(entry->message.group_id == "g");
  BOOST_TEST(entry->message.dedup_id == "d");
  BOOST_TEST((entry->message.attributes.at("raw") == Attribute{"Binary", std::string{"\0\x01\xff", 3}}));
  BOOST_TEST((entry->message.attributes.at("fare") == Attribute{"Number.euro", "61.50"}));
  BOOST_TEST((entry->message.attributes.at(std::string{trace_attribute}) == Attribute{"String", "Root=1"}));
  BOOST_TEST(entry->md5_of_body == "5d41402abc4b2a76b9719d911017c592");
  BOOST_TEST(entry->md5_of_attributes.size() == 32U);
  BOOST_TEST(entry->md5_of_system_attributes.size() == 32U);
  BOOST_TEST(!entry->delay_ms);
  BOOST_TEST(*read_message({{"MessageBody", "a"}, {"DelaySeconds", "900"}}, {})->delay_ms == 900'000U);
}

BOOST_AUTO_TEST_CASE(the_digest_of_attributes_is_amazons) {
  BOOST_TEST(md5_of_attributes({{"colour", {"String", "red"}}, {"fare", {"Number", "61.50"}}}) ==
             "19e89ce148427986672f67d3d9ca1c66");
}

BOOST_AUTO_TEST_CASE(a_message_that_amazon_refuses_is_refused) {
  BOOST_TEST(refusal_of_message(Json::object()) == "MissingParameter");
  BOOST_TEST(refusal_of_message({{"MessageBody", ""}}) == "MissingParameter");
  BOOST_TEST(refusal_of_message({{"MessageBody", std::string("a\0", 2)}}) == "InvalidMessageContents");
  for (const auto* text : {"a\x1f", "\xEF\xBF\xBF", "\xC0\x80", "\xED\xA0\x80", "\xff", "\xF5\x80\x80\x80"})
    BOOST_TEST(refusal_of_message({{"MessageBody", text}}) == "InvalidMessageContents");
  for (const auto* text : {"\t\r\n ", "ä", "\xEF\xBF\xBD", "\xF0\x9F\x90\x8E"})
    BOOST_TEST(refusal_of_message({{"MessageBody", text}}) == "");
  for (const auto* delay : {"-1", "901", "x", "1.5"})
    BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"DelaySeconds", delay}}) == "InvalidParameterValue");
  BOOST_TEST(refusal_of_message({{"MessageBody", Json::array()}}) == "MalformedInput");
}

BOOST_AUTO_TEST_CASE(the_size_counts_body_and_attributes_in_bytes) {
  BOOST_TEST(refusal_of_message({{"MessageBody", std::string(1'048'576, 'x')}}) == "");
  BOOST_TEST(refusal_of_message({{"MessageBody", std::string(1'048'577, 'x')}}) == "InvalidParameterValue");
  const auto with_body = [](std::size_t size) {
    auto given = with_attribute("name", {{"DataType", "String"}, {"StringValue", "value"}});  // 4 + 6 + 5
    given["MessageBody"] = std::string(size, 'x');
    return given;
  };
  BOOST_TEST(refusal_of_message(with_body(1'024 - 15), {false, 1'024}) == "");
  BOOST_TEST(refusal_of_message(with_body(1'024 - 14), {false, 1'024}) == "InvalidParameterValue");
}

BOOST_AUTO_TEST_CASE(attributes_have_names_types_and_values) {
  const Json text{{"DataType", "String"}, {"StringValue", "x"}};
  for (const auto* name : {"a", "A-b_c.d", "9"}) BOOST_TEST(refusal_of_message(with_attribute(name, text)) == "", name);
  for (const auto* name : {"", ".a", "a.", "a..b", "AWS.x", "aws.x", "Amazon.x", "a b", "ä"})
    BOOST_TEST(refusal_of_message(with_attribute(name, text)) == "InvalidParameterValue", name);
  BOOST_TEST(refusal_of_message(with_attribute(std::string(256, 'a'), text)) == "");
  BOOST_TEST(refusal_of_message(with_attribute(std::string(257, 'a'), text)) == "InvalidParameterValue");
  for (const auto* value :
       {R"({})", R"("x")", R"({"DataType": ""})", R"({"DataType": "Text", "StringValue": "x"})", R"({"DataType": "String"})",
        R"({"DataType": "String", "StringValue": ""})", R"({"DataType": "Number", "StringValue": "x"})",
        R"({"DataType": "Binary", "StringValue": "x"})", R"({"DataType": "Binary", "BinaryValue": "!"})"})
    BOOST_TEST(refusal_of_message(with_attribute("a", Json::parse(value))) == "InvalidParameterValue", value);
  Json many{{"MessageBody", "a"}};
  for (int i = 0; i < 10; ++i) many["MessageAttributes"]["a" + std::to_string(i)] = text;
  BOOST_TEST(refusal_of_message(many) == "");
  many["MessageAttributes"]["one-more"] = text;
  BOOST_TEST(refusal_of_message(many) == "InvalidParameterValue");
}

BOOST_AUTO_TEST_CASE(a_fifo_queue_wants_a_group_and_no_delay_and_a_standard_queue_no_deduplication) {
  const SendRules fifo{true};
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}}, fifo) == "MissingParameter");
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"MessageGroupId", "g"}}, fifo) == "");
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"MessageGroupId", "g"}, {"DelaySeconds", 1}}, fifo) ==
             "InvalidParameterValue");
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"MessageGroupId", std::string(128, 'g')}}, fifo) == "");
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"MessageGroupId", std::string(129, 'g')}}, fifo) ==
             "InvalidParameterValue");
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"MessageGroupId", "g h"}}, fifo) == "InvalidParameterValue");
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"MessageGroupId", "fair"}}) == "");
  BOOST_TEST(refusal_of_message({{"MessageBody", "a"}, {"MessageDeduplicationId", "d"}}) == "InvalidParameterValue");
}

BOOST_AUTO_TEST_CASE(a_batch_has_one_to_ten_entries_with_ids_of_their_own) {
  const auto refusal = [](const Json& entries) {
    return code_of(read_batch({{"Entries", entries}}, "SendMessageBatchRequestEntry"));
  };
  const std::string prefix = "AWS.SimpleQueueService.";
  BOOST_TEST(refusal(Json::array()) == prefix + "EmptyBatchRequest");
  BOOST_TEST(code_of(read_batch(Json::object(), "x")) == prefix + "EmptyBatchRequest");
  Json ten = Json::array();
  for (int i = 0; i < 10; ++i) ten.push_back({{"Id", std::to_string(i)}});
  BOOST_TEST(refusal(ten) == "");
  ten.push_back({{"Id", "10"}});
  BOOST_TEST(refusal(ten) == prefix + "TooManyEntriesInBatchRequest");
  BOOST_TEST(refusal({{{"Id", "a"}}, {{"Id", "a"}}}) == prefix + "BatchEntryIdsNotDistinct");
  BOOST_TEST(refusal(Json::array({{{"Id", "a b"}}})) == prefix + "InvalidBatchEntryId");
  BOOST_TEST(refusal(Json::array({{{"Id", std::string(80, 'a')}}})) == "");
  BOOST_TEST(refusal(Json::array({{{"Id", std::string(81, 'a')}}})) == prefix + "InvalidBatchEntryId");
  BOOST_TEST(refusal(Json::array({Json::object()})) == "MissingParameter");
}

// ---- messages out

BOOST_AUTO_TEST_CASE(a_received_message_shows_what_was_asked_for) {
  Message message;
  message.id = "m-1";
  message.body = "This is a test message";
  message.group_id = "g";
  message.datacontenttype = "text/plain";
  message.attributes = {
      {"fare", {"Number", "61.50"}}, {"raw", {"Binary", "\x01"}}, {std::string{trace_attribute}, {"String", "Root=1"}}};
  const auto all = shown(message);
  BOOST_TEST(all["MessageId"] == "m-1");
  BOOST_TEST(all["MD5OfBody"] == "fafb00f5732ab283681e124bf8747ed1");
  BOOST_TEST(all["Attributes"]["ApproximateReceiveCount"] == "1");
  BOOST_TEST(all["Attributes"]["SentTimestamp"] == "1000");
  BOOST_TEST(all["Attributes"]["ApproximateFirstReceiveTimestamp"] == "2000");
  BOOST_TEST(all["Attributes"]["MessageGroupId"] == "g");
  BOOST_TEST(all["Attributes"]["AWSTraceHeader"] == "Root=1");
  BOOST_TEST(!all["Attributes"].contains("SequenceNumber"));
  BOOST_TEST(all["MessageAttributes"].size() == 2U);
  BOOST_TEST(all["MessageAttributes"]["raw"]["BinaryValue"] == "AQ==");
  BOOST_TEST(shown(message, {{"All"}, {}}, true)["Attributes"]["SequenceNumber"] == "00000000000000000007");
  const auto nothing = shown(message, {});
  BOOST_TEST(
      (!nothing.contains("Attributes") && !nothing.contains("MessageAttributes") && !nothing.contains("MD5OfMessageAttributes")));
  BOOST_TEST(shown(message, {{}, {"fa.*"}})["MessageAttributes"].size() == 0U);
  BOOST_TEST(shown(message, {{}, {"fare"}})["MD5OfMessageAttributes"] == md5_of_attributes({{"fare", {"Number", "61.50"}}}));
}

BOOST_AUTO_TEST_CASE(prefixes_of_attribute_names_end_in_a_star) {
  const Selection selection{{}, {"ride.*", "fare"}};
  BOOST_TEST(selection.wants_attribute("ride.id"));
  BOOST_TEST(selection.wants_attribute("fare"));
  BOOST_TEST(!selection.wants_attribute("rider"));
  BOOST_TEST(code_of(read_selection({{"AttributeNames", {"All"}}})) == "");
  BOOST_TEST(code_of(read_selection({{"MessageSystemAttributeNames", {"Nonsense"}}})) == "InvalidAttributeName");
}

BOOST_AUTO_TEST_CASE(what_others_sent_is_shown_as_text) {
  Message message;
  message.id = "m";
  const auto packed = Json::to_msgpack({{"fare", 61.5}, {"from", "Berlin"}});
  message.body.assign(packed.begin(), packed.end());
  BOOST_TEST(body_text(message) == R"({"fare":61.5,"from":"Berlin"})");
  message.datacontenttype = "application/octet-stream";
  BOOST_TEST(body_text(message) == base64(message.body));
  message.body = "{\"a\": 1}";
  BOOST_TEST(body_text(message) == message.body);
  message.datacontenttype = "";
  message.body = "ä";
  BOOST_TEST(body_text(message) == "ä");
}

BOOST_AUTO_TEST_CASE(a_receipt_handle_is_text_that_comes_back) {
  const std::string handle{"\x01\0\0\0\x02\0\0\0\x07\x01\0\0\0\0\0\0", 16};
  BOOST_TEST(*handle_of(handle_text(handle)) == handle);
  BOOST_TEST(sequence_of(handle) == 263U);
  for (const auto* text : {"", "x", "AAAA", "!!!!"}) BOOST_TEST(!handle_of(text));
}

BOOST_AUTO_TEST_CASE(base64_is_read_strictly) {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd"}) BOOST_TEST(*from_base64(base64(bytes)) == bytes);
  for (const auto* text : {"a", "ab", "abc", "a===", "====", "ab=c", "a b=", "YWI\n"}) BOOST_TEST(!from_base64(text), text);
}

// ---- attributes of queues

BOOST_AUTO_TEST_CASE(attributes_of_a_queue_are_set_and_shown) {
  auto queue = new_queue("rides", false);
  BOOST_TEST(settings_of(queue)["MaximumMessageSize"] == "1048576");
  BOOST_TEST(settings_of(queue)["VisibilityTimeout"] == "30");
  BOOST_TEST(set_attributes(queue, {{"VisibilityTimeout", "0"},
                                    {"DelaySeconds", "900"},
                                    {"MessageRetentionPeriod", "60"},
                                    {"MaximumMessageSize", "1024"},
                                    {"ReceiveMessageWaitTimeSeconds", "20"},
                                    {"Policy", "{}"},
                                    {"RedrivePolicy",
                                     R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"3"})"}})
                 .ok());
  BOOST_TEST(queue.visibility_timeout.count() == 0);
  BOOST_TEST(queue.dead_letter_queue == "dead");
  BOOST_TEST(queue.max_receives == 3);
  const auto now = settings_of(queue);
  BOOST_TEST(now.at("MaximumMessageSize") == "1024");
  BOOST_TEST(now.at("ReceiveMessageWaitTimeSeconds") == "20");
  BOOST_TEST(now.at("RedrivePolicy") == R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3})");
  BOOST_TEST(!now.contains("FifoQueue"));
  BOOST_TEST(set_attributes(queue, {{"RedrivePolicy", ""}, {"Policy", ""}}).ok());
  BOOST_TEST(queue.dead_letter_queue == "");
  BOOST_TEST(!settings_of(queue).contains("Policy"));
}

BOOST_AUTO_TEST_CASE(attributes_out_of_range_or_unknown_are_refused) {
  const auto refusal = [](const std::string& name, const std::string& value, bool fifo = false) {
    auto queue = new_queue("rides", fifo);
    return code_of(set_attributes(queue, {{name, value}}));
  };
  struct Range {
    const char* name;
    std::int64_t min, max;
  };
  for (const auto& [name, min, max] : {Range{"DelaySeconds", 0, 900},
                                       {"MaximumMessageSize", 1'024, 1'048'576},
                                       {"MessageRetentionPeriod", 60, 1'209'600},
                                       {"ReceiveMessageWaitTimeSeconds", 0, 20},
                                       {"VisibilityTimeout", 0, 43'200},
                                       {"KmsDataKeyReusePeriodSeconds", 60, 86'400}}) {
    for (const auto value : {min, max}) BOOST_TEST(refusal(name, std::to_string(value)) == "", name);
    for (const auto value : {min - 1, max + 1}) BOOST_TEST(refusal(name, std::to_string(value)) == "InvalidAttributeValue", name);
    for (const auto* value : {"", "x", "1.5"}) BOOST_TEST(refusal(name, value) == "InvalidAttributeValue", name);
  }
  BOOST_TEST(refusal("Nonsense", "1") == "InvalidAttributeName");
  BOOST_TEST(refusal("ApproximateNumberOfMessages", "1") == "InvalidAttributeName");
  for (const auto* name : {"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"})
    BOOST_TEST(refusal(name, "true") == "InvalidAttributeName", name);
  BOOST_TEST(refusal("ContentBasedDeduplication", "true", true) == "");
  BOOST_TEST(refusal("ContentBasedDeduplication", "yes", true) == "InvalidAttributeValue");
  BOOST_TEST(refusal("DeduplicationScope", "messageGroup", true) == "");
  BOOST_TEST(refusal("DeduplicationScope", "group", true) == "InvalidAttributeValue");
  for (const auto* policy : {"x", "[]", "{}", R"({"deadLetterTargetArn":"dead","maxReceiveCount":1})",
                             R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":0})",
                             R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1001})",
                             R"({"maxReceiveCount":1})", R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"})"})
    BOOST_TEST(refusal("RedrivePolicy", policy) == "InvalidParameterValue", policy);
}

BOOST_AUTO_TEST_CASE(tags_of_people_and_of_the_gateway_are_kept_apart) {
  auto queue = new_queue("rides", false);
  BOOST_TEST(add_tags(queue, {{"team", "rides"}, {"empty", ""}}).ok());
  wire::QueueInfo info;
  info.tags = queue.tags;
  BOOST_TEST((tags_of(info) == std::map<std::string, std::string>{{"empty", ""}, {"team", "rides"}}));
  BOOST_TEST(code_of(add_tags(queue, {{"aws:x", "y"}})) == "InvalidParameterValue");
  BOOST_TEST(code_of(add_tags(queue, {{"", "y"}})) == "InvalidParameterValue");
  BOOST_TEST(code_of(add_tags(queue, {{"k", std::string(257, 'v')}})) == "InvalidParameterValue");
  for (int i = 0; i < 48; ++i) BOOST_TEST(add_tags(queue, {{std::to_string(i), "v"}}).ok());
  BOOST_TEST(code_of(add_tags(queue, {{"one-more", "v"}})) == "InvalidParameterValue");
}

BOOST_AUTO_TEST_CASE(lists_come_in_pages) {
  const std::vector<std::string> names{"c", "a", "b"};
  BOOST_TEST(page_of(names, Json::object())->names == (std::vector<std::string>{"a", "b", "c"}), boost::test_tools::per_element());
  const auto first = page_of(names, {{"MaxResults", 2}});
  BOOST_TEST(first->names.size() == 2U);
  const auto second = page_of(names, {{"MaxResults", "2"}, {"NextToken", first->next_token}});
  BOOST_TEST(second->names == (std::vector<std::string>{"c"}), boost::test_tools::per_element());
  BOOST_TEST(second->next_token == "");
  BOOST_TEST(code_of(page_of(names, {{"MaxResults", 0}})) == "InvalidParameterValue");
  BOOST_TEST(code_of(page_of(names, {{"MaxResults", 1'001}})) == "InvalidParameterValue");
  BOOST_TEST(code_of(page_of(names, {{"NextToken", "!"}})) == "InvalidParameterValue");
}

// ---- answers

BOOST_AUTO_TEST_CASE(a_result_is_written_as_xml_and_as_json) {
  const Output sent{{"MessageId", "m-1"}, {"MD5OfMessageBody", "5d41"}};
  const Call query{Service::sqs, Protocol::query, "SendMessage", {}, {}};
  const auto xml = answer(query, sent, "r-1");
  BOOST_TEST(xml.content_type == "text/xml");
  BOOST_TEST(xml.body ==
             "<?xml version=\"1.0\"?><SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><SendMessageResult>"
             "<MessageId>m-1</MessageId><MD5OfMessageBody>5d41</MD5OfMessageBody></SendMessageResult>"
             "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></SendMessageResponse>");
  const Call other{Service::sqs, Protocol::json, "SendMessage", {}, {}};
  const auto json = answer(other, sent, "r-1");
  BOOST_TEST(json.content_type == "application/x-amz-json-1.0");
  BOOST_TEST(json.body == R"({"MessageId":"m-1","MD5OfMessageBody":"5d41"})");
  BOOST_TEST(answer(other, Output{}, "r").body == "{}");
  BOOST_TEST(xml_of(Service::sqs, "DeleteQueue", Output{}, "r").find("DeleteQueueResult") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(lists_and_maps_are_flat_in_the_xml_of_sqs_and_wrapped_in_that_of_sns) {
  const auto inside = [](Service service, const char* action, const Output& output) {
    const auto xml = xml_of(service, action, output, "r");
    const auto begin = xml.find("Result>") + 7;
    return xml.substr(begin, xml.find("</" + std::string{action} + "Result>") - begin);
  };
  BOOST_TEST(inside(Service::sqs, "ReceiveMessage",
                    {{"Messages", {{{"Body", "<a>"}, {"Attributes", {{"SentTimestamp", "1"}}}}, {{"Body", "b"}}}}}) ==
             "<Message><Body>&lt;a&gt;</Body><Attribute><Name>SentTimestamp</Name><Value>1</Value></Attribute></"
             "Message><Message><Body>b</Body></Message>");
  BOOST_TEST(inside(Service::sqs, "SendMessageBatch",
                    {{"Successful", {{{"Id", "a"}}}}, {"Failed", Output::array({{{"Id", "b"}, {"SenderFault", true}}})}}) ==
             "<SendMessageBatchResultEntry><Id>a</Id></SendMessageBatchResultEntry>"
             "<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault></BatchResultErrorEntry>");
  BOOST_TEST(inside(Service::sns, "ListTopics", {{"Topics", Output::array({{{"TopicArn", "x"}}})}}) ==
             "<Topics><member><TopicArn>x</TopicArn></member></Topics>");
  BOOST_TEST(inside(Service::sns, "GetTopicAttributes", {{"Attributes", {{"a", "1"}}}}) ==
             "<Attributes><entry><key>a</key><value>1</value></entry></Attributes>");
}

BOOST_AUTO_TEST_CASE(an_error_says_what_and_whose_fault_it_is) {
  const AwsError missing{Fault::queue_does_not_exist, "a<b>&\"c\x01"};
  const auto xml = answer(Protocol::query, Service::sqs, missing, "r-1");
  BOOST_TEST(xml.status == 400);
  BOOST_TEST(xml.body.find("<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</"
                           "Code><Message>a&lt;b&gt;&amp;&quot;c\xEF\xBF\xBD</Message>") != std::string::npos);
  BOOST_TEST(xml.body.find("<RequestId>r-1</RequestId>") != std::string::npos);
  const auto json = answer(Protocol::json, Service::sqs, missing, "r-1");
  BOOST_TEST(Json::parse(json.body)["__type"] == "com.amazonaws.sqs#QueueDoesNotExist");
  const http::Field query_error{"x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender"};
  BOOST_TEST((std::find(json.fields.begin(), json.fields.end(), query_error) != json.fields.end()));
  const auto ours = answer(Protocol::query, Service::sqs, {Fault::service_unavailable, "later"}, "r");
  BOOST_TEST(ours.status == 503);
  BOOST_TEST(ours.body.find("<Type>Receiver</Type>") != std::string::npos);
  const auto too_large = answer(http::Problem{413, "the body is too large", {}}, "r");
  BOOST_TEST(too_large.status == 413);
  BOOST_TEST(too_large.body.find("<Code>RequestEntityTooLarge</Code>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_fault_has_its_facts) {
  for (int i = 0; i <= static_cast<int>(Fault::signature_does_not_match); ++i) {
    const auto& facts = facts_of(static_cast<Fault>(i));
    BOOST_TEST((!facts.code.empty() && !facts.shape.empty() && facts.status >= 400));
  }
}

BOOST_AUTO_TEST_CASE(verbs_are_found_by_service_and_name) {
  BOOST_TEST((find_verb(Service::sqs, "SendMessage") != nullptr));
  BOOST_TEST((find_verb(Service::sqs, "sendmessage") == nullptr));
  BOOST_TEST((find_verb(Service::sns, "SendMessage") == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
