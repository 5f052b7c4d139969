#include "nodes/sqs_gateway/sqs_gateway.hpp"

#include <stdexcept>

#include "common/http/server_parameters.hpp"
#include "common/log.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda {
namespace {

constexpr std::chrono::milliseconds stop_grace{2'000};
/// A batch of 1 MiB in a form, every byte of it as %XX, and what stands around it.
constexpr std::size_t body_size_max = 8ULL * 1'048'576;
constexpr std::size_t target_size_max = 12'288;  ///< presigned addresses are long

sqs::AwsError unavailable(std::string why) {
  return {sqs::Fault::service_unavailable, std::move(why)};
}

http::ServerOptions options_of(const Parameters& parameters) {
  auto options = http::server_options(parameters, http::Proof::signatures);
  options.limits.body_size_max = body_size_max;
  options.limits.target_size_max = target_size_max;
  options.refusal = [](const http::Problem& problem) { return sqs::answer(problem, new_message_id()); };
  return options;
}

}  // namespace

NodeDescription SqsGateway::describe() const {
  NodeDescription description{.name = "sqs_gateway",
                              .summary = "queues and topics for clients of Amazon SQS and SNS",
                              .ports = {},
                              .parameters = http::server_parameters("127.0.0.1:9324", http::Proof::signatures)};
  const ParameterDescription own[] = {
      {"broker", ParameterType::broker, "", "whose queues and topics it shows"},
      {"cool_down", ParameterType::duration, "\"60s\"",
       "how long after a purge the next one, and after a deletion the creation of the same queue, is refused"},
      {"outstanding", ParameterType::integer, "4096", "requests that may be under way; further ones get 503"},
      {"credentials", ParameterType::list, "[]",
       "who may sign requests: { id, secret } or { id, secret_file } each; without any, every signature is taken"}};
  description.parameters.insert(description.parameters.end(), std::begin(own), std::end(own));
  return description;
}

void SqsGateway::start(NodeContext& context) {
  const auto options = options_of(context.parameters());
  scheme_ = http::public_scheme(context.parameters());
  credentials_ = sqs::read_credentials(context.parameters().json("credentials"));
  clock_ = &context.clock();
  outstanding_max_ = static_cast<int>(context.parameters().integer("outstanding"));
  link_ = std::make_unique<sqs::BrokerLink>(context.parameters().broker("broker"), ClientIdentity{context.node_name(), {}},
                                            context.clock());
  desk_ = std::make_unique<sqs::Desk>(*link_, context.parameters().duration("cool_down"));
  server_ = http::listen_or_throw(
      options, [this](const http::Request& request, http::Responder respond) { on_request(request, std::move(respond)); },
      context.clock());
  forwarder_ = std::make_unique<sqs::Forwarder>(*desk_, scheme_ + "://" + server_->endpoint().text());
  desk_->on_subscription = [this](const std::string& queue) { forwarder_->found(queue); };
  link_->post([this] { forwarder_->start(); });
  link_->start();
  server_->serve();
  log_info("listening", {{"http", server_->url()}});
}

Outcome SqsGateway::on_message(std::string_view, const Message&, Outbox&) {
  return Outcome::done;
}

void SqsGateway::on_request(const http::Request& request, http::Responder respond) {
  const std::string request_id = new_message_id();
  const auto protocol = sqs::protocol_of(request);
  const auto refuse = [&](sqs::Service service, const sqs::AwsError& error) {
    respond(sqs::answer(protocol, service, error, request_id));
  };
  if (draining_) return refuse(sqs::Service::sqs, unavailable("The gateway is about to stop."));
  if (!credentials_.empty()) {
    if (auto known = sqs::check_signature(request, credentials_, to_unix_ms(clock_->wall_now()) / 1'000); !known)
      return refuse(sqs::Service::sqs, known.error());
  }
  auto call = sqs::read_call(request, scheme_);
  if (!call) return refuse(sqs::Service::sqs, call.error());
  const auto* verb = sqs::find_verb(call->service, call->action);
  if (verb == nullptr)
    return refuse(call->service,
                  {sqs::Fault::invalid_action, "The action " + call->action.substr(0, 128) + " is not valid for this endpoint."});
  if (outstanding_.fetch_add(1) >= outstanding_max_) {
    outstanding_.fetch_sub(1);
    return refuse(call->service, unavailable("Too many requests are under way."));
  }
  // What std::function holds can be copied; a call is moved through it by way of the heap.
  auto shared = std::make_shared<sqs::Call>(std::move(*call));
  link_->post([this, verb, shared = std::move(shared), request_id, respond = std::move(respond)] {
    sqs::Visit visit;
    visit.is_wanted = [respond] { return respond.is_wanted(); };
    visit.done = [this, protocol = shared->protocol, service = shared->service, action = shared->action, request_id,
                  respond](const sqs::Answered<sqs::Output>& output) {
      outstanding_.fetch_sub(1);
      respond(output ? sqs::answer({service, protocol, action, {}, {}}, *output, request_id)
                     : sqs::answer(protocol, service, output.error(), request_id));
    };
    visit.call = std::move(*shared);
    verb->run(*desk_, std::move(visit));
  });
}

void SqsGateway::drain() {
  draining_ = true;
  server_->drain();
  link_->post([this] {
    forwarder_->stop();
    link_->cancel_receives();
  });
}

void SqsGateway::stop() {
  draining_ = true;
  if (server_) server_->stop(stop_grace);
  if (link_) link_->stop();
}

}  // namespace remuda
