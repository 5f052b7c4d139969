// Hostile requests into the SQS gateway's pure steps, in both protocols, and hostile subscriptions into a direct topic. Whatever comes,
// it is a message that the broker's reader takes, or an error that has a name; and the XML around it stays XML.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/channels/direct_wire.hpp"
#include "common/xml_text.hpp"
#include "nodes/sqs_gateway/batch.hpp"
#include "nodes/sqs_gateway/call.hpp"
#include "nodes/sqs_gateway/digest.hpp"
#include "nodes/sqs_gateway/message_output.hpp"
#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/pages.hpp"
#include "nodes/sqs_gateway/queue_attributes.hpp"
#include "nodes/sqs_gateway/signature.hpp"

namespace {

using namespace remuda;
using namespace remuda::sqs;

void require(bool truth) {
  if (!truth) std::abort();
}

template <class T>
void require_a_name(const Answered<T>& answered) {
  if (!answered) require(!answered.error().code().empty() && answered.error().status() >= 400);
}

void look_at_message(const nlohmann::json& given) {
  for (const bool fifo : {false, true}) {
    const auto entry = read_message(given, {fifo});
    require_a_name(entry);
    if (!entry) continue;
    const auto packed = pack(entry->message);
    const auto back = unpack_message(packed);
    require(back.ok() && *back == entry->message);
    require(entry->md5_of_body.size() == 32 && is_allowed_text(entry->message.body));
    const std::string handle(16, 'h');
    const auto shown = show_message({handle, 1, 0, 0, packed}, {{"All"}, {"All"}}, fifo, {});
    require(shown.ok() && (*shown)["Body"] == entry->message.body);
    const auto xml = xml_of(Service::sqs, "ReceiveMessage", {{"Messages", {*shown}}}, "r");
    require(xml.ends_with("</ReceiveMessageResponse>"));
  }
}

void look_at_call(const http::Request& request) {
  const auto call = read_call(request);
  require_a_name(call);
  if (!call) return;
  require(call->input.is_object());
  const auto& input = call->input;
  look_at_message(input);
  const auto batch = read_batch(input, "SendMessageBatchRequestEntry");
  require_a_name(batch);
  if (batch) {
    for (const auto& entry : *batch) look_at_message(*entry.given);
  }
  require_a_name(read_selection(input));
  require_a_name(page_of({"a", "b"}, input));
  Input in{input};
  const auto attributes = in.text_map("Attributes");
  for (const bool fifo : {false, true}) {
    auto queue = new_queue("rides", fifo);
    require_a_name(set_attributes(queue, attributes));
    require_a_name(add_tags(queue, in.text_map("Tags")));
    require(!settings_of(queue).empty());
  }
  if (const auto url = in.text_if_any("QueueUrl")) require_a_name(queue_of_url(*url));
  if (const auto handle = in.text_if_any("ReceiptHandle"))
    require(!handle_of(*handle) || handle_text(*handle_of(*handle)) == *handle);
  const auto error = answer(call->protocol, call->service, {Fault::invalid_action, call->action}, "r");
  require(error.status == 400 && !error.body.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input{reinterpret_cast<const char*>(data), size};
  look_at_call({"POST", "/000000000000/rides", {{"Host", "localhost"}}, input, true, true});
  look_at_call({"POST", "/", {{"Host", "localhost"}, {"X-Amz-Target", "AmazonSQS.SendMessage"}}, input, true, true});
  const Credentials known{{"a", "secret"}};
  for (const auto& request :
       {http::Request{"GET", "/?" + input, {{"Host", "localhost"}}, "", true, false},
        http::Request{
            "GET", "/", {{"Host", "localhost"}, {"X-Amz-Date", "20261126T120000Z"}, {"Authorization", input}}, "", true, false}}) {
    const auto checked = check_signature(request, known, 1'795'694'400);
    require(!checked);  // nobody guesses a signature
    require_a_name(checked);
  }
  Message native;
  native.id = "m";
  native.body = input;
  require(is_allowed_text(body_text(native)) || body_text(native).empty());
  require(from_base64(base64(input)) == input);
  const auto text = xml_escaped(input);
  require(text.find_first_of("<>\"") == std::string::npos);
  if (const auto filter = direct::filter_of(input)) require(direct::subscription_to(*filter) == input || filter->policy.empty());
  return 0;
}
