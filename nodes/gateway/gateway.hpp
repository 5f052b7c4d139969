#pragma once
// The gateway: an HTTP face for channels, for any topology. Its `routes` say which method and path goes to which port; it
// knows nothing of rides. Most routes ask: the request travels as common/http/http_messages.hpp says, and the node's answer
// is the client's.
//
// A route may also just send, onto a queue, a topic or whatever its port is wired to, with nobody behind it that answers
// (accept_route.hpp): the client gets 202 as soon as the channel has the message.
//
// With `tokens` every request has to show one, /metrics too; /healthz then says without one that it lives, and no more.
//
// It answers by itself: GET /healthz, GET /metrics, and every request that no node should see (see http_requests.hpp). At most
// `outstanding` requests per port wait for an answer, further ones get 503, so a service that hangs takes nothing from the others.

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/http/bearer_gate.hpp"
#include "common/http/metrics.hpp"
#include "common/http/router.hpp"
#include "common/http/server.hpp"
#include "common/node.hpp"
#include "nodes/gateway/accept_route.hpp"
#include "nodes/gateway/http_requests.hpp"

namespace remuda {

class Gateway final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void stop() override;

  /// Where it listens, once started.
  [[nodiscard]] const http::Endpoint& endpoint() const { return server_->endpoint(); }

 private:
  // constant after start
  NodeContext* context_ = nullptr;
  http::Router router_;
  std::map<std::string, AcceptRoute, std::less<>> accepting_;  ///< by method and path, as in the parameter
  std::chrono::milliseconds deadline_{};
  int outstanding_max_ = 0;
  std::map<std::string, std::atomic<int>, std::less<>> outstanding_;  ///< by port; the keys are constant
  // the server's thread
  std::optional<http::BearerGate> gate_;  ///< nothing: whoever can connect is heard
  // used by both threads
  http::RequestMetrics metrics_;
  std::atomic<bool> draining_{false};

  std::unique_ptr<http::Server> server_;  ///< last: its thread uses all of the above

  void on_request(http::Request request, http::Responder respond);
  void read_routes(NodeContext& context);
  void forward(OutgoingRequest outgoing, http::Responder respond, Instant began);
  void accept(const AcceptRoute& accepting, OutgoingRequest outgoing, http::Responder respond, Instant began);
  void check_drain();
  /// Without details it says whether it lives, and nothing of what it does.
  [[nodiscard]] http::Response health(bool with_details) const;
  [[nodiscard]] http::Response metrics() const;
};

}  // namespace remuda
