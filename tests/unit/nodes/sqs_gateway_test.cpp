// The SQS gateway's three steps: a form is read, an operation done, XML written.

#include <boost/test/unit_test.hpp>

#include "nodes/sqs_gateway/send_message.hpp"
#include "nodes/sqs_gateway/xml.hpp"

using namespace remuda;
using namespace remuda::sqs;

namespace {

http::Request post(std::string target, std::string form) {
  return {"POST", std::move(target), {{"Content-Type", "application/x-www-form-urlencoded"}}, std::move(form), true, true};
}

std::string refusal_of(const std::string& form) {
  const auto query = read_query_request(post("/000000000000/rides", form));
  if (!query) return query.error().code;
  const auto message = message_of(*query);
  return message ? "" : message.error().code;
}

Message sent(const std::string& form) {
  const auto message = message_of(*read_query_request(post("/000000000000/rides", form)));
  BOOST_REQUIRE(message.ok());
  return *message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sqs_gateway)

BOOST_AUTO_TEST_CASE(a_form_names_action_and_parameters_and_the_path_the_queue) {
  const auto query =
      read_query_request(post("/000000000000/rides", "Action=SendMessage&MessageBody=a+b%26c%0Ad%C3%A4&Version=2012-11-05"));
  BOOST_REQUIRE(query.ok());
  BOOST_TEST(query->action == "SendMessage");
  BOOST_TEST(query->queue == "rides");
  BOOST_TEST(*query->find("MessageBody") == "a b&c\ndä");
  const auto by_url =
      read_query_request(post("/", "Action=SendMessage&QueueUrl=http%3A%2F%2F127.0.0.1%3A9324%2F000000000000%2Frides"));
  BOOST_TEST(by_url->queue == "rides");
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused_by_name) {
  BOOST_TEST(refusal_of("") == "MissingAction");
  BOOST_TEST(refusal_of("MessageBody=a") == "MissingAction");
  BOOST_TEST(refusal_of("Action=%") == "MalformedQueryString");
  BOOST_TEST(refusal_of("Action=%2") == "MalformedQueryString");
  BOOST_TEST(refusal_of("Action=%zz") == "MalformedQueryString");
  BOOST_TEST(refusal_of("Action=SendMessage&Action=SendMessage") == "MalformedQueryString");
  for (const auto* target : {"/", "/rides", "//rides", "/000000000000/", "/000000000000/a/b"})
    BOOST_TEST(read_query_request(post(target, "Action=SendMessage")).error().code == "InvalidAddress");
  auto get = post("/000000000000/rides", "");
  get.method = "GET";
  BOOST_TEST(read_query_request(get).error().status == 405);
}

BOOST_AUTO_TEST_CASE(send_message_makes_a_message_of_body_attributes_and_group) {
  const auto message = sent(
      "Action=SendMessage&MessageBody=hello&MessageGroupId=g&MessageDeduplicationId=d&DelaySeconds=0"
      "&MessageAttribute.1.Name=fare&MessageAttribute.1.Value.DataType=Number&MessageAttribute.1.Value.StringValue=61.50"
      "&MessageAttribute.2.Name=colour&MessageAttribute.2.Value.DataType=String&MessageAttribute.2.Value.StringValue=red");
  BOOST_TEST(message.body == "hello");
  BOOST_TEST(message.group_id == "g");
  BOOST_TEST(message.dedup_id == "d");
  BOOST_TEST(
      (message.attributes == std::map<std::string, Attribute>{{"colour", {"String", "red"}}, {"fare", {"Number", "61.50"}}}));
  BOOST_TEST(!message.id.empty());
  BOOST_TEST(md5_of_attributes(message.attributes) == "19e89ce148427986672f67d3d9ca1c66");
}

BOOST_AUTO_TEST_CASE(send_message_refuses_what_sqs_refuses) {
  BOOST_TEST(refusal_of("Action=SendMessage") == "MissingParameter");
  BOOST_TEST(refusal_of("Action=SendMessage&MessageBody=") == "MissingParameter");
  BOOST_TEST(refusal_of("Action=SendMessage&MessageBody=a%00") == "InvalidMessageContents");
  BOOST_TEST(refusal_of("Action=SendMessage&MessageBody=a%EF%BF%BF") == "InvalidMessageContents");
  BOOST_TEST(refusal_of("Action=SendMessage&MessageBody=" + std::string(1'048'576, 'x')) == "");
  BOOST_TEST(refusal_of("Action=SendMessage&MessageBody=" + std::string(1'048'577, 'x')) == "InvalidParameterValue");
  BOOST_TEST(refusal_of("Action=SendMessage&MessageBody=a&DelaySeconds=1") == "AWS.SimpleQueueService.UnsupportedOperation");
  const std::string one = "Action=SendMessage&MessageBody=a&MessageAttribute.1.Name=n";
  BOOST_TEST(refusal_of(one) == "MissingParameter");
  BOOST_TEST(refusal_of(one + "&MessageAttribute.1.Value.DataType=Binary") == "InvalidParameterValue");
  BOOST_TEST(refusal_of(one + "&MessageAttribute.1.Value.DataType=String") == "InvalidParameterValue");
}

BOOST_AUTO_TEST_CASE(the_answer_holds_id_digest_and_request) {
  Message message;
  message.id = "m-1";
  message.body = "This is a test message";
  BOOST_TEST(send_message_response(message, "r-1") ==
             "<?xml version=\"1.0\"?><SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><SendMessageResult>"
             "<MessageId>m-1</MessageId><MD5OfMessageBody>fafb00f5732ab283681e124bf8747ed1</MD5OfMessageBody></SendMessageResult>"
             "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></SendMessageResponse>");
  message.attributes["colour"] = {"String", "red"};
  BOOST_TEST(send_message_response(message, "r-1").find("<MD5OfMessageAttributes>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_error_says_whose_fault_it_is) {
  const auto mine = xml_error({503, "ServiceUnavailable", "later"}, "r-1");
  BOOST_TEST(mine.find("<Type>Receiver</Type><Code>ServiceUnavailable</Code><Message>later</Message>") != std::string::npos);
  BOOST_TEST(mine.find("<RequestId>r-1</RequestId>") != std::string::npos);
  BOOST_TEST(xml_error({400, "X", "a<b>&\"c\x01"}, "r")
                 .find("<Type>Sender</Type><Code>X</Code><Message>a&lt;b&gt;&amp;&quot;c\xEF\xBF\xBD</Message>") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
