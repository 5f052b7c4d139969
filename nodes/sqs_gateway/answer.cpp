#include "nodes/sqs_gateway/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/xml_text.hpp"

namespace remuda::sqs {
namespace {

constexpr std::string_view declaration = R"(<?xml version="1.0"?>)";

std::string_view name_space(Service service) {
  return service == Service::sqs ? "http://queue.amazonaws.com/doc/2012-11-05/" : "http://sns.amazonaws.com/doc/2010-03-31/";
}

/// How SQS writes a list or a map of the JSON protocol: each entry under this element, a pair as two elements.
struct FlatName {
  std::string_view in_json;
  std::string_view element;
  std::string_view key;
  std::string_view value;
};
constexpr std::array flat_names{
    FlatName{"Messages", "Message", {}, {}},
    FlatName{"Attributes", "Attribute", "Name", "Value"},
    FlatName{"MessageAttributes", "MessageAttribute", "Name", "Value"},
    FlatName{"QueueUrls", "QueueUrl", {}, {}},
    FlatName{"queueUrls", "QueueUrl", {}, {}},
    FlatName{"Failed", "BatchResultErrorEntry", {}, {}},
    FlatName{"Tags", "Tag", "Key", "Value"},
    FlatName{"Results", "ListMessageMoveTasksResultEntry", {}, {}},
};

class XmlWriter {
 public:
  XmlWriter(Service service, std::string_view action) : service_{service}, action_{action} {}

  void object(const Output& json) {
    for (const auto& [name, value] : json.items()) member(name, value);
  }
  void open(std::string_view name) { out_.append("<").append(name).append(">"); }
  void close(std::string_view name) { out_.append("</").append(name).append(">"); }
  void element(std::string_view name, const Output& value) {
    open(name);
    content(value);
    close(name);
  }
  std::string& out() { return out_; }

 private:
  Service service_;
  std::string_view action_;
  std::string out_;

  void content(const Output& value) {
    if (value.is_string()) {
      out_ += xml_escaped(value.get_ref<const std::string&>());
    } else if (value.is_object()) {
      object(value);
    } else {
      out_ += value.dump();
    }
  }

  void member(const std::string& name, const Output& value) {
    if (service_ == Service::sns) return sns_member(name, value);
    if (name == "Successful") return list(action_.empty() ? name : std::string{action_} + "ResultEntry", value);
    const auto flat =
        std::find_if(flat_names.begin(), flat_names.end(), [&](const FlatName& known) { return known.in_json == name; });
    if (flat == flat_names.end() || value.is_string()) return element(name, value);
    if (flat->key.empty()) return list(flat->element, value);
    for (const auto& [key, entry] : value.items()) {
      open(flat->element);
      element(flat->key, key);
      element(flat->value, entry);
      close(flat->element);
    }
  }

  void list(std::string_view element_name, const Output& entries) {
    for (const auto& entry : entries) element(element_name, entry);
  }

  void sns_member(const std::string& name, const Output& value) {
    open(name);
    if (value.is_array()) {
      list("member", value);
    } else if (value.is_object()) {
      for (const auto& [key, entry] : value.items()) {
        open("entry");
        element("key", key);
        element("value", entry);
        close("entry");
      }
    } else {
      content(value);
    }
    close(name);
  }
};

http::Response response(int status, std::string_view content_type, std::string body, std::string_view request_id) {
  http::Response response;
  response.status = status;
  response.content_type = content_type;
  response.body = std::move(body);
  response.fields.emplace_back("x-amzn-RequestId", request_id);
  return response;
}

std::string xml_error(Service service, const AwsError& error, std::string_view request_id) {
  return fmt::format(
      R"({}<ErrorResponse xmlns="{}"><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message><Detail/></Error><RequestId>{}</RequestId></ErrorResponse>)",
      declaration, name_space(service), error.is_senders() ? "Sender" : "Receiver", error.code(), xml_escaped(error.message),
      xml_escaped(request_id));
}

std::string dump(const Output& json) {
  return json.dump(-1, ' ', false, Output::error_handler_t::replace);
}

constexpr std::string_view json_type = "application/x-amz-json-1.0";

}  // namespace

std::string xml_of(Service service, std::string_view action, const Output& output, std::string_view request_id) {
  XmlWriter writer{service, action};
  auto& out = writer.out();
  out.append(declaration).append("<").append(action).append("Response xmlns=\"").append(name_space(service)).append("\">");
  if (!output.is_null()) {
    const auto result = std::string{action} + "Result";
    writer.open(result);
    writer.object(output);
    writer.close(result);
  }
  out.append("<ResponseMetadata><RequestId>").append(xml_escaped(request_id)).append("</RequestId></ResponseMetadata></");
  out.append(action).append("Response>");
  return std::move(out);
}

http::Response answer(const Call& call, const Output& output, std::string_view request_id) {
  if (call.protocol == Protocol::json) return response(200, json_type, output.is_null() ? "{}" : dump(output), request_id);
  return response(200, "text/xml", xml_of(call.service, call.action, output, request_id), request_id);
}

http::Response answer(Protocol protocol, Service service, const AwsError& error, std::string_view request_id) {
  if (protocol == Protocol::query) return response(error.status(), "text/xml", xml_error(service, error, request_id), request_id);
  const std::string_view shapes = service == Service::sqs ? "com.amazonaws.sqs#" : "com.amazonaws.sns#";
  auto out =
      response(error.status(), json_type,
               dump({{"__type", std::string{shapes}.append(facts_of(error.fault).shape)}, {"message", error.message}}), request_id);
  // What the query protocol would have called it: clients that grew up with that protocol look for these codes.
  out.fields.emplace_back("x-amzn-query-error", std::string{error.code()}.append(error.is_senders() ? ";Sender" : ";Receiver"));
  return out;
}

http::Response answer(const http::Problem& problem, std::string_view request_id) {
  Fault fault = problem.status >= 500 ? Fault::service_unavailable : Fault::malformed_input;
  if (problem.status == 408) fault = Fault::request_timeout;
  if (problem.status == 413) fault = Fault::request_too_large;
  auto out = answer(Protocol::query, Service::sqs, {fault, problem.detail}, request_id);
  out.status = problem.status;  // what HTTP calls it: 431 for fields, 505 for a version
  return out;
}

}  // namespace remuda::sqs
