#include "nodes/sqs_gateway/xml.hpp"

#include <fmt/format.h>

#include "common/xml_text.hpp"

namespace remuda::sqs {
namespace {

constexpr std::string_view name_space = "http://queue.amazonaws.com/doc/2012-11-05/";
constexpr std::string_view declaration = R"(<?xml version="1.0"?>)";
constexpr int first_fault_of_ours = 500;

}  // namespace

std::string xml_element(std::string_view name, std::string_view text) {
  return fmt::format("<{0}>{1}</{0}>", name, xml_escaped(text));
}

std::string xml_response(std::string_view action, std::string_view result, std::string_view request_id) {
  return fmt::format(
      R"({0}<{1}Response xmlns="{2}"><{1}Result>{3}</{1}Result><ResponseMetadata>{4}</ResponseMetadata></{1}Response>)",
      declaration, action, name_space, result, xml_element("RequestId", request_id));
}

std::string xml_error(const SqsError& error, std::string_view request_id) {
  const auto details = xml_element("Type", error.status >= first_fault_of_ours ? "Receiver" : "Sender") +
                       xml_element("Code", error.code) + xml_element("Message", error.message);
  return fmt::format(R"({}<ErrorResponse xmlns="{}"><Error>{}<Detail/></Error>{}</ErrorResponse>)", declaration, name_space,
                     details, xml_element("RequestId", request_id));
}

http::Response xml_answer(int status, std::string xml, std::string_view request_id) {
  http::Response response;
  response.status = status;
  response.content_type = "text/xml";
  response.body = std::move(xml);
  response.fields.emplace_back("x-amzn-RequestId", request_id);
  return response;
}

}  // namespace remuda::sqs
