// Hostile forms into the SQS gateway's steps, and hostile subscriptions into a direct topic. Whatever comes, it is a message that
// the broker's reader takes, or an error that has a name; and the XML around it stays XML.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/channels/direct_wire.hpp"
#include "common/xml_text.hpp"
#include "nodes/sqs_gateway/send_message.hpp"
#include "nodes/sqs_gateway/xml.hpp"

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input{reinterpret_cast<const char*>(data), size};
  const remuda::http::Request request{"POST", "/000000000000/rides", {}, input, true, true};
  const auto query = remuda::sqs::read_query_request(request);
  if (!query) {
    require(!query.error().code.empty() && query.error().status >= 400);
  } else if (const auto message = remuda::sqs::message_of(*query)) {
    require(!message->id.empty() && !message->body.empty());
    require(remuda::sqs::md5_of(message->body).size() == 32);
    const auto xml = remuda::sqs::send_message_response(*message, "r");
    require(xml.find("</SendMessageResponse>") == xml.size() - std::string_view{"</SendMessageResponse>"}.size());
  } else {
    require(!message.error().code.empty());
  }
  const auto text = remuda::xml_escaped(input);
  require(text.find_first_of("<>\"") == std::string::npos);
  if (const auto filter = remuda::direct::filter_of(input))
    require(remuda::direct::subscription_to(*filter) == input || filter->policy.empty());
  return 0;
}
