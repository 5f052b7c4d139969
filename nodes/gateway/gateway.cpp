#include "nodes/gateway/gateway.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "common/http/http_messages.hpp"
#include "common/http/server_parameters.hpp"
#include "common/log.hpp"

namespace remuda {

namespace {

/// How soon the gateway notices that its node is to drain.
constexpr std::chrono::milliseconds drain_check_interval{50};
constexpr std::chrono::milliseconds stop_grace{2'000};

/// The metrics' label for requests that found no route: one, so that clients cannot invent labels.
constexpr std::string_view no_route = "none";

/// Methods are a label too.
std::string_view method_label(std::string_view method) {
  for (const std::string_view known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    if (method == known) return known;
  }
  return "other";
}

}  // namespace

NodeDescription Gateway::describe() const {
  NodeDescription description{.name = "gateway",
                              .summary = "answers HTTP requests by asking nodes, or accepts them onto a channel",
                              .ports = {},
                              .parameters = http::server_parameters("127.0.0.1:8080", http::Proof::tokens),
                              .open_request_ports = true,
                              .open_outputs = true};
  const ParameterDescription own[] = {
      {"routes", ParameterType::table, "{}",
       "which request goes to which port: { \"GET /rides/{id}\" = \"submit\" }; a table { send = \"PORT\", task = \"/PATH/{id}\" } "
       "accepts with 202"},
      {"deadline", ParameterType::duration, "\"5s\"", "how long a node may take for its answer; then 504"},
      {"outstanding", ParameterType::integer, "1024", "requests per port that may wait for an answer; further ones get 503"},
      {"connections", ParameterType::integer, "1024", "open connections; beyond it the one that has idled longest is closed"},
      {"body_size", ParameterType::size, "\"1MiB\"", "the largest body of a request; then 413"}};
  description.parameters.insert(description.parameters.end(), std::begin(own), std::end(own));
  return description;
}

void Gateway::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  auto options = http::server_options(parameters, http::Proof::tokens);
  if (const auto tokens = parameters.text("tokens"); !tokens.empty()) {
    auto gate = http::BearerGate::open(tokens, context.clock(),
                                       [](const std::string& why) { log_warning("the earlier tokens hold: " + why); });
    if (!gate) throw std::invalid_argument{"parameter tokens: " + gate.error().message};
    gate_ = *std::move(gate);
  }
  read_routes(context);
  deadline_ = parameters.duration("deadline");
  outstanding_max_ = static_cast<int>(parameters.integer("outstanding"));

  options.limits.body_size_max = parameters.size("body_size");
  options.connections_max = static_cast<std::size_t>(parameters.integer("connections"));
  options.deadlines.handling = deadline_ + std::chrono::seconds{5};  // the node's deadline comes first: it knows more
  server_ = http::listen_or_throw(
      options, [this](http::Request request, http::Responder respond) { on_request(std::move(request), std::move(respond)); },
      context.clock());
  server_->serve();
  context.every(drain_check_interval, [this] { check_drain(); });
  log_info("listening", {{"http", server_->url()}});
}

void Gateway::read_routes(NodeContext& context) {
  std::map<std::string, std::string> routes;
  for (const auto& [route, target] : context.parameters().json("routes").items()) {
    if (target.is_string()) {
      routes[route] = target.get<std::string>();
      continue;
    }
    auto accepting = AcceptRoute::from_json(target);
    if (!accepting) throw std::invalid_argument{"parameter routes: '" + route + "' " + accepting.error().message};
    routes[route] = accepting->port;
    accepting_.emplace(route, std::move(*accepting));
  }
  auto router = http::Router::make(routes);
  if (!router) throw std::invalid_argument{"parameter routes: " + router.error().message};
  router_ = std::move(*router);
  for (const auto& route : router_.routes()) {
    const std::string name = "route '" + route.method + " " + route.path + "'";
    if (!context.is_wired(route.port)) throw std::invalid_argument{name + " goes to port '" + route.port + "', which is not wired"};
    const bool accepts = accepting_.contains(route.method + " " + route.path);
    if (accepts && context.can_ask(route.port))
      throw std::invalid_argument{name + " accepts, so its port '" + route.port + "' must not be wired to a request channel"};
    if (!accepts && !context.can_ask(route.port))
      throw std::invalid_argument{name + " asks, so its port '" + route.port + "' needs a request channel; { send = \"" +
                                  route.port + "\" } accepts onto any other"};
    outstanding_[route.port] = 0;
  }
}

void Gateway::on_request(http::Request request, http::Responder respond) {
  const Instant began = context_->clock().now();
  const auto answer_now = [&](std::string_view route, http::Response response) {
    metrics_.record(method_label(request.method), route, response.status, context_->clock().now() - began);
    respond(std::move(response));
  };
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  auto refusal = gate_ ? gate_->refusal(request) : std::nullopt;
  if (is_read && request.path() == "/healthz") return answer_now("/healthz", health(!refusal));
  if (refusal) return answer_now(no_route, *std::move(refusal));
  if (is_read && request.path() == "/metrics") return answer_now("/metrics", metrics());
  if (draining_) return answer_now(no_route, http::to_response({503, "the gateway is about to stop", {}}));

  auto decided = route_request(router_, request, to_unix_ms(context_->clock().wall_now()));
  if (auto* refused = std::get_if<RefusedRequest>(&decided)) {
    auto response = http::to_response(refused->problem);
    if (!refused->allow.empty()) response.fields.emplace_back("Allow", refused->allow);
    return answer_now(refused->route == nullptr ? no_route : std::string_view{refused->route->path}, std::move(response));
  }
  auto& outgoing = std::get<OutgoingRequest>(decided);
  auto& waiting = outstanding_.find(outgoing.route->port)->second;
  if (waiting.fetch_add(1) >= outstanding_max_) {
    waiting.fetch_sub(1);
    return answer_now(outgoing.route->path, http::to_response({503, "too many requests wait for an answer", {}}));
  }
  const auto accepting = accepting_.find(outgoing.route->method + " " + outgoing.route->path);
  if (accepting == accepting_.end()) return forward(std::move(outgoing), std::move(respond), began);
  accept(accepting->second, std::move(outgoing), std::move(respond), began);
}

void Gateway::accept(const AcceptRoute& accepting, OutgoingRequest outgoing, http::Responder respond, Instant began) {
  const auto* route = outgoing.route;
  auto finish = [this, route, respond = std::move(respond), began](http::Response response) {
    outstanding_.find(route->port)->second.fetch_sub(1);
    metrics_.record(route->method, route->path, response.status, context_->clock().now() - began);
    respond(std::move(response));
  };
  auto accepted = accepting.accept(outgoing.message, context_->node_name());
  if (!accepted) return finish(http::to_response(accepted.error()));
  auto message = std::make_shared<Message>(std::move(*accepted));
  context_->post([this, &accepting, message = std::move(message), finish = std::move(finish)] {
    // It would be kept and sent in the end; but who is told so now can go elsewhere.
    if (const auto why = context_->held_back(); !why.empty())
      return finish(http::to_response(problem_of({"overloaded", why, true})));
    const std::string id = message->id;
    context_->send(accepting.port, std::move(*message), [&accepting, id, finish](const Result<void>& confirmed) {
      finish(confirmed ? accepting.answer(id) : http::to_response(problem_of(confirmed.error())));
    });
  });
}

void Gateway::forward(OutgoingRequest outgoing, http::Responder respond, Instant began) {
  // std::function wants something it can copy; a message is moved through it by way of the heap.
  auto message = std::make_shared<Message>(std::move(outgoing.message));
  context_->post([this, route = outgoing.route, message = std::move(message), respond = std::move(respond), began] {
    context_->request(route->port, std::move(*message), deadline_, [this, route, respond, began](const Result<Message>& answer) {
      outstanding_.find(route->port)->second.fetch_sub(1);
      http::Response response = answer ? http::response_of(*answer) : http::to_response(problem_of(answer.error()));
      metrics_.record(route->method, route->path, response.status, context_->clock().now() - began);
      respond(std::move(response));
    });
  });
}

void Gateway::check_drain() {
  if (!context_->is_draining() || draining_.exchange(true)) return;
  server_->drain();
}

Outcome Gateway::on_message(std::string_view, const Message&, Outbox&) {
  return Outcome::done;
}

void Gateway::stop() {
  draining_ = true;
  if (server_) server_->stop(stop_grace);
}

http::Response Gateway::health(bool with_details) const {
  http::Response response;
  auto waiting = nlohmann::ordered_json::object();
  bool overloaded = false;
  for (const auto& [port, count] : outstanding_) {
    waiting[port] = count.load();
    overloaded = overloaded || count >= outstanding_max_;
  }
  nlohmann::ordered_json json{{"status", draining_ ? "draining" : overloaded ? "overloaded" : "ok"}};
  if (with_details) json["outstanding"] = std::move(waiting);
  if (draining_ || overloaded) {
    response.status = 503;
    if (with_details)
      json["reason"] = draining_ ? "the gateway is about to stop" : "a port has as many outstanding requests as it may";
  }
  response.body = json.dump();
  return response;
}

http::Response Gateway::metrics() const {
  const auto statistics = server_->statistics();
  http::Response response;
  response.content_type = "text/plain; version=0.0.4";
  response.body =
      metrics_.render() + http::metric_text("remuda_http_connections", "gauge", "Open connections.", statistics.connections) +
      http::metric_text("remuda_http_requests_handling", "gauge", "Requests that wait for an answer.", statistics.handling) +
      http::metric_text("remuda_http_refused_total", "counter", "Requests that were malformed or over a limit.",
                        statistics.refused) +
      http::metric_text("remuda_http_timed_out_total", "counter", "Connections cut at a deadline.", statistics.timed_out) +
      http::metric_text("remuda_http_evicted_total", "counter", "Connections closed to make room.", statistics.evicted);
  return response;
}

}  // namespace remuda
