// Signature Version 4: what botocore has signed is taken; whatever differs in one place is not.

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "nodes/sqs_gateway/signature.hpp"

using namespace remuda;
using namespace remuda::sqs;

namespace {

const Credentials known{{"AKIDRIDES", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}};
constexpr std::int64_t header_signed_at = 1'795'694'337;
constexpr std::int64_t address_signed_at = 1'795'694'319;

/// Signed by botocore 1.29.
http::Request with_header() {
  return {"POST",
          "/000000000000/rides%20x?b=2&a=%C3%A9%20x",
          {{"Host", "127.0.0.1:9324"},
           {"X-Amz-Target", "AmazonSQS.GetQueueUrl"},
           {"Content-Type", "application/x-amz-json-1.0"},
           {"X-Spaced", "  a   b "},
           {"X-Amz-Date", "20261126T115857Z"},
           {"Authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDRIDES/20261126/eu-central-1/sqs/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-target;x-spaced, "
            "Signature=75353f3b0c11825b6d3a5c75b4b2c2185cfd564c3bd4db692ec44a0cf54dd5ef"}},
          R"({"QueueName": "rides"})",
          true,
          true};
}
http::Request presigned() {
  return {
      "GET",
      "/000000000000/rides?Action=SendMessage&MessageBody=a%20%26%20b%0A&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
      "AKIDRIDES%2F20261126%2Fus-east-1%2Fsqs%2Faws4_request&X-Amz-Date=20261126T115839Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
      "&X-Amz-Signature=b7d630193385d87a84d4b3c0b74dc3acd226b154b6b8fef64740cf398a0ddec8",
      {{"Host", "127.0.0.1:9324"}},
      "",
      true,
      false};
}

std::string refusal(const http::Request& request, std::int64_t now_s = header_signed_at) {
  const auto checked = check_signature(request, known, now_s);
  return checked ? "" : std::string{checked.error().code()};
}
void replace(std::string& text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}
std::string& field(http::Request& request, std::string_view name) {
  for (auto& [given, value] : request.fields) {
    if (given == name) return value;
  }
  throw std::logic_error{"no such field"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sqs_signature)

BOOST_AUTO_TEST_CASE(what_botocore_has_signed_is_taken) {
  BOOST_TEST(refusal(with_header()) == "");
  BOOST_TEST(refusal(presigned(), address_signed_at) == "");
}

BOOST_AUTO_TEST_CASE(whatever_differs_in_one_place_is_not) {
  const auto with = [](auto change) {
    auto request = with_header();
    change(request);
    return refusal(request);
  };
  BOOST_TEST(with([](auto& request) { request.body += " "; }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { request.method = "PUT"; }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(request.target, "rides", "fares"); }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(request.target, "b=2", "b=3"); }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { field(request, "X-Amz-Target") = "AmazonSQS.DeleteQueue"; }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { field(request, "Host") = "localhost:9324"; }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { field(request, "X-Spaced") = "ab"; }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { request.fields.emplace_back("x-spaced", "c"); }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(field(request, "Authorization"), "eu-central-1", "us-east-1"); }) ==
             "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(field(request, "Authorization"), "sqs/", "iam/"); }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(field(request, "Authorization"), "d5ef", "d5ee"); }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(field(request, "Authorization"), "host;", ""); }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(field(request, "Authorization"), "x-amz-target;", ""); }) == "SignatureDoesNotMatch");
  BOOST_TEST(with([](auto& request) { replace(field(request, "Authorization"), "AKIDRIDES", "AKIDOTHER"); }) ==
             "InvalidClientTokenId");
  auto tampered = presigned();
  replace(tampered.target, "MessageBody=a", "MessageBody=b");
  BOOST_TEST(refusal(tampered, address_signed_at) == "SignatureDoesNotMatch");
  auto longer = presigned();
  replace(longer.target, "Expires=60", "Expires=600");
  BOOST_TEST(refusal(longer, address_signed_at) == "SignatureDoesNotMatch");
}

BOOST_AUTO_TEST_CASE(clocks_may_differ_by_fifteen_minutes_and_an_address_holds_as_long_as_it_says) {
  BOOST_TEST(refusal(with_header(), header_signed_at + 900) == "");
  BOOST_TEST(refusal(with_header(), header_signed_at + 901) == "SignatureDoesNotMatch");
  BOOST_TEST(refusal(with_header(), header_signed_at - 900) == "");
  BOOST_TEST(refusal(with_header(), header_signed_at - 901) == "SignatureDoesNotMatch");
  BOOST_TEST(refusal(presigned(), address_signed_at + 60) == "");
  BOOST_TEST(refusal(presigned(), address_signed_at + 61) == "SignatureDoesNotMatch");
  auto nonsense = with_header();
  field(nonsense, "X-Amz-Date") = "yesterday";
  BOOST_TEST(refusal(nonsense) == "IncompleteSignature");
}

BOOST_AUTO_TEST_CASE(a_request_that_is_signed_in_part_or_not_at_all_says_so) {
  auto unsigned_request = with_header();
  std::erase_if(unsigned_request.fields, [](const http::Field& each) { return each.first == "Authorization"; });
  BOOST_TEST(refusal(unsigned_request) == "MissingAuthenticationToken");
  for (const auto* text :
       {"Basic YTpi", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=a", "AWS4-HMAC-SHA256 ,,=,",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host", "AWS4-HMAC-SHA256 Credential=a/b, Signature=00"}) {
    auto request = with_header();
    field(request, "Authorization") = text;
    BOOST_TEST(refusal(request) == "IncompleteSignature", text);
  }
  for (const auto* part : {"X-Amz-Credential=", "X-Amz-Date=", "X-Amz-Expires=", "X-Amz-SignedHeaders=", "X-Amz-Algorithm="}) {
    auto request = presigned();
    replace(request.target, part, "x=");
    BOOST_TEST(refusal(request, address_signed_at) != "", part);
  }
}

BOOST_AUTO_TEST_CASE(credentials_are_an_id_and_a_secret_each) {
  const auto read = [](const char* json) { return read_credentials(nlohmann::json::parse(json)); };
  BOOST_TEST(read(R"([{"id": "a", "secret": "s"}, {"id": "b", "secret": "t"}])").at("b") == "t");
  BOOST_TEST(read("[]").empty());
  for (const auto* wrong :
       {R"(["a:s"])", R"([{"id": "a"}])", R"([{"secret": "s"}])", R"([{"id": "a", "secret": ""}])",
        R"([{"id": "a/b", "secret": "s"}])", R"([{"id": "a", "secret": "s", "role": "x"}])",
        R"([{"id": "a", "secret": "s"}, {"id": "a", "secret": "t"}])", R"([{"id": "a", "secret_file": "/does/not/exist"}])"})
    BOOST_CHECK_THROW(read(wrong), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
