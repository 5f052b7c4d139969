#include "nodes/sqs_gateway/sqs_gateway.hpp"

#include <stdexcept>

#include "common/log.hpp"
#include "nodes/sqs_gateway/send_message.hpp"
#include "nodes/sqs_gateway/xml.hpp"

namespace remuda {
namespace {

/// How soon it notices that its node is to drain.
constexpr std::chrono::milliseconds drain_check_interval{50};
constexpr std::chrono::milliseconds stop_grace{2'000};
constexpr std::size_t form_size_max = 4'194'304;  ///< a body of 1 MiB, every byte of it as %XX, and its attributes

http::Response answer(const sqs::SqsError& error, const std::string& request_id) {
  return sqs::xml_answer(error.status, sqs::xml_error(error, request_id), request_id);
}

sqs::SqsError unavailable(std::string why) {
  return {503, "ServiceUnavailable", std::move(why)};
}

}  // namespace

NodeDescription SqsGateway::describe() const {
  return {.name = "sqs_gateway",
          .summary = "takes messages for queues over Amazon's query protocol",
          .ports = {},
          .parameters = {{"listen", ParameterType::text, "\"127.0.0.1:9324\"",
                          "address and port on this machine; port 0 lets the system choose"},
                         {"outstanding", ParameterType::integer, "1024",
                          "messages that may wait for their confirm; further ones get 503"}},
          .open_outputs = true};
}

void SqsGateway::start(NodeContext& context) {
  context_ = &context;
  const auto listen = http::parse_endpoint(context.parameters().text("listen"));
  if (!listen) throw std::invalid_argument{listen.error().message};
  if (!listen->is_loopback())
    throw std::invalid_argument{"listen = \"" + listen->text() +
                                "\" is open to the network, and requests are not authenticated: listen on 127.0.0.1"};
  outstanding_max_ = static_cast<int>(context.parameters().integer("outstanding"));
  http::ServerOptions options;
  options.listen = *listen;
  options.limits.body_size_max = form_size_max;
  auto server = http::Server::listen(
      options, [this](const http::Request& request, http::Responder respond) { on_request(request, std::move(respond)); },
      context.clock());
  if (!server) throw std::invalid_argument{server.error().message};
  server_ = std::move(*server);
  server_->serve();
  context.every(drain_check_interval, [this] {
    if (context_->is_draining() && !draining_.exchange(true)) server_->drain();
  });
  log_info("listening", {{"http", "http://" + server_->endpoint().text()}});
}

Outcome SqsGateway::on_message(std::string_view, const Message&, Outbox&) {
  return Outcome::done;
}

void SqsGateway::on_request(const http::Request& request, http::Responder respond) {
  const std::string request_id = new_message_id();
  if (draining_) return respond(answer(unavailable("The gateway is about to stop."), request_id));
  auto query = sqs::read_query_request(request);
  if (!query) return respond(answer(query.error(), request_id));
  if (query->action != "SendMessage")
    return respond(answer({400, "InvalidAction", "The action " + query->action + " is not valid for this endpoint."}, request_id));
  auto message = sqs::message_of(*query);
  if (!message) return respond(answer(message.error(), request_id));
  if (outstanding_.fetch_add(1) >= outstanding_max_) {
    outstanding_.fetch_sub(1);
    return respond(answer(unavailable("Too many messages wait for their confirm."), request_id));
  }
  context_->post([this, queue = query->queue, sent = std::make_shared<Message>(std::move(*message)), request_id,
                  respond = std::move(respond)] { send(queue, std::move(*sent), request_id, respond); });
}

void SqsGateway::send(const std::string& queue, Message message, const std::string& request_id, http::Responder respond) {
  const auto finish = [this, request_id, respond = std::move(respond)](http::Response response) {
    outstanding_.fetch_sub(1);
    respond(std::move(response));
  };
  if (!context_->is_wired(queue))
    return finish(answer({400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."}, request_id));
  if (const auto why = context_->held_back(); !why.empty()) return finish(answer(unavailable(why), request_id));
  context_->count("sent");
  const std::string response = sqs::send_message_response(message, request_id);
  context_->send(queue, std::move(message), [finish, response, request_id](const Result<void>& confirmed) {
    finish(confirmed ? sqs::xml_answer(200, response, request_id)
                     : answer({400, "InvalidParameterValue", confirmed.error().message}, request_id));
  });
}

void SqsGateway::stop() {
  draining_ = true;
  if (server_) server_->stop(stop_grace);
}

}  // namespace remuda
